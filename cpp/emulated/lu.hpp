// LU factors in plain loops, for devices that are made of the CPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::emulated {

/// P a = L U in place, with partial pivoting; false where a pivot is zero.
template <class T>
[[nodiscard]] bool lu_factors(MatrixView<T> a, int* pivots) {
    const std::size_t n = a.rows();
    for (std::size_t k = 0; k < n; ++k) {
        std::size_t pivot = k;
        for (std::size_t i = k + 1; i < n; ++i) {
            pivot = std::abs(a(i, k)) > std::abs(a(pivot, k)) ? i : pivot;
        }
        pivots[k] = static_cast<int>(pivot);
        if (!(std::abs(a(pivot, k)) > 0)) {
            return false;
        }
        if (pivot != k) {
            std::swap_ranges(a.row(k).begin(), a.row(k).end(), a.row(pivot).begin());
        }
        for (std::size_t i = k + 1; i < n; ++i) {
            const T factor = a(i, k) /= a(k, k);
            for (std::size_t j = k + 1; j < n; ++j) {
                a(i, j) -= factor * a(k, j);
            }
        }
    }
    return true;
}

/// x = a⁻¹ x, from the factors of a.
template <class T>
void lu_solution(MatrixView<const T> factors, const int* pivots, T* x) {
    const std::size_t n = factors.rows();
    for (std::size_t k = 0; k < n; ++k) {
        std::swap(x[k], x[static_cast<std::size_t>(pivots[k])]);
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            x[i] -= factors(i, j) * x[j];
        }
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t j = i + 1; j < n; ++j) {
            x[i] -= factors(i, j) * x[j];
        }
        x[i] /= factors(i, i);
    }
}

}  // namespace nullcline::emulated
