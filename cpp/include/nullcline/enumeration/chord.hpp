// Functions of one number between two parallel lines, as tight as they can be.
//
// f(u) = λ u + c ± e for all u of an interval. With the slope of the chord, e is half the range of
// f(u) − λ u, and a fraction of what an interval of slopes leaves open (Chebyshev's linear
// approximation; de Figueiredo and Stolfi, Numerical Algorithms 37 (2004) 147, section 3).
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/interval.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// f(u) lies within `error` of slope · u + constant.
struct Chord {
    double slope = 0;
    double constant = 0;
    double error = 0;
};

namespace detail {

/// The lines around numbers f(u) − slope · u between these bounds.
[[nodiscard]] inline Chord chord_between(double slope, double low, double high) {
    const Ball ball = ball_of({low, high});
    return {slope, ball.middle, ball.radius};
}

/// Below this radius a chord's slope is mostly rounding.
inline constexpr double narrow = 1e-6;

/// f(u) around the middle, by an interval of slopes.
template <class A>
[[nodiscard]] Chord chord_by_slopes(const Interval& u) {
    const double middle = u.middle();
    const Derivatives<Interval> all = enclosed<A>(u);
    const double slope = all.first.middle();
    const Interval at = enclosed<A>(Interval(middle)).value - Interval(slope) * Interval(middle);
    const double spread = sum_bound(all.first.radius() * u.radius());
    return chord_between(slope, down(at.low - spread), up(at.high + spread));
}

/// An upper bound of tanh(x) − slope · x over x in [from, to], from >= 0, where it is concave: the
/// tangent at a point near its maximum lies above.
[[nodiscard]] inline double top_of_tanh(double slope, double from, double to) {
    const double root = std::sqrt(std::max(1 - slope, 0.0));
    const double x = std::clamp(root < 1 ? std::atanh(root) : to, from, to);
    const Interval value = enclosed_tanh(x);
    const Interval rise = (Interval(1) - value * value) - Interval(slope);
    const Interval reach = Interval(from, to) - Interval(x);
    return ((value - Interval(slope) * Interval(x)) + rise * reach).high;
}

}  // namespace detail

[[nodiscard]] inline Chord tanh_chord(const Interval& u) {
    if (!(u.high - u.low > detail::narrow)) {
        return detail::chord_by_slopes<Tanh>(u);
    }
    const Interval from = enclosed_tanh(u.low);
    const Interval to = enclosed_tanh(u.high);
    const double slope = std::clamp((to.middle() - from.middle()) / (u.high - u.low), 0.0, 1.0);
    const Interval below = from - Interval(slope) * Interval(u.low);
    const Interval above = to - Interval(slope) * Interval(u.high);
    double low = std::min(below.low, above.low);
    double high = std::max(below.high, above.high);
    if (u.high > 0) {
        high = std::max(high, detail::top_of_tanh(slope, std::max(u.low, 0.0), u.high));
    }
    if (u.low < 0) {
        low = std::min(low, -detail::top_of_tanh(slope, std::max(-u.high, 0.0), -u.low));
    }
    return detail::chord_between(slope, low, high);
}

/// σ(u) = (1 + tanh(u / 2)) / 2
[[nodiscard]] inline Chord logistic_chord(const Interval& u) {
    const Chord half = tanh_chord({u.low / 2, u.high / 2});
    const double constant = 0.5 + half.constant / 2;
    return {half.slope / 4, constant, sum_bound(half.error / 2 + unit_roundoff)};
}

template <class A>
[[nodiscard]] Chord chord_of(const Interval& u) {
    if constexpr (std::same_as<A, Tanh>) {
        return tanh_chord(u);
    } else if constexpr (std::same_as<A, LogisticSigmoid>) {
        return logistic_chord(u);
    } else {
        return detail::chord_by_slopes<A>(u);
    }
}

/// An interval of all u with A(u) in `image`, for an A that rises; all numbers where none is known.
template <class A>
[[nodiscard]] Interval arguments_of(const Interval& image) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double error = 4 * function_error;
    if constexpr (std::same_as<A, Tanh>) {
        return {image.low > -1 ? down(std::atanh(std::min(image.low, 1.0)), error) : -infinity,
                image.high < 1 ? up(std::atanh(std::max(image.high, -1.0)), error) : infinity};
    } else if constexpr (std::same_as<A, LogisticSigmoid>) {
        // ln p − ln(1 − p); errors of both logarithms count where they cancel
        const auto logit = [&](double p, double sign) {
            const double above = std::log(p);
            const double below = std::log1p(-p);
            return above - below + sign * error * (std::abs(above) + std::abs(below));
        };
        return {image.low > 0 ? logit(std::min(image.low, 1.0), -1) : -infinity,
                image.high < 1 ? logit(std::max(image.high, 0.0), 1) : infinity};
    } else {
        return {-infinity, infinity};
    }
}

}  // namespace nullcline::enumeration
