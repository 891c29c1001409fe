// Numbers of two runs at once, and how the one's change makes up from those of a unit's fields.
//
// A secant is a value in a run from which changes are counted, its value in another, and the
// coefficients c_k of Δ = Σ_k c_k Δ(field k), Δ being what the other has more. This is an identity,
// not an approximation: for a product Δ(ab) = ā Δb + b̄ Δa with the means of the two runs, and for a
// function Δf = [f(u₁) − f(u₀)] / (u₁ − u₀) Δu. So the rules are those of first derivatives (see
// jet.hpp), with means for values and divided differences for f′; where the runs meet, they are the
// derivatives. Of activations it is the rescale rule of DeepLIFT (Shrikumar, Greenside and Kundaje
// 2017, section 3.5).
#pragma once

#include "nullcline/numerics/divided_differences.hpp"
#include "nullcline/numerics/jet.hpp"

namespace nullcline {

template <class T, unsigned mask>
struct Secant {
    T base, actual;        ///< the values in both runs
    Jet<T, mask, 1> mean;  ///< their mean, and in place of derivatives the coefficients
};

/// The secant between two values, with the coefficients of `rule`.
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> between(T base, T actual,
                                                         const Jet<T, mask, 1>& rule) {
    Secant<T, mask> secant{base, actual, rule};
    secant.mean.value = T{0.5} * base + T{0.5} * actual;
    return secant;
}

template <class T, unsigned a_mask, unsigned b_mask>
[[gnu::always_inline]] constexpr Secant<T, a_mask | b_mask> operator+(const Secant<T, a_mask>& a,
                                                                      const Secant<T, b_mask>& b) {
    return between(a.base + b.base, a.actual + b.actual, a.mean + b.mean);
}

template <class T, unsigned a_mask, unsigned b_mask>
[[gnu::always_inline]] constexpr Secant<T, a_mask | b_mask> operator-(const Secant<T, a_mask>& a,
                                                                      const Secant<T, b_mask>& b) {
    return between(a.base - b.base, a.actual - b.actual, a.mean - b.mean);
}

template <class T, unsigned a_mask, unsigned b_mask>
[[gnu::always_inline]] constexpr Secant<T, a_mask | b_mask> operator*(const Secant<T, a_mask>& a,
                                                                      const Secant<T, b_mask>& b) {
    return between(a.base * b.base, a.actual * b.actual, a.mean * b.mean);
}

/// With q = a / b: from Δa = q̄ Δb + b̄ Δq. The denominators are to have one sign.
template <class T, unsigned a_mask, unsigned b_mask>
[[gnu::always_inline]] constexpr Secant<T, a_mask | b_mask> operator/(const Secant<T, a_mask>& a,
                                                                      const Secant<T, b_mask>& b) {
    const T base = a.base / b.base;
    const T actual = a.actual / b.actual;
    return between(base, actual,
                   detail::by_rule<T, a_mask | b_mask, 1>(
                       detail::QuotientRule<T, Jet<T, a_mask, 1>, Jet<T, b_mask, 1>>{
                           a.mean, b.mean, T{0.5} * base + T{0.5} * actual}));
}

// Literals in equations do not change.
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> operator+(double a, const Secant<T, mask>& b) {
    return between(static_cast<T>(a) + b.base, static_cast<T>(a) + b.actual, b.mean);
}
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> operator-(double a, const Secant<T, mask>& b) {
    return between(static_cast<T>(a) - b.base, static_cast<T>(a) - b.actual, a - b.mean);
}
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> operator*(double a, const Secant<T, mask>& b) {
    return between(static_cast<T>(a) * b.base, static_cast<T>(a) * b.actual, a * b.mean);
}

/// f(u), given its values and its divided difference.
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Secant<T, mask> chain_rule(const Secant<T, mask>& u, T base,
                                                            T actual, T slope) {
    return between(base, actual, chain_rule(u.mean, T{0}, slope, T{0}));
}

template <class T, unsigned mask>
[[gnu::always_inline]] constexpr Gate<Secant<T, mask>> logistic(const Secant<T, mask>& u) {
    const elementary::Logistic<T> base = elementary::logistic(u.base);
    const elementary::Logistic<T> actual = elementary::logistic(u.actual);
    const T slope = elementary::logistic_secant(u.actual, u.base);
    return {chain_rule(u, base.value, actual.value, slope),
            chain_rule(u, base.complement, actual.complement, -slope)};
}

}  // namespace nullcline
