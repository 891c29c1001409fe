// Numbers that are nearly linear in a unit's fields: affine arithmetic (de Figueiredo and Stolfi,
// Numerical Algorithms 37 (2004) 147), through which a cell's equations run as through jets.
//
// Over a box, a number is value + Σ_k spread_k ε_k ± error with |ε_k| <= 1, ε_k being the k-th
// field's deviation from its middle over the radius of that. What is not linear in the fields is in
// `error`; `range` is what intervals say of the same number, and of a product or a function the
// tighter of both counts.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/chord.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/interval.hpp"
#include "nullcline/numerics/jet.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// The products of up to four blocks, and h.
inline constexpr std::size_t most_fields = 5;

struct LinearForm {
    double value = 0;
    std::array<double, most_fields> spread{};
    double error = 0;
    Interval range;
    /// What a function of this number is known to be, or nothing.
    const Interval* image = nullptr;

    [[nodiscard]] static LinearForm constant(const Interval& x) {
        return {x.middle(), {}, x.radius(), x, nullptr};
    }
    /// The sum of the sizes of its linear parts.
    [[nodiscard]] double linear_size() const {
        double size = 0;
        for (const double part : spread) {
            size += std::abs(part);
        }
        return size;
    }
    /// How far from `value` it may lie.
    [[nodiscard]] double radius() const { return sum_bound(linear_size() + error); }
    /// This form, its error enlarged by what a few operations on its numbers round, and its range
    /// cut to what the form allows. Where it overflowed, its range is all that is known.
    [[nodiscard]] LinearForm rounded() const {
        if (!std::isfinite(value) || !std::isfinite(error)) {
            return constant(range);
        }
        LinearForm out = *this;
        out.error = sum_bound(error + relative_error(6) * (std::abs(value) + linear_size()));
        out.range = common(range, Ball{out.value, out.radius()}.interval());
        return out;
    }
};

[[nodiscard]] inline LinearForm operator+(const LinearForm& a, const LinearForm& b) {
    LinearForm sum{a.value + b.value,
                   {},
                   a.error + b.error,
                   a.range + b.range,
                   a.image != nullptr ? a.image : b.image};
    for (std::size_t k = 0; k < most_fields; ++k) {
        sum.spread[k] = a.spread[k] + b.spread[k];
    }
    // What the parts of a sum round is relative to them, not to the sum.
    sum.error += relative_error(6) * (a.linear_size() + b.linear_size());
    return sum.rounded();
}

[[nodiscard]] inline LinearForm operator-(const LinearForm& a) {
    LinearForm out{-a.value, {}, a.error, -a.range, a.image};
    for (std::size_t k = 0; k < most_fields; ++k) {
        out.spread[k] = -a.spread[k];
    }
    return out;
}

[[nodiscard]] inline LinearForm operator-(const LinearForm& a, const LinearForm& b) {
    return a + -b;
}

[[nodiscard]] inline LinearForm operator*(const LinearForm& a, const LinearForm& b) {
    const double a_size = std::abs(a.value);
    const double b_size = std::abs(b.value);
    LinearForm product{
        a.value * b.value,
        {},
        a_size * b.error + b_size * a.error + a.radius() * b.radius() +
            relative_error(6) * (a_size * b.linear_size() + b_size * a.linear_size()),
        a.range * b.range,
        a.image != nullptr ? a.image : b.image};
    for (std::size_t k = 0; k < most_fields; ++k) {
        product.spread[k] = a.value * b.spread[k] + b.value * a.spread[k];
    }
    return product.rounded();
}

/// f(u) by lines around f over u's range, and f's own range there.
[[nodiscard]] inline LinearForm along(const LinearForm& u, const Chord& chord,
                                      const Interval& range) {
    LinearForm out{
        chord.slope * u.value + chord.constant,
        {},
        std::abs(chord.slope) * u.error + chord.error +
            relative_error(6) * (std::abs(chord.slope * u.value) + std::abs(chord.constant)),
        range,
        nullptr};
    for (std::size_t k = 0; k < most_fields; ++k) {
        out.spread[k] = chord.slope * u.spread[k];
    }
    return out.rounded();
}

/// 1 / u for u > 0, which is convex: the chord is above, and a parallel tangent below.
[[nodiscard]] inline LinearForm reciprocal(const LinearForm& u) {
    const Interval range = Interval(1) / u.range;
    const double slope = -1 / (u.range.low * u.range.high);
    const Interval from = Interval(1) / Interval(u.range.low) - Interval(slope) * u.range.low;
    const Interval to = Interval(1) / Interval(u.range.high) - Interval(slope) * u.range.high;
    // 1 / x − slope x >= 2 √−slope, where both parts are equal
    const double low = down(2 * std::sqrt(-slope), 4 * function_error);
    const double high = std::max(from.high, to.high);
    const Ball between = ball_of({std::min(low, high), high});
    return along(u, Chord{slope, between.middle, between.radius}, range);
}

[[nodiscard]] inline LinearForm operator/(const LinearForm& a, const LinearForm& b) {
    return a * reciprocal(b);
}

/// A(u); where A(u) is known, u need be looked at only where it can be that.
template <class A>
[[nodiscard]] LinearForm activate(const LinearForm& u) {
    Interval range = u.range;
    if (u.image != nullptr) {
        range = common(range, arguments_of<A>(*u.image));
        if (is_empty(range)) {
            constexpr double most = std::numeric_limits<double>::max() / 4;
            return {0, {}, 0, {most, -most}, nullptr};  // stays empty in sums
        }
    }
    return along(u, chord_of<A>(range), enclosed<A>(range).value);
}

[[nodiscard]] inline LinearForm tanh(const LinearForm& u) { return activate<Tanh>(u); }

[[nodiscard]] inline Gate<LinearForm> logistic(const LinearForm& u) {
    const elementary::Logistic<Interval> both = enclosed_logistic(u.range);
    const LinearForm opposite = -u;
    return {along(u, logistic_chord(u.range), both.value),
            along(opposite, logistic_chord(opposite.range), both.complement)};
}

}  // namespace nullcline::enumeration
