// Numbers that carry a bound of their rounding error, to first order, in units of the precision's
// eps: running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 3.3).
#pragma once

#include <cmath>

#include "nullcline/numerics/elementary.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jet.hpp"

namespace nullcline {

template <class T>
struct Rounded {
    T value;
    T error;
};

template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator+(const Rounded<T>& a, const Rounded<T>& b) {
    const T value = a.value + b.value;
    return {value, a.error + b.error + std::abs(value)};
}

template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator-(const Rounded<T>& a, const Rounded<T>& b) {
    const T value = a.value - b.value;
    return {value, a.error + b.error + std::abs(value)};
}

template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator*(const Rounded<T>& a, const Rounded<T>& b) {
    const T value = a.value * b.value;
    return {value, a.error * std::abs(b.value) + std::abs(a.value) * b.error + std::abs(value)};
}

template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator/(const Rounded<T>& a, const Rounded<T>& b) {
    const T value = a.value / b.value;
    return {value, (a.error + std::abs(value) * b.error) / std::abs(b.value) + std::abs(value)};
}

/// Its own error is that of a result of at most 1; where it is flat, no error of u counts, however
/// large.
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> tanh(const Rounded<T>& u) {
    const T value = elementary::tanh(u.value);
    const T slope = (T{1} - value) * (T{1} + value);
    return {value, (slope > T{0} ? slope * u.error : T{0}) + T{1}};
}

/// Where u is below zero the error counts as well: it may have decided on which side it is.
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> relu(const Rounded<T>& u) {
    return {u.value > T{0} ? u.value : T{0} * u.value, u.error};
}

template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Gate<Rounded<T>> logistic(const Rounded<T>& u) {
    const elementary::Logistic<T> f = elementary::logistic(u.value);
    const T carried = f.value * f.complement * u.error;
    return {{f.value, carried + f.value}, {f.complement, carried + f.complement}};
}

}  // namespace nullcline
