// Intervals with outward rounding: numbers that a cell's equations are evaluated on when what comes
// out must be proved to hold the truth, over a single state or over a whole box of them.
//
// Every operation is made in the processor's rounding to nearest, and its ends are then moved
// outward by twice the error that this may have (`down` and `up`), so that it matters neither which
// rounding mode is set nor whether a compiler fuses a product with a sum. The functions of
// elementary.hpp, and the C library's, are trusted to `function_error`.
//
// Functions are evaluated at both ends where they are monotone, and their derivatives at the ends
// and at the turning points between them: the interval of each is as narrow as can be, however wide
// its argument. An end that is NaN says that nothing is known on that side.
#pragma once

#include <cstddef>
#include <limits>

#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/elementary.hpp"
#include "nullcline/numerics/jet.hpp"

namespace nullcline {

/// The relative error to which values of exp, tanh and the logistic function are trusted, 16 units
/// of rounding, where 3 ulp are what tests find; and that of products of two or three of them.
inline constexpr double function_error = 0x1p-49;
inline constexpr double derivative_error = 0x1p-47;

/// More than what underflow can take away, even where a thread flushes subnormal numbers to zero.
inline constexpr double underflow = 0x1p-1000;

/// A bound from below of a real number that was rounded to x, or computed to this relative error.
[[nodiscard]] constexpr double down(double x, double error = 0x1p-52) {
    return x - (elementary::magnitude(x) * error + underflow);
}
/// A bound from above.
[[nodiscard]] constexpr double up(double x, double error = 0x1p-52) {
    return x + (elementary::magnitude(x) * error + underflow);
}

/// All real numbers from `low` to `high`.
struct Interval {
    double low = 0;
    double high = 0;

    constexpr Interval() = default;
    constexpr Interval(double value)  // NOLINT(google-explicit-constructor): numbers are intervals
        : low(value), high(value) {}
    constexpr Interval(double from, double to) : low(from), high(to) {}

    /// All numbers, where nothing is known.
    [[nodiscard]] static constexpr Interval unknown() {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        return {-infinity, infinity};
    }

    [[nodiscard]] constexpr bool is_finite() const {
        return high - low < std::numeric_limits<double>::infinity();  // NaN is not
    }
    [[nodiscard]] constexpr double middle() const { return low / 2 + high / 2; }
    /// How far from `middle` its numbers may lie; NaN where nothing is known.
    [[nodiscard]] constexpr double radius() const {
        const double m = middle();
        const double below = m - low;
        const double above = high - m;
        return up(below > above ? below : above);
    }
    /// The largest absolute value; infinite or NaN where nothing is known.
    [[nodiscard]] constexpr double magnitude() const {
        const double below = elementary::magnitude(low);
        const double above = elementary::magnitude(high);
        return (below > above ? below : above) + (below + above >= 0 ? 0 : below + above);
    }
    [[nodiscard]] constexpr bool contains(double x) const { return low <= x && x <= high; }
};

[[nodiscard]] constexpr Interval operator-(const Interval& a) { return {-a.high, -a.low}; }

[[nodiscard]] constexpr Interval operator+(const Interval& a, const Interval& b) {
    return {down(a.low + b.low), up(a.high + b.high)};
}

[[nodiscard]] constexpr Interval operator-(const Interval& a, const Interval& b) {
    return {down(a.low - b.high), up(a.high - b.low)};
}

namespace detail {

[[nodiscard]] constexpr double smaller(double a, double b) { return a < b ? a : b; }
[[nodiscard]] constexpr double larger(double a, double b) { return a > b ? a : b; }

/// From the least to the largest of four rounded numbers; unknown where one may be NaN.
[[nodiscard]] constexpr Interval outward(double a, double b, double c, double d) {
    const double sum = a + b + c + d;
    if (sum != sum) {
        return Interval::unknown();
    }
    return {down(smaller(smaller(a, b), smaller(c, d))), up(larger(larger(a, b), larger(c, d)))};
}

/// The part of an interval that lies in [low, high], where the truth is known to be.
[[nodiscard]] constexpr Interval within(double low, double high, const Interval& a) {
    return {a.low > low ? a.low : low, a.high < high ? a.high : high};
}

/// [value, value] of a function that is trusted to a relative error.
[[nodiscard]] constexpr Interval trusted(double value, double error) {
    return {down(value, error), up(value, error)};
}

[[nodiscard]] constexpr Interval hull(const Interval& a, const Interval& b) {
    return {smaller(a.low, b.low), larger(a.high, b.high)};
}

}  // namespace detail

[[nodiscard]] constexpr Interval operator*(const Interval& a, const Interval& b) {
    return detail::outward(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high);
}

[[nodiscard]] constexpr Interval operator/(const Interval& a, const Interval& b) {
    if (!(b.low > 0 || b.high < 0)) {
        return Interval::unknown();
    }
    return detail::outward(a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high);
}

/// A gate σ(u), and its complement to 1.
[[nodiscard]] constexpr elementary::Logistic<Interval> enclosed_logistic(const Interval& u) {
    const elementary::Logistic<double> from = elementary::logistic(u.low);
    const elementary::Logistic<double> to = elementary::logistic(u.high);
    const auto range = [](double low, double high) {
        return detail::within(0, 1, {down(low, function_error), up(high, function_error)});
    };
    return {range(from.value, to.value), range(to.complement, from.complement)};
}

[[nodiscard]] constexpr Interval enclosed_tanh(const Interval& u) {
    return detail::within(-1, 1,
                          {down(elementary::tanh(u.low), function_error),
                           up(elementary::tanh(u.high), function_error)});
}

namespace detail {

/// σ (1 − σ) at one number.
[[nodiscard]] constexpr double logistic_slope(double u) {
    const elementary::Logistic<double> f = elementary::logistic(u);
    return f.value * f.complement;
}

/// The range of an even function that falls with |u| from `top` at 0 toward 0.
template <class F>
[[nodiscard]] constexpr Interval hump(const Interval& u, double top, const F& f) {
    if (!(u.low <= u.high)) {
        return {0, top};
    }
    const double nearest = larger(larger(u.low, -u.high), 0);
    const double farthest = larger(-u.low, u.high);
    return within(0, top, {down(f(farthest), derivative_error), up(f(nearest), derivative_error)});
}

/// The range of an odd function that has its largest value `top` at −`turn`, where `turn` is known
/// to within 1e-9, and no other turning points but ±`turn`.
template <class F>
[[nodiscard]] constexpr Interval wave(const Interval& u, double turn, double top, const F& f) {
    constexpr double margin = 1e-9;
    if (!(u.low <= u.high)) {
        return {-top, top};
    }
    const auto may_hold = [&](double x) { return u.low <= x + margin && u.high >= x - margin; };
    const double from = f(u.low);
    const double to = f(u.high);
    const Interval ends{down(smaller(from, to), derivative_error),
                        up(larger(from, to), derivative_error)};
    return within(-top, top, {may_hold(turn) ? -top : ends.low, may_hold(-turn) ? top : ends.high});
}

/// The slope of a function with a kink at `kink`, from `below` it to `above` it.
[[nodiscard]] constexpr Interval step_at(double kink, const Interval& u, const Interval& below,
                                         const Interval& above) {
    if (u.high < kink) {
        return below;
    }
    return u.low > kink ? above : hull(below, above);
}

/// Zero away from a kink, and unknown at it.
[[nodiscard]] constexpr Interval bend_at(double kink, const Interval& u) {
    return u.high < kink || u.low > kink ? Interval{0} : Interval::unknown();
}

}  // namespace detail

/// An activation and its first two derivatives; at a kink all slopes between those of its sides.
template <class A>
[[nodiscard]] constexpr Derivatives<Interval> enclosed(const Interval& u);

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<Tanh>(const Interval& u) {
    const auto slope = [](double x) { return 4 * detail::logistic_slope(2 * x); };
    const auto bend = [&](double x) { return -2 * elementary::tanh(x) * slope(x); };
    // tanh u = 1/√3 and 4 / (3 √3), the latter rounded up
    return {enclosed_tanh(u), detail::hump(u, 1, slope),
            detail::wave(u, 0.65847894846240835, 0.76980035891950105, bend)};
}

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<LogisticSigmoid>(const Interval& u) {
    // 1 − 2 σ(u) is −tanh(u / 2), to full precision about zero too
    const auto bend = [](double x) { return -detail::logistic_slope(x) * elementary::tanh(x / 2); };
    // ln(2 + √3) and 1 / (6 √3), the latter rounded up
    return {enclosed_logistic(u).value, detail::hump(u, 0.25, detail::logistic_slope),
            detail::wave(u, 1.3169578969248166, 0.09622504486493764, bend)};
}

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<Softplus>(const Interval& u) {
    const Interval value{down(elementary::softplus(u.low), function_error),
                         up(elementary::softplus(u.high), function_error)};
    return {value, enclosed_logistic(u).value, detail::hump(u, 0.25, detail::logistic_slope)};
}

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<Identity>(const Interval& u) {
    return {u, 1, 0};
}

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<Relu>(const Interval& u) {
    return {{u.low > 0 ? u.low : 0, u.high < 0 ? 0 : u.high},
            detail::step_at(0, u, 0, 1),
            detail::bend_at(0, u)};
}

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<HardTanh>(const Interval& u) {
    const auto clipped = [](double x) { return x < -1 ? -1 : (x > 1 ? 1 : x); };
    const bool is_inside = u.low > -1 && u.high < 1;
    const bool is_outside = u.low > 1 || u.high < -1;
    return {detail::within(-1, 1, {clipped(u.low), clipped(u.high)}),
            is_inside ? Interval{1} : (is_outside ? Interval{0} : Interval{0, 1}),
            is_inside || is_outside ? Interval{0} : Interval::unknown()};
}

template <>
[[nodiscard]] constexpr Derivatives<Interval> enclosed<RectifiedTanh>(const Interval& u) {
    const Derivatives<Interval> f = enclosed<Tanh>(u);
    const bool is_inactive = u.high < 0;
    const bool is_active = u.low > 0;
    return {{detail::larger(f.value.low, 0), detail::larger(f.value.high, 0)},
            is_active ? f.first : (is_inactive ? Interval{0} : Interval{0, f.first.high}),
            is_active ? f.second : (is_inactive ? Interval{0} : Interval::unknown())};
}

/// A(u) of an interval that carries derivatives.
template <class A, unsigned mask, int order>
[[nodiscard]] constexpr Jet<Interval, mask, order> activate(const Jet<Interval, mask, order>& u) {
    const Derivatives<Interval> f = enclosed<A>(u.value);
    return chain_rule(u, f.value, f.first, f.second);
}

template <unsigned mask, int order>
[[nodiscard]] constexpr Gate<Jet<Interval, mask, order>> logistic(
    const Jet<Interval, mask, order>& u) {
    const Derivatives<Interval> f = enclosed<LogisticSigmoid>(u.value);
    return {chain_rule(u, f.value, f.first, f.second),
            chain_rule(u, enclosed_logistic(u.value).complement, -f.first, -f.second)};
}

/// Units with an activation each, whose numbers are in an array, of intervals.
struct EnclosedPerUnit {
    template <class Number>
    [[nodiscard]] static constexpr Number of(const Number& u, const Interval* activations,
                                             std::size_t i) {
        const auto which = static_cast<Activation>(static_cast<int>(activations[i].low));
        return with_activation(which, [&]<class A>() { return activate<A>(u); });
    }
};

}  // namespace nullcline
