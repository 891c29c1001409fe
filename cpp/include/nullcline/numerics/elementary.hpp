// exp, tanh and the logistic function in a form that compilers vectorize, within 3 ulp.
//
// The C library's scalar functions would cost a search as much as its matrix products do. The
// scheme is the textbook one (Cody and Waite, "Software Manual for the Elementary Functions",
// 1980): x = k ln 2 + r with ln 2 in two parts, Taylor's polynomial of exp(r) − 1 for |r| <= ln(2)
// / 2, and 2^k put together from its bits. No branch and no table; NaN passes through.
#pragma once

#include <bit>
#include <cstdint>

namespace nullcline::elementary {

template <class T>
struct Format;

template <>
struct Format<double> {
    using Bits = std::int64_t;
    static constexpr int mantissa_bits = 52;
    static constexpr Bits exponent_bias = 1023;
    static constexpr double round_shift = 0x1.8p52;  // adding it rounds to a whole number
    static constexpr double ln2_high = 0x1.62e42fee00000p-1;
    static constexpr double ln2_low = 0x1.a39ef35793c76p-33;
    static constexpr double largest_exponent = 708;
    static constexpr double tanh_is_one = 20;
};

template <>
struct Format<float> {
    using Bits = std::int32_t;
    static constexpr int mantissa_bits = 23;
    static constexpr Bits exponent_bias = 127;
    static constexpr float round_shift = 0x1.8p23F;
    static constexpr float ln2_high = 0x1.62e400p-1F;
    static constexpr float ln2_low = 0x1.7f7d1cp-20F;
    static constexpr float largest_exponent = 87;
    static constexpr float tanh_is_one = 10;
};

/// exp(r) − 1 for |r| <= ln(2) / 2: what the polynomial leaves out is under a tenth of an ulp.
[[gnu::always_inline]] constexpr double small_expm1(double r) {
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    return p * r * r + r;
}

[[gnu::always_inline]] constexpr float small_expm1(float r) {
    float p = 1.0F / 5040.0F;
    p = p * r + 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    return p * r * r + r;
}

/// x = k ln 2 + r, as 2^k and exp(r) − 1; |x| must be below `largest_exponent`.
template <class T>
struct Exponential {
    T power;
    T expm1;
};

template <class T>
[[gnu::always_inline]] constexpr Exponential<T> split_exp(T x) {
    using F = Format<T>;
    constexpr T log2_e = static_cast<T>(1.4426950408889634);
    const T shifted = x * log2_e + F::round_shift;
    const T k = shifted - F::round_shift;
    const T r = (x - k * F::ln2_high) - k * F::ln2_low;
    // The low bits of `shifted` are k itself.
    const auto bits = std::bit_cast<typename F::Bits>(shifted);
    const auto zero = std::bit_cast<typename F::Bits>(F::round_shift);
    const T power = std::bit_cast<T>((bits - zero + F::exponent_bias) << F::mantissa_bits);
    return {power, small_expm1(r)};
}

template <class T>
[[gnu::always_inline]] constexpr T clamp(T x, T bound) {
    x = x > bound ? bound : x;
    return x < -bound ? -bound : x;
}

/// 1 / (1 + exp(−x)), and its complement to 1, each to full precision.
template <class T>
struct Logistic {
    T value;
    T complement;
};

template <class T>
[[gnu::always_inline]] constexpr Logistic<T> logistic(T x) {
    const auto e = split_exp(clamp(-x, Format<T>::largest_exponent));
    const T exp = e.power * e.expm1 + e.power;
    const T value = T{1} / (T{1} + exp);
    return {value, exp * value};
}

template <class T>
[[gnu::always_inline]] constexpr T tanh(T x) {
    const auto e = split_exp(T{2} * clamp(x, Format<T>::tanh_is_one));
    const T expm1 = e.power * e.expm1 + (e.power - T{1});
    return expm1 / (expm1 + T{2});
}

/// artanh(s) / s for |s| <= 1/3: what its series leaves out is under an ulp.
template <class T>
[[gnu::always_inline]] constexpr T artanh_ratio(T s) {
    const T square = s * s;
    T p = T{1} / T{35};
    for (int denominator = 33; denominator > 0; denominator -= 2) {
        p = p * square + T{1} / static_cast<T>(denominator);
    }
    return p;
}

/// ln(1 + t) for 0 <= t <= 1, as 2 artanh(t / (2 + t)).
template <class T>
[[gnu::always_inline]] constexpr T small_log1p(T t) {
    const T s = t / (T{2} + t);  // at most 1/3
    return T{2} * s * artanh_ratio(s);
}

template <class T>
[[gnu::always_inline]] constexpr T magnitude(T x) {
    return x < T{0} ? -x : x;
}

/// ln(1 + exp(x))
template <class T>
[[gnu::always_inline]] constexpr T softplus(T x) {
    const auto e = split_exp(clamp(-magnitude(x), Format<T>::largest_exponent));
    return (x > T{0} ? x : T{0} * x) + small_log1p(e.power * e.expm1 + e.power);
}

}  // namespace nullcline::elementary
