// Bounds of the rounding errors of sums and products, by the standard model (Higham, Accuracy and
// Stability of Numerical Algorithms, 2002, chapter 3), for any order of summation: many operations
// bounded at once, where an `Interval` would round each by itself.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/interval.hpp"

namespace nullcline {

/// Unit roundoff.
inline constexpr double unit_roundoff = 0x1p-53;

/// γ_n = n u / (1 − n u), rounded up: the relative error of n operations (Higham 2002, lemma 3.1).
[[nodiscard]] constexpr double relative_error(std::size_t n) {
    const double nu = static_cast<double>(n) * unit_roundoff;
    return up(nu / (1 - nu));
}

/// A bound of a sum of up to 10^5 terms that are not negative, from its rounded value.
[[nodiscard]] inline double sum_bound(double sum) { return sum * (1 + 1e-10) + underflow; }

/// Numbers that are known to lie within `radius` of `middle`.
struct Ball {
    double middle = 0;
    double radius = 0;

    [[nodiscard]] Interval interval() const {
        return {down(down(middle) - radius), up(up(middle) + radius)};
    }
    [[nodiscard]] double magnitude() const { return sum_bound(std::abs(middle) + radius); }
};

[[nodiscard]] inline Ball ball_of(const Interval& x) { return {x.middle(), x.radius()}; }

using Balls = std::vector<Ball>;

/// w · x + constant over balls x: its middle, how far x moves it, and how far it may be rounded.
struct Affine {
    double middle = 0;
    double linear = 0;
    double rounding = 0;

    [[nodiscard]] Ball ball() const { return {middle, sum_bound(linear + rounding)}; }
};

/// For exact w.
[[nodiscard]] inline Affine dot(std::span<const double> w, std::span<const Ball> x,
                                double constant) {
    Affine out{constant, 0, 0};
    double size = std::abs(constant);
    for (std::size_t j = 0; j < w.size(); ++j) {
        out.middle += w[j] * x[j].middle;
        size += std::abs(w[j] * x[j].middle);
        out.linear += std::abs(w[j]) * x[j].radius;
    }
    out.linear = sum_bound(out.linear);
    out.rounding = sum_bound(relative_error(w.size() + 2) * size);
    return out;
}

}  // namespace nullcline
