// Divided differences [f(a) − f(b)] / (a − b), to a few ulp however near a and b are, and f′ where
// they meet: products of factors that do not cancel, in a form that compilers vectorize.
#pragma once

#include "nullcline/numerics/elementary.hpp"

namespace nullcline::elementary {

/// The larger of two numbers, the smaller, and their difference.
template <class T>
struct Interval {
    T high, low, length;
};

template <class T>
[[gnu::always_inline]] constexpr Interval<T> interval(T a, T b) {
    const T high = a > b ? a : b;
    const T low = a > b ? b : a;
    return {high, low, high - low};
}

/// (1 − exp(−d)) / d for d >= 0.
template <class T>
[[gnu::always_inline]] constexpr T mean_decay(T d) {
    const auto e = split_exp(clamp(-d, Format<T>::largest_exponent));
    const T fallen = (T{1} - e.power) - e.power * e.expm1;
    return d > T{0} ? fallen / d : T{1};
}

/// (exp(d) − 1) / d for 0 <= d <= 1.
template <class T>
[[gnu::always_inline]] constexpr T mean_growth(T d) {
    const auto e = split_exp(d);
    const T risen = (e.power - T{1}) + e.power * e.expm1;
    return d > T{0} ? risen / d : T{1};
}

/// Of the logistic function: σ(a) − σ(b) = σ(a) (1 − σ(b)) (1 − exp(b − a)).
template <class T>
[[gnu::always_inline]] constexpr T logistic_secant(T a, T b) {
    const Interval<T> of = interval(a, b);
    return logistic(of.high).value * logistic(of.low).complement * mean_decay(of.length);
}

/// Of tanh(u) = 2 σ(2u) − 1.
template <class T>
[[gnu::always_inline]] constexpr T tanh_secant(T a, T b) {
    const Interval<T> of = interval(a, b);
    return T{4} * logistic(T{2} * of.high).value * logistic(T{2} * of.low).complement *
           mean_decay(T{2} * of.length);
}

/// Of softplus. Near each other it is ln(1 + t) / (a − b), t = σ(b) (exp(a − b) − 1); far from each
/// other, from the difference of the parts that softplus consists of.
template <class T>
[[gnu::always_inline]] constexpr T softplus_secant(T a, T b) {
    constexpr T near = static_cast<T>(0.6875);  // t is below 1 there
    const Interval<T> of = interval(a, b);
    const bool is_near = !(of.length > near);
    const T length = is_near ? of.length : near;
    const T slope = logistic(of.low).value * mean_growth(length);
    const T t = slope * length;
    const T of_near = slope * (T{2} * artanh_ratio(t / (T{2} + t)) / (T{2} + t));
    const T rise = of.high > T{0} ? of.high - (of.low > T{0} ? of.low : T{0}) : T{0};
    const T bend = softplus(-magnitude(of.high)) - softplus(-magnitude(of.low));
    return is_near ? of_near : (rise + bend) / of.length;
}

/// Of a function A of straight pieces, whose differences are those of its arguments.
template <class A, class T>
[[gnu::always_inline]] constexpr T straight_secant(T a, T b) {
    const auto from = A::at(b);
    return a == b ? from.first : (A::at(a).value - from.value) / (a - b);
}

}  // namespace nullcline::elementary
