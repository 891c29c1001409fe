// Eigenvectors of a small symmetric matrix by a warp.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/small_matrix.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline::gpu {

/// The k-th pair of indices of a round. As in a round-robin tournament, n − 1 rounds of n / 2 pairs
/// contain every pair of n indices once.
struct JacobiPair {
    constexpr JacobiPair(std::size_t round, std::size_t k, std::size_t n)
        : first(k == 0 ? n - 1 : (round + k) % (n - 1)), second((round + n - 1 - k) % (n - 1)) {}
    std::size_t first, second;
};

/// x' = c x − s y, y' = s x + c y.
struct JacobiRotation {
    double c, s;

    /// The rotation that makes the entry `off` between two diagonal entries zero.
    [[nodiscard]] static NULLCLINE_DEVICE JacobiRotation of(double first, double second,
                                                            double off) {
        if (off == 0) {
            return {1, 0};
        }
        const double theta = (second - first) / (2 * off);
        const double t =
            (theta >= 0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1);
        return {c, t * c};
    }

    NULLCLINE_DEVICE void apply(double& x, double& y) const {
        const double before = x;
        x = c * x - s * y;
        y = s * before + c * y;
    }
};

namespace detail {

/// One round of Jacobi's method: rotations of disjoint pairs of rows and columns, so that no two of
/// them meet. `numbers` is scratch memory.
template <ThreadGroup Group>
NULLCLINE_DEVICE void rotate_pairs(const Group& group, SmallMatrix& a, SmallMatrix& vectors,
                                   std::span<double> numbers, std::size_t round) {
    constexpr std::size_t n = SmallMatrix::largest;
    constexpr std::size_t n_pairs = n / 2;
    const auto rotation = [&](std::size_t k) {
        return JacobiRotation{numbers[k], numbers[n_pairs + k]};
    };
    group.for_each(n_pairs, [&](std::size_t k) {
        const JacobiPair p(round, k, n);
        const auto made =
            JacobiRotation::of(a(p.first, p.first), a(p.second, p.second), a(p.first, p.second));
        numbers[k] = made.c;
        numbers[n_pairs + k] = made.s;
    });
    group.for_each(n, [&](std::size_t j) {  // rows, a column per thread
        for (std::size_t k = 0; k < n_pairs; ++k) {
            const JacobiPair p(round, k, n);
            rotation(k).apply(a(p.first, j), a(p.second, j));
            rotation(k).apply(vectors(p.first, j), vectors(p.second, j));
        }
    });
    group.for_each(n, [&](std::size_t i) {  // columns, a row per thread
        for (std::size_t k = 0; k < n_pairs; ++k) {
            const JacobiPair p(round, k, n);
            rotation(k).apply(a(i, p.first), a(i, p.second));
        }
    });
}

/// Replace the rows of `a`, which is diagonal, by `vectors` in ascending order of the diagonal.
template <ThreadGroup Group>
NULLCLINE_DEVICE void sort_by_eigenvalue(const Group& group, SmallMatrix& a,
                                         const SmallMatrix& vectors) {
    constexpr std::size_t n = SmallMatrix::largest;
    std::size_t places[n];  // a vector's place is the number of eigenvalues before its own
    for (std::size_t i = 0; i < n; ++i) {
        places[i] = 0;
        for (std::size_t j = 0; j < n; ++j) {
            places[i] += a(j, j) < a(i, i) || (a(j, j) == a(i, i) && j < i) ? 1 : 0;
        }
    }
    group.sync();
    group.for_each(n, [&](std::size_t j) {
        for (std::size_t i = 0; i < n; ++i) {
            a(places[i], j) = vectors(i, j);
        }
    });
}

}  // namespace detail

/// Replace the rows of `a`, symmetric and of full order, by its eigenvectors, in ascending order of
/// their eigenvalues; `vectors` and `numbers` are scratch memory.
///
/// This is Jacobi's cyclic method with the pairs of a round rotated in parallel (Golub and Van
/// Loan, Matrix Computations, 8.5.6).
template <ThreadGroup Group>
NULLCLINE_DEVICE void jacobi_eigen(const Group& group, SmallMatrix& a, SmallMatrix& vectors,
                                   std::span<double> numbers) {
    constexpr std::size_t n = SmallMatrix::largest;
    constexpr int max_sweeps = 15;
    // Rounding leaves entries off the diagonal whose norm is two to three eps of the whole's,
    // however often they are rotated.
    constexpr double enough = static_cast<double>(n) * std::numeric_limits<double>::epsilon();
    group.for_each(n * n, [&](std::size_t k) { vectors(k / n, k % n) = k / n == k % n ? 1 : 0; });
    for (int sweep = 0; sweep < max_sweeps; ++sweep) {
        const auto square = [&](std::size_t k) { return a(k / n, k % n) * a(k / n, k % n); };
        const double whole = group.sum(n * n, square);
        const double off =
            group.sum(n * n, [&](std::size_t k) { return k / n == k % n ? 0.0 : square(k); });
        if (!(off > enough * enough * whole)) {
            break;
        }
        for (std::size_t round = 0; round < n - 1; ++round) {
            detail::rotate_pairs(group, a, vectors, numbers, round);
        }
    }
    detail::sort_by_eigenvalue(group, a, vectors);
}

}  // namespace nullcline::gpu
