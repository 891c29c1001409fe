// The quadratic model of a step in a small subspace, minimized over a ball.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace nullcline {

/// A symmetric matrix of order at most `largest`, of which the lower triangle is kept.
class SmallMatrix {
  public:
    static constexpr std::size_t largest = 32;

    [[nodiscard]] double& operator()(std::size_t i, std::size_t j) {
        return values_[i * largest + j];
    }
    [[nodiscard]] double operator()(std::size_t i, std::size_t j) const {
        return values_[i * largest + j];
    }

  private:
    std::array<double, largest * largest> values_{};
};

/// Cholesky's factor L of A + shift I, A of order n; false where that is not positive definite.
[[nodiscard]] inline bool factorize(const SmallMatrix& a, std::size_t n, double shift,
                                    SmallMatrix& factor) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            double sum = a(i, j);
            for (std::size_t k = 0; k < j; ++k) {
                sum -= factor(i, k) * factor(j, k);
            }
            if (j < i) {
                factor(i, j) = sum / factor(j, j);
            } else if (sum + shift > 0) {
                factor(i, i) = std::sqrt(sum + shift);
            } else {
                return false;
            }
        }
    }
    return true;
}

/// y = L⁻¹ b
inline void solve_lower(const SmallMatrix& factor, std::span<const double> b, std::span<double> y) {
    for (std::size_t i = 0; i < b.size(); ++i) {
        double sum = b[i];
        for (std::size_t k = 0; k < i; ++k) {
            sum -= factor(i, k) * y[k];
        }
        y[i] = sum / factor(i, i);
    }
}

/// y = L⁻ᵀ y
inline void solve_upper(const SmallMatrix& factor, std::span<double> y) {
    for (std::size_t i = y.size(); i-- > 0;) {
        for (std::size_t k = i + 1; k < y.size(); ++k) {
            y[i] -= factor(k, i) * y[k];
        }
        y[i] /= factor(i, i);
    }
}

/// Where the model is least.
struct ModelStep {
    bool found = false;
    double multiplier = 0;  ///< μ >= 0 with (A + μI) y = −g
    double length = 0;      ///< ‖y‖
    double decrease = 0;    ///< −gᵀy − yᵀAy / 2
};

/// Minimize gᵀy + yᵀAy / 2 over ‖y‖ <= radius, A symmetric and maybe indefinite, to a tenth of the
/// radius: Newton's method on 1 / ‖y(μ)‖ within a shrinking bracket (Moré and Sorensen, SIAM J.
/// Sci. Stat. Comput. 4, 1983, section 3). In their hard case the step stays inside of the ball,
/// which costs a little decrease and no correctness. Not found where A or g is not finite.
[[nodiscard]] inline ModelStep minimize_model(const SmallMatrix& a, std::span<const double> g,
                                              double radius, std::span<double> y) {
    constexpr int most_factorizations = 50;
    constexpr double slack = 0.1;
    const std::size_t n = g.size();
    double least_diagonal = std::numeric_limits<double>::infinity();
    double square = 0;  // ‖A‖_F², within a factor of two
    double gradient_square = 0;
    for (std::size_t i = 0; i < n; ++i) {
        least_diagonal = std::min(least_diagonal, a(i, i));
        gradient_square += g[i] * g[i];
        for (std::size_t j = 0; j <= i; ++j) {
            square += (i == j ? 1 : 2) * a(i, j) * a(i, j);
        }
    }
    double low = std::max(0.0, -least_diagonal);
    double high = std::sqrt(gradient_square) / radius + std::sqrt(square);
    if (!std::isfinite(high)) {
        return {};
    }
    SmallMatrix factor;
    std::array<double, SmallMatrix::largest> half;
    const std::span<double> z(half.data(), n);
    ModelStep best;
    double mu = low;
    for (int i = 0; i < most_factorizations; ++i) {
        const auto between = [&] {
            return std::max(std::sqrt(low * high), low + (high - low) / 100);
        };
        if (!factorize(a, n, mu, factor)) {
            low = std::max(low, mu);
            mu = between();
            continue;
        }
        solve_lower(factor, g, z);  // L z = g, so that y = −L⁻ᵀ z and gᵀy = −‖z‖²
        double z_square = 0;
        for (std::size_t k = 0; k < n; ++k) {
            z_square += z[k] * z[k];
            y[k] = -z[k];
        }
        solve_upper(factor, y);
        double y_square = 0;
        for (const double value : y) {
            y_square += value * value;
        }
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
        solve_lower(factor, y, z);
        double q_square = 0;
        for (const double value : z) {
            q_square += value * value;
        }
        mu += y_square / q_square * (length - radius) / radius;
        if (!(mu > low && mu < high)) {
            mu = between();
        }
    }
    if (best.found && best.multiplier != mu && factorize(a, n, best.multiplier, factor)) {
        solve_lower(factor, g, y);
        solve_upper(factor, y);
        for (double& value : y) {
            value = -value;
        }
    }
    return best;
}

}  // namespace nullcline
