// Sums over spans, in one fixed order that compilers still vectorize.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace nullcline {

template <class T>
[[nodiscard]] T dot(std::span<const T> a, std::span<const T> b) {
    T sum = 0;
    const std::size_t n = a.size();
    const T* const x = a.data();
    const T* const y = b.data();
#pragma omp simd reduction(+ : sum)
    for (std::size_t i = 0; i < n; ++i) {
        sum += x[i] * y[i];
    }
    return sum;
}

template <class T>
[[nodiscard]] T squared_norm(std::span<const T> a) {
    return dot(a, a);
}

template <class T>
[[nodiscard]] T norm(std::span<const T> a) {
    return std::sqrt(squared_norm(a));
}

/// y += factor x.
template <class T>
void add_scaled(T factor, std::span<const T> a, std::span<T> b) {
    const std::size_t n = a.size();
    const T* const x = a.data();
    T* const y = b.data();
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) {
        y[i] += factor * x[i];
    }
}

}  // namespace nullcline
