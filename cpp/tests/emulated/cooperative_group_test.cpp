// A group of many threads: the emulated block's, against a group of one.
#include "nullcline/gpu/cooperative_group.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "emulated/block.hpp"
#include "nullcline/numerics/trust_region.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using emulated::block_size;
using tests::BlockGroup;
using tests::Random;
using tests::run_block;

/// One value for each thread.
template <class T>
using PerThread = std::array<T, block_size>;

template <class T>
bool all_same(const PerThread<T>& values) {
    return std::ranges::all_of(values, [&](const T& value) { return value == values[0]; });
}

TEST("the emulated lanes' reductions give every thread the same bits") {
    Random random(111);
    for (const std::size_t n : {1U, 5U, 12U, 13U, 500U}) {
        std::vector<float> x(n);  // sums of which depend on their order
        for (float& value : x) {
            value = static_cast<float>(random.over_magnitudes(-6, 6));
        }
        PerThread<float> sums{};
        PerThread<float> dots{};
        PerThread<float> minima{};
        std::vector<float> of_warp(emulated::warp_width);
        run_block([&](const BlockGroup& group, std::size_t rank) {
            const auto at = [&](std::size_t i) { return x[i]; };
            sums[rank] = group.sum(n, at);
            minima[rank] = group.reduce_min(n, 1e30F, at);
            dots[rank] = group.dot(std::span<const float>(x), std::span<const float>(x));
            group.with_warp([&](const auto& warp) { of_warp[rank] = warp.sum(n, at); });
        });
        CHECK(all_same(sums) && all_same(dots) && all_same(minima));
        CHECK(std::ranges::all_of(of_warp, [&](float sum) { return sum == of_warp[0]; }));
    }
}

TEST("a block's reductions are those of plain loops") {
    const SerialGroup serial;
    Random random(112);
    for (const std::size_t n : {0U, 1U, 5U, 12U, 13U, 500U}) {
        const auto x = random.vector<double>(n);
        const auto at = [&](std::size_t i) { return x[i]; };
        const double least = serial.reduce_min(n, 0.5, at);
        run_block([&](const BlockGroup& group, std::size_t) {
            CHECK_CLOSE(group.sum(n, at), serial.sum(n, at), 1e-12);
            CHECK(group.reduce_min(n, 0.5, at) == least);
            CHECK(group.all(n, [&](std::size_t i) { return x[i] >= least; }));
            CHECK(n == 0 || !group.all(n, [&](std::size_t i) { return i + 1 < n; }));
        });
    }
}

TEST("a block visits every index once, runs single work once, and waits for both") {
    for (const std::size_t n : {1U, 12U, 40U}) {
        std::vector<int> visits(n);
        int n_runs = 0;
        run_block([&](const BlockGroup& group, std::size_t) {
            for (int round = 1; round <= 20; ++round) {
                group.for_each(n, [&](std::size_t i) { ++visits[i]; });
                CHECK(std::ranges::all_of(visits, [&](int count) { return count == round; }));
                group.single([&] { ++n_runs; });
                CHECK(n_runs == round);
                group.sync();
            }
        });
    }
}

TEST("with_warp runs in the threads of one warp, and the others wait for it") {
    std::atomic<std::size_t> n_runs = 0;
    PerThread<double> sums{};
    run_block([&](const BlockGroup& group, std::size_t rank) {
        double sum = 0;
        group.with_warp([&](const auto& warp) {
            ++n_runs;
            sum = warp.sum(10, [](std::size_t i) { return static_cast<double>(i); });
            sums[rank] = sum;
        });
        CHECK(n_runs == emulated::warp_width);
    });
    for (std::size_t rank = 0; rank < block_size; ++rank) {
        CHECK(sums[rank] == (rank < emulated::warp_width ? 45 : 0));
    }
}

TEST("a group takes one number of a counter, and adds to one once") {
    unsigned long long next = 7;
    unsigned long long count = 0;
    PerThread<std::size_t> numbers{};
    run_block([&](const BlockGroup& group, std::size_t rank) {
        numbers[rank] = group.take_number(&next);
        group.count(&count, 5);
    });
    CHECK(next == 8 && count == 5);
    CHECK(all_same(numbers) && numbers[0] == 7);
}

TEST("a block's loops over units and rows are a serial group's") {
    const SerialGroup serial;
    Random random(113);
    const std::size_t size = 30;
    const std::size_t n_rows = 7;
    const std::size_t n_fields = 3;
    SmallMatrix mix;
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t j = 0; j < n_rows; ++j) {
            mix(i, j) = random.uniform();
        }
    }
    const auto x = random.vector<float>(size);
    const auto c = random.vector<float>(n_rows);
    const auto hessian = random.vector<float>(curvature_size(n_fields, size));
    const auto fields = random.vector<float>(n_fields * size);
    const AdamFactors factors{-0.01F, 1.5F};

    /// What every loop writes.
    struct Written {
        Matrix<float> rows;
        std::vector<float> combined, first, second;
        std::vector<float> coordinates, change, curvature;
    };
    const Written before{random.matrix<float>(n_rows, size), random.vector<float>(size),
                         random.vector<float>(size),         random.vector<float>(size, 0, 1),
                         std::vector<float>(n_rows),         std::vector<float>(size),
                         std::vector<float>(n_fields * size)};
    const auto write = [&](const auto& group, Written& w) {
        group.coordinates(w.rows.view(), x, w.coordinates);
        group.add_combination(w.rows.view(), c, w.combined);
        group.apply_curvature(hessian, fields, size, w.curvature);
        group.adam_step(w.first, w.second, x, factors, w.change);
        group.recombine(mix, n_rows - 2, w.rows.view());
    };
    Written expected = before;
    Written actual = before;
    write(serial, expected);
    run_block([&](const BlockGroup& group, std::size_t) { write(group, actual); });

    const auto check_same = [](std::span<const float> a, std::span<const float> b) {
        CHECK(a.size() == b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
            CHECK_CLOSE(a[i], b[i], 1e-5F);
        }
    };
    check_same(actual.coordinates, expected.coordinates);
    check_same(actual.combined, expected.combined);
    check_same(actual.curvature, expected.curvature);
    check_same(actual.first, expected.first);
    check_same(actual.second, expected.second);
    check_same(actual.change, expected.change);
    check_same(actual.rows.elements(), expected.rows.elements());
}

TEST("the threads of a block agree on a trust-region step, which is a serial group's") {
    const SerialGroup serial;
    Random random(114);
    for (int trial = 0; trial < 10; ++trial) {
        const std::size_t n = 1 + random.below(16);
        SmallMatrix a;
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                a(i, j) = random.uniform();
            }
        }
        const auto g = random.vector<double>(n);
        const double radius = std::abs(random.over_magnitudes(-1, 1));
        std::vector<double> expected(n);
        std::vector<double> y(n);
        ModelWorkspace work;
        const ModelStep step = minimize_model(serial, a, g, radius, expected, work);
        PerThread<double> norms{};
        run_block([&](const BlockGroup& group, std::size_t rank) {
            norms[rank] = minimize_model(group, a, g, radius, y, work).norm;
        });
        CHECK(all_same(norms));
        CHECK_CLOSE(norms[0], step.norm, 1e-9 * step.norm);
        for (std::size_t i = 0; i < n; ++i) {
            CHECK_CLOSE(y[i], expected[i], 1e-9 * step.norm);
        }
    }
}

}  // namespace
}  // namespace nullcline
