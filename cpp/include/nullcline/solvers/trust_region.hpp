// The quadratic model of a step in a small subspace, minimized over a ball.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/host_device.hpp"
#include "nullcline/solvers/small_matrix.hpp"

namespace nullcline {

/// Cholesky's factor L of A + shift I, A of order n; false where that is not positive definite.
template <class Team>
[[nodiscard]] NULLCLINE_TEAM bool factorize(const Team& team, const SmallMatrix& a, std::size_t n,
                                            double shift, SmallMatrix& factor) {
    for (std::size_t j = 0; j < n; ++j) {
        const auto reduced = [&](std::size_t i) {
            double sum = a(i, j);
            for (std::size_t k = 0; k < j; ++k) {
                sum -= factor(i, k) * factor(j, k);
            }
            return sum;
        };
        const double square = reduced(j) + shift;
        if (!(square > 0)) {
            team.sync();  // whoever is here first may come back with another shift
            return false;
        }
        const double diagonal = std::sqrt(square);
        team.for_each(n - j, [&](std::size_t below) {
            factor(j + below, j) = below == 0 ? diagonal : reduced(j + below) / diagonal;
        });
    }
    return true;
}

/// y = L⁻¹ b
template <class Team>
NULLCLINE_TEAM void solve_lower(const Team& team, const SmallMatrix& factor,
                                std::span<const double> b, std::span<double> y) {
    for (std::size_t i = 0; i < b.size(); ++i) {
        const double sum = team.sum(i, [&](std::size_t k) { return factor(i, k) * y[k]; });
        team.lead([&] { y[i] = (b[i] - sum) / factor(i, i); });
    }
}

/// y = L⁻ᵀ y
template <class Team>
NULLCLINE_TEAM void solve_upper(const Team& team, const SmallMatrix& factor, std::span<double> y) {
    for (std::size_t i = y.size(); i-- > 0;) {
        const double sum = team.sum(
            y.size() - i - 1, [&](std::size_t k) { return factor(i + 1 + k, i) * y[i + 1 + k]; });
        team.lead([&] { y[i] = (y[i] - sum) / factor(i, i); });
    }
}

/// Where the model is least.
struct ModelStep {
    bool found = false;
    double multiplier = 0;  ///< μ >= 0 with (A + μI) y = −g
    double length = 0;      ///< ‖y‖
    double decrease = 0;    ///< −gᵀy − yᵀAy / 2
};

/// Room to minimize a model in.
struct ModelWorkspace {
    SmallMatrix factor;
    std::array<double, SmallMatrix::largest> half;
};

/// Minimize gᵀy + yᵀAy / 2 over ‖y‖ <= radius, A symmetric and maybe indefinite, to a tenth of the
/// radius: Newton's method on 1 / ‖y(μ)‖ within a shrinking bracket (Moré and Sorensen, SIAM J.
/// Sci. Stat. Comput. 4, 1983, section 3). In their hard case the step stays inside of the ball,
/// which costs a little decrease and no correctness. Not found where A or g is not finite.
template <class Team>
[[nodiscard]] NULLCLINE_TEAM ModelStep minimize_model(const Team& team, const SmallMatrix& a,
                                                      std::span<const double> g, double radius,
                                                      std::span<double> y, ModelWorkspace& work) {
    constexpr int most_factorizations = 50;
    constexpr double slack = 0.1;
    const std::size_t n = g.size();
    const auto square_of = [&](std::span<const double> x) {
        return team.sum(n, [&](std::size_t i) { return x[i] * x[i]; });
    };
    const double least_diagonal = team.least(n, std::numeric_limits<double>::infinity(),
                                             [&](std::size_t i) { return a(i, i); });
    const double square = team.sum(n, [&](std::size_t i) {  // ‖A‖_F², within a factor of two
        double row = a(i, i) * a(i, i);
        for (std::size_t j = 0; j < i; ++j) {
            row += 2 * a(i, j) * a(i, j);
        }
        return row;
    });
    double low = std::max(0.0, -least_diagonal);
    double high = std::sqrt(square_of(g)) / radius + std::sqrt(square);
    if (!std::isfinite(high)) {
        return {};
    }
    SmallMatrix& factor = work.factor;
    const std::span<double> z(work.half.data(), n);
    ModelStep best;
    double mu = low;
    for (int i = 0; i < most_factorizations; ++i) {
        const auto between = [&] {
            return std::max(std::sqrt(low * high), low + (high - low) / 100);
        };
        if (!factorize(team, a, n, mu, factor)) {
            low = std::max(low, mu);
            mu = between();
            continue;
        }
        solve_lower(team, factor, g, z);  // L z = g, so that y = −L⁻ᵀ z and gᵀy = −‖z‖²
        const double z_square = square_of(z);
        team.for_each(n, [&](std::size_t k) { y[k] = -z[k]; });
        solve_upper(team, factor, y);
        const double y_square = square_of(y);
        const double length = std::sqrt(y_square);
        if (length <= (1 + slack) * radius) {
            best = {true, mu, length, (z_square + mu * y_square) / 2};
            if (mu == 0 || length >= (1 - slack) * radius) {
                return best;
            }
            high = std::min(high, mu);
        } else {
            low = std::max(low, mu);
        }
        if (high - low <= high * 1e-12) {
            break;
        }
        solve_lower(team, factor, y, z);
        mu += y_square / square_of(z) * (length - radius) / radius;
        if (!(mu > low && mu < high)) {
            mu = between();
        }
    }
    if (best.found && best.multiplier != mu && factorize(team, a, n, best.multiplier, factor)) {
        solve_lower(team, factor, g, z);
        team.for_each(n, [&](std::size_t k) { y[k] = -z[k]; });
        solve_upper(team, factor, y);
    }
    return best;
}

}  // namespace nullcline
