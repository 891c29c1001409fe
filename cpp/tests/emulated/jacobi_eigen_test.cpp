// Eigenvalues by Jacobi rotations: the order of rotations, one rotation, whole matrices.
#include "nullcline/gpu/jacobi_eigen.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "emulated/block.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::BlockGroup;
using tests::Random;
using tests::run_block;

constexpr std::size_t n = SmallMatrix::largest;
constexpr double tolerance = 1e-12;

using Eigenvalues = std::array<double, n>;

/// Q diag(eigenvalues) Qᵀ, Q being a product of random reflections.
SmallMatrix with_eigenvalues(const Eigenvalues& eigenvalues, Random& random) {
    SmallMatrix a;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            a(i, j) = i == j ? eigenvalues[i] : 0;
        }
    }
    for (int reflection = 0; reflection < 3; ++reflection) {
        const auto v = random.vector<double>(n);
        double square = 0;
        for (const double x : v) {
            square += x * x;
        }
        const auto reflect = [&](const auto& entry) {  // every column of what `entry` shows
            for (std::size_t j = 0; j < n; ++j) {
                double along = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    along += v[i] * entry(i, j);
                }
                for (std::size_t i = 0; i < n; ++i) {
                    entry(i, j) -= 2 * along / square * v[i];
                }
            }
        };
        reflect([&](std::size_t i, std::size_t j) -> double& { return a(i, j); });
        reflect([&](std::size_t i, std::size_t j) -> double& { return a(j, i); });
    }
    return a;
}

/// That the rows of `vectors` are an orthonormal basis in which `a` is diag(eigenvalues).
void check_eigenvectors(const SmallMatrix& a, const SmallMatrix& vectors,
                        const Eigenvalues& eigenvalues) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            double product = 0;
            double image = 0;
            for (std::size_t k = 0; k < n; ++k) {
                product += vectors(i, k) * vectors(j, k);
                image += a(j, k) * vectors(i, k);
            }
            CHECK_CLOSE(product, i == j ? 1.0 : 0.0, tolerance);
            CHECK_CLOSE(image, eigenvalues[i] * vectors(i, j), tolerance);
        }
    }
}

Eigenvalues random_eigenvalues(Random& random) {
    Eigenvalues eigenvalues{};
    for (double& value : eigenvalues) {
        value = random.uniform();
    }
    return eigenvalues;
}

TEST("jacobi_eigen finds the eigenvalues of a symmetric matrix, in rising order") {
    const SerialGroup group;
    Random random(121);
    for (int trial = 0; trial < 5; ++trial) {
        Eigenvalues eigenvalues = random_eigenvalues(random);
        if (trial == 1) {  // some of them many times over
            std::fill_n(eigenvalues.begin(), 10, 0.5);
            std::fill_n(eigenvalues.begin() + 10, 10, 0.0);
        }
        const SmallMatrix a = with_eigenvalues(eigenvalues, random);
        std::ranges::sort(eigenvalues);
        SmallMatrix vectors = a;
        SmallMatrix workspace;
        std::vector<double> numbers(n);
        gpu::jacobi_eigen(group, vectors, workspace, numbers);
        check_eigenvectors(a, vectors, eigenvalues);
    }
}

/// A thread that counts its loops.
struct CountingGroup : SerialGroup {
    std::size_t* n_loops;

    template <class F>
    void for_each(std::size_t count, const F& f) const {
        ++*n_loops;
        SerialGroup::for_each(count, f);
    }
};

TEST("jacobi_eigen stops once what is off the diagonal is rounding") {
    constexpr std::size_t loops_per_sweep = 3 * (n - 1);
    Random random(124);
    for (int trial = 0; trial < 20; ++trial) {
        Eigenvalues eigenvalues = random_eigenvalues(random);
        const bool is_graded = trial % 4 == 1;  // over many magnitudes
        if (is_graded) {
            for (std::size_t i = 0; i < n; ++i) {
                eigenvalues[i] *= std::pow(10.0, -static_cast<double>(i) / 2);
            }
        }
        SmallMatrix vectors = with_eigenvalues(eigenvalues, random);
        SmallMatrix workspace;
        std::vector<double> numbers(n);
        std::size_t n_loops = 0;
        const CountingGroup group{{}, &n_loops};
        gpu::jacobi_eigen(group, vectors, workspace, numbers);
        CHECK(n_loops / loops_per_sweep <= (is_graded ? 14 : 8));
    }
}

TEST("the threads of an emulated block find eigenvalues together") {
    Random random(122);
    Eigenvalues eigenvalues = random_eigenvalues(random);
    const SmallMatrix a = with_eigenvalues(eigenvalues, random);
    std::ranges::sort(eigenvalues);
    SmallMatrix vectors = a;
    SmallMatrix workspace;
    std::vector<double> numbers(n);
    run_block([&](const BlockGroup& group, std::size_t) {
        gpu::jacobi_eigen(group, vectors, workspace, numbers);
    });
    check_eigenvectors(a, vectors, eigenvalues);
}

TEST("in a tournament everyone meets everyone once, and nobody twice in a round") {
    std::set<std::pair<std::size_t, std::size_t>> met;
    for (std::size_t round = 0; round < n - 1; ++round) {
        std::set<std::size_t> busy;
        for (std::size_t k = 0; k < n / 2; ++k) {
            const gpu::JacobiPair pair(round, k, n);
            CHECK(busy.insert(pair.first).second && busy.insert(pair.second).second);
            met.insert(std::minmax(pair.first, pair.second));
        }
        CHECK(*busy.rbegin() == n - 1);
    }
    CHECK(met.size() == n * (n - 1) / 2);
}

TEST("a Jacobi rotation makes the entry off the diagonal zero and keeps norms") {
    Random random(123);
    for (int trial = 0; trial < 1000; ++trial) {
        double m[2][2] = {{random.uniform(), random.over_magnitudes(-8, 1)}, {0, random.uniform()}};
        m[1][0] = m[0][1];
        const auto rotation = gpu::JacobiRotation::of(m[0][0], m[1][1], m[0][1]);
        CHECK_CLOSE(rotation.c * rotation.c + rotation.s * rotation.s, 1.0, 1e-14);
        const double size = std::abs(m[0][0]) + std::abs(m[1][1]) + std::abs(m[0][1]);
        for (std::size_t j = 0; j < 2; ++j) {
            rotation.apply(m[0][j], m[1][j]);
        }
        for (auto& row : m) {
            rotation.apply(row[0], row[1]);
        }
        CHECK_CLOSE(m[0][1], 0.0, 1e-15 * 8 * size);
    }
    CHECK(gpu::JacobiRotation::of(1, 2, 0).s == 0);
}

}  // namespace
}  // namespace nullcline
