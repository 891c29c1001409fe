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

// Literals are exact.
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator+(double a, const Rounded<T>& b) {
    return Rounded<T>{static_cast<T>(a), 0} + b;
}
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator-(double a, const Rounded<T>& b) {
    return Rounded<T>{static_cast<T>(a), 0} - b;
}
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> operator*(double a, const Rounded<T>& b) {
    return Rounded<T>{static_cast<T>(a), 0} * b;
}

template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE Gate<Rounded<T>> logistic(const Rounded<T>& u) {
    const elementary::Logistic<T> f = elementary::logistic(u.value);
    const T carried = f.value * f.complement * u.error;
    return {{f.value, carried + f.value}, {f.complement, carried + f.complement}};
}

}  // namespace nullcline
