// Matrices and vectors of real numbers, each known to within a radius, and their products: in plain
// loops and BLAS, with a bound of all that they round (see rounding_bounds.hpp).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/interval.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline {

/// Real matrices, each entry known to within a radius.
struct EnclosedMatrix {
    Matrix<double> middle;
    Matrix<double> radius;  ///< or nothing, where the matrix is exact

    [[nodiscard]] bool is_exact() const { return radius.rows() == 0; }
};

/// Real vectors, each entry known to within a radius.
struct EnclosedVector {
    EnclosedVector() = default;
    explicit EnclosedVector(std::span<const Interval> box);

    std::vector<double> middle, radius;
};

/// What makes a bound of a rounded sum of n terms that are not negative, each of a few factors.
[[nodiscard]] constexpr double sum_margin(std::size_t n) { return 1 + 2 * relative_error(n + 8); }

[[nodiscard]] Matrix<double> copy_of(MatrixView<const double> from);

/// The exact weights, or L Rᵀ with the rounding of its products.
[[nodiscard]] EnclosedMatrix enclosed_weights(const Weights<double>& weights);

/// Bounds of the sums of absolute values, row by row.
[[nodiscard]] std::vector<double> row_sums(const EnclosedMatrix& weights);

/// W v for the rows `first` to `first + count`.
void multiply(const EnclosedMatrix& w, std::size_t first, std::size_t count,
              const EnclosedVector& v, std::span<Interval> out);

/// The first rows of A (m, k) times B (k, n), where A's radii are few or none, and B's are there.
[[nodiscard]] EnclosedMatrix product(const EnclosedMatrix& a, std::size_t rows,
                                     const EnclosedMatrix& b);

/// Bounds of |W| v for the first rows, v being not negative.
void multiply_magnitudes(const EnclosedMatrix& w, const std::vector<double>& v,
                         std::span<double> out);

}  // namespace nullcline
