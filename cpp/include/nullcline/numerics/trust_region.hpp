// The quadratic model of a step in a small subspace, minimized over a ball.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/small_matrix.hpp"

namespace nullcline {

/// A lower triangular factor L, with the reciprocals of its diagonal in place of the diagonal.
struct Triangle {
    SmallMatrix below;
    std::array<double, SmallMatrix::largest> reciprocals;
};

/// Cholesky's factor of A + shift I, A of order n; false where that is not positive definite.
///
/// Here and below, a column is subtracted from all later ones as soon as it is known: these updates
/// overlap, while long sums would be waited for.
template <class Group>
[[nodiscard]] NULLCLINE_DEVICE_CALL bool factorize(const Group& group, const SmallMatrix& a,
                                                   std::size_t n, double shift, Triangle& factor) {
    SmallMatrix& l = factor.below;
    group.for_each(n, [&](std::size_t i) {
        for (std::size_t k = 0; k <= i; ++k) {
            l(i, k) = a(i, k) + (i == k ? shift : 0);
        }
    });
    for (std::size_t j = 0; j < n; ++j) {
        const double square = l(j, j);
        if (!(square > 0)) {
            group.sync();  // a faster thread may come back with another shift
            return false;
        }
        const double reciprocal = 1 / std::sqrt(square);
        group.single([&] { factor.reciprocals[j] = reciprocal; });
        group.for_each(n - j - 1, [&](std::size_t i) { l(j + 1 + i, j) *= reciprocal; });
        group.for_each(n - j - 1, [&](std::size_t below) {
            const std::size_t i = j + 1 + below;
            const double part = l(i, j);
            for (std::size_t k = j + 1; k <= i; ++k) {
                l(i, k) -= part * l(k, j);
            }
        });
    }
    return true;
}

/// y = L⁻¹ b; `remainder` is scratch memory.
template <class Group>
NULLCLINE_DEVICE_CALL void solve_lower(const Group& group, const Triangle& factor,
                                       std::span<const double> b, std::span<double> y,
                                       std::span<double> remainder) {
    const std::size_t n = b.size();
    group.for_each(n, [&](std::size_t i) { remainder[i] = b[i]; });
    for (std::size_t k = 0; k < n; ++k) {
        const double value = remainder[k] * factor.reciprocals[k];
        group.for_each(n - k, [&](std::size_t below) {
            if (below == 0) {
                y[k] = value;
            } else {
                remainder[k + below] -= factor.below(k + below, k) * value;
            }
        });
    }
}

/// y = −L⁻ᵀ b; `remainder` is scratch memory.
template <class Group>
NULLCLINE_DEVICE_CALL void solve_upper(const Group& group, const Triangle& factor,
                                       std::span<const double> b, std::span<double> y,
                                       std::span<double> remainder) {
    const std::size_t n = b.size();
    group.for_each(n, [&](std::size_t i) { remainder[i] = -b[i]; });
    for (std::size_t k = n; k-- > 0;) {
        const double value = remainder[k] * factor.reciprocals[k];
        group.for_each(k + 1, [&](std::size_t i) {
            if (i == k) {
                y[k] = value;
            } else {
                remainder[i] -= factor.below(k, i) * value;
            }
        });
    }
}

/// The minimizer of the model.
struct ModelStep {
    bool found = false;
    double multiplier = 0;  ///< μ >= 0 with (A + μI) y = −g
    double norm = 0;        ///< ‖y‖
    double decrease = 0;    ///< −gᵀy − yᵀAy / 2
};

/// Scratch memory for minimizing a model.
struct ModelWorkspace {
    Triangle factor;
    std::array<double, SmallMatrix::largest> half, remainder;
};

/// Minimize gᵀy + yᵀAy / 2 over ‖y‖ <= radius, A symmetric and maybe indefinite, to a tenth of the
/// radius: Newton's method on 1 / ‖y(μ)‖ within a shrinking bracket (Moré and Sorensen, SIAM J.
/// Sci. Stat. Comput. 4, 1983, section 3). In their hard case the step stays inside of the ball,
/// which costs a little decrease and no correctness. It is not found where A or g is not finite.
template <class Group>
[[nodiscard]] NULLCLINE_DEVICE_CALL ModelStep minimize_model(const Group& group,
                                                             const SmallMatrix& a,
                                                             std::span<const double> g,
                                                             double radius, std::span<double> y,
                                                             ModelWorkspace& work) {
    constexpr int max_factorizations = 50;  // a safeguard
    constexpr double slack = 0.1;           // as in MINPACK's lmpar
    const std::size_t n = g.size();
    const auto square_of = [&](std::span<const double> x) {
        return group.sum(n, [&](std::size_t i) { return x[i] * x[i]; });
    };
    const double smallest_diagonal = group.reduce_min(n, std::numeric_limits<double>::infinity(),
                                                      [&](std::size_t i) { return a(i, i); });
    const double square = group.sum(n, [&](std::size_t i) {  // ‖A‖_F², within a factor of two
        double row = a(i, i) * a(i, i);
        for (std::size_t j = 0; j < i; ++j) {
            row += 2 * a(i, j) * a(i, j);
        }
        return row;
    });
    double low = std::max(0.0, -smallest_diagonal);
    double high = std::sqrt(square_of(g)) / radius + std::sqrt(square);
    if (!std::isfinite(high)) {
        return {};
    }
    Triangle& factor = work.factor;
    const std::span<double> z(work.half.data(), n);
    const std::span<double> remainder(work.remainder.data(), n);
    ModelStep best;
    double mu = low;
    for (int i = 0; i < max_factorizations; ++i) {
        const auto between = [&] {
            return std::max(std::sqrt(low * high), low + (high - low) / 100);
        };
        if (!factorize(group, a, n, mu, factor)) {
            low = std::max(low, mu);
            mu = between();
            continue;
        }
        solve_lower(group, factor, g, z, remainder);  // L z = g, so that y = −L⁻ᵀ z and gᵀy = −‖z‖²
        const double z_square = square_of(z);
        solve_upper(group, factor, z, y, remainder);
        const double y_square = square_of(y);
        const double norm = std::sqrt(y_square);
        if (norm <= (1 + slack) * radius) {
            best = {true, mu, norm, (z_square + mu * y_square) / 2};
            if (mu == 0 || norm >= (1 - slack) * radius) {
                return best;
            }
            high = std::min(high, mu);
        } else {
            low = std::max(low, mu);
        }
        if (high - low <= high * 1e-12) {
            break;
        }
        solve_lower(group, factor, y, z, remainder);
        mu += y_square / square_of(z) * (norm - radius) / radius;
        if (!(mu > low && mu < high)) {
            mu = between();
        }
    }
    if (best.found && best.multiplier != mu && factorize(group, a, n, best.multiplier, factor)) {
        solve_lower(group, factor, g, z, remainder);
        solve_upper(group, factor, z, y, remainder);
    }
    return best;
}

}  // namespace nullcline
