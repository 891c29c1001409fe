// A group of one.
#include "nullcline/parallel/serial_group.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/numerics/vectors.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

TEST("a serial group's reductions are those of plain loops") {
    const SerialGroup group;
    Random random(101);
    for (const std::size_t n : {0U, 1U, 10U, 99U}) {
        const auto x = random.vector<double>(n);
        double sum = 0;
        double least = 0.25;
        for (const double value : x) {
            sum += value;
            least = std::min(least, value);
        }
        const auto at = [&](std::size_t i) { return x[i]; };
        CHECK_CLOSE(group.sum(n, at), sum, 1e-13);
        CHECK(group.reduce_min(n, 0.25, at) == least);
        CHECK(group.all(n, [&](std::size_t i) { return x[i] >= least; }));
        CHECK(n == 0 || !group.all(n, [&](std::size_t i) { return i + 1 < n; }));
    }
}

TEST("a serial group visits every index once and runs single work once") {
    const SerialGroup group;
    std::vector<int> visits(100);
    int* const to = visits.data();
    group.for_each(visits.size(), [=](std::size_t i) { to[i] += 1; });
    CHECK(std::ranges::all_of(visits, [](int n) { return n == 1; }));
    int n_runs = 0;
    group.single([&] { ++n_runs; });
    group.with_warp([&](const SerialGroup&) { ++n_runs; });
    CHECK(n_runs == 2);
}

TEST("recombined rows are the combinations of the rows before") {
    const SerialGroup group;
    Random random(102);
    const std::size_t n_rows = 6;
    const std::size_t n_combinations = 3;
    const std::size_t size = 19;
    SmallMatrix combinations;
    for (std::size_t i = 0; i < n_combinations; ++i) {
        for (std::size_t j = 0; j < n_rows; ++j) {
            combinations(i, j) = random.uniform();
        }
    }
    const Matrix<float> before = random.matrix<float>(n_rows, size);
    Matrix<float> rows = before;
    group.recombine(combinations, n_combinations, rows.view());
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t j = 0; j < size; ++j) {
            double expected = 0;
            for (std::size_t k = 0; k < n_rows; ++k) {
                expected += combinations(i, k) * static_cast<double>(before.view()(k, j));
            }
            if (i >= n_combinations) {
                expected = before.view()(i, j);
            }
            CHECK_CLOSE(rows.view()(i, j), expected, 1e-5);
        }
    }
}

TEST("a copy to another precision rounds, and a fill fills") {
    const SerialGroup group;
    Random random(103);
    std::vector<double> from = random.vector<double>(30);
    std::vector<float> to(30);
    copy(group, std::span<double>(from), std::span<float>(to));
    for (std::size_t i = 0; i < 30; ++i) {
        CHECK(to[i] == static_cast<float>(from[i]));
    }
    CHECK_CLOSE(norm(group, std::span<double>(from)), norm(std::span<const double>(from)), 1e-15);
    fill(group, std::span<float>(to), 2.5F);
    CHECK(std::ranges::all_of(to, [](float x) { return x == 2.5F; }));
}

}  // namespace
}  // namespace nullcline
