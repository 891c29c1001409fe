// Random values, the same in every run and with every compiler.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::tests {

class Random {
  public:
    explicit Random(std::uint64_t seed) : bits_(seed) {}

    /// In [low, high). The standard's own distributions differ between libraries.
    [[nodiscard]] double uniform(double low = -1, double high = 1) {
        return low + (high - low) * static_cast<double>(bits_() >> 11U) * 0x1p-53;
    }

    [[nodiscard]] std::size_t below(std::size_t n) { return bits_() % n; }

    /// Of either sign, its magnitude spread evenly over the powers of ten.
    [[nodiscard]] double over_magnitudes(double least_exponent, double largest_exponent) {
        const double magnitude = std::pow(10.0, uniform(least_exponent, largest_exponent));
        return uniform() < 0 ? -magnitude : magnitude;
    }

    template <class T>
    [[nodiscard]] std::vector<T> vector(std::size_t n, double low = -1, double high = 1) {
        std::vector<T> values(n);
        for (T& value : values) {
            value = static_cast<T>(uniform(low, high));
        }
        return values;
    }

    template <class T>
    [[nodiscard]] Matrix<T> matrix(std::size_t rows, std::size_t cols) {
        Matrix<T> values(rows, cols);
        for (T& value : values.elements()) {
            value = static_cast<T>(uniform());
        }
        return values;
    }

  private:
    std::mt19937_64 bits_;
};

}  // namespace nullcline::tests
