// Products of enclosed matrices and vectors, with a bound of their rounding.
#include "nullcline/numerics/enclosed_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "nullcline/numerics/blas.hpp"

namespace nullcline {
namespace {

/// Σ w_j v_j and a bound of its error, for a row of weights whose radii may be absent.
Interval inner_product(std::span<const double> weights, std::span<const double> weight_radius,
                       const EnclosedVector& v) {
    const std::size_t n = weights.size();
    const double* const w = weights.data();
    const double* const m = v.middle.data();
    const double* const r = v.radius.data();
    const double error = relative_error(n + 2);
    double sum = 0;
    double bound = 0;
#pragma omp simd reduction(+ : sum, bound)
    for (std::size_t j = 0; j < n; ++j) {
        sum += w[j] * m[j];
        bound += std::abs(w[j]) * (r[j] + error * std::abs(m[j]));
    }
    if (!weight_radius.empty()) {
        const double* const e = weight_radius.data();
#pragma omp simd reduction(+ : bound)
        for (std::size_t j = 0; j < n; ++j) {
            bound += e[j] * (r[j] + std::abs(m[j]));
        }
    }
    bound = bound * sum_margin(2 * n) + underflow;
    return {down(sum - bound), up(sum + bound)};
}

Matrix<double> magnitudes(const Matrix<double>& from) {
    Matrix<double> out(from.rows(), from.cols());
    std::ranges::transform(from.elements(), out.elements().begin(),
                           [](double x) { return std::abs(x); });
    return out;
}

}  // namespace

EnclosedVector::EnclosedVector(std::span<const Interval> box)
    : middle(box.size()), radius(box.size()) {
    for (std::size_t i = 0; i < box.size(); ++i) {
        const bool is_exact = box[i].low == box[i].high;
        middle[i] = is_exact ? box[i].low : box[i].middle();
        radius[i] = is_exact ? 0 : box[i].radius();
    }
}

void multiply(const EnclosedMatrix& w, std::size_t first, std::size_t count,
              const EnclosedVector& v, std::span<Interval> out) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto radius = w.is_exact() ? std::span<const double>() : w.radius.row(first + i);
        out[i] = inner_product(w.middle.row(first + i), radius, v);
    }
}

Matrix<double> copy_of(MatrixView<const double> from) {
    Matrix<double> copy(from.rows(), from.cols());
    std::ranges::copy(from.elements(), copy.elements().begin());
    return copy;
}

EnclosedMatrix enclosed_weights(const Weights<double>& weights) {
    if (!weights.is_low_rank()) {
        return {copy_of(weights.dense()), {}};
    }
    const std::size_t rows = weights.rows();
    EnclosedMatrix out{Matrix<double>(rows, rows), Matrix<double>(rows, rows)};
    blas::multiply_transposed(weights.left(), weights.right(), out.middle.view());
    const Matrix<double> left = magnitudes(copy_of(weights.left()));
    const Matrix<double> right = magnitudes(copy_of(weights.right()));
    blas::multiply_transposed(left.view(), right.view(), out.radius.view());
    const double error = relative_error(weights.rank() + 2) * sum_margin(weights.rank());
    for (double& radius : out.radius.elements()) {
        radius = radius * error + underflow;
    }
    return out;
}

std::vector<double> row_sums(const EnclosedMatrix& weights) {
    std::vector<double> sums(weights.middle.rows());
    for (std::size_t i = 0; i < sums.size(); ++i) {
        for (const double w : weights.middle.row(i)) {
            sums[i] += std::abs(w);
        }
        if (!weights.is_exact()) {
            for (const double radius : weights.radius.row(i)) {
                sums[i] += radius;
            }
        }
        sums[i] *= sum_margin(2 * weights.middle.cols());
    }
    return sums;
}

EnclosedMatrix product(const EnclosedMatrix& a, std::size_t rows, const EnclosedMatrix& b) {
    const std::size_t inner = b.middle.rows();
    const std::size_t cols = b.middle.cols();
    EnclosedMatrix out{Matrix<double>(rows, cols), Matrix<double>(rows, cols)};
    blas::multiply(a.middle.view().middle_rows(0, rows), b.middle.view(), out.middle.view());
    // |A B − fl(A B)| <= |A| (γ |B| + R_B) + R_A (|B| + R_B)
    Matrix<double> spread(inner, cols);
    Matrix<double> size(inner, cols);
    const double error = relative_error(inner + 2);
    for (std::size_t k = 0; k < spread.elements().size(); ++k) {
        const double radius = b.radius.elements()[k];
        const double magnitude = std::abs(b.middle.elements()[k]);
        spread.elements()[k] = error * magnitude + radius;
        size.elements()[k] = magnitude + radius;
    }
    const Matrix<double> magnitude = magnitudes(a.middle);
    blas::multiply(magnitude.view().middle_rows(0, rows), MatrixView<const double>(spread.view()),
                   out.radius.view());
    if (!a.is_exact()) {
        Matrix<double> more(rows, cols);
        blas::multiply(a.radius.view().middle_rows(0, rows), MatrixView<const double>(size.view()),
                       more.view());
        std::ranges::transform(out.radius.elements(), more.elements(),
                               out.radius.elements().begin(), std::plus<>());
    }
    for (double& radius : out.radius.elements()) {
        radius = radius * sum_margin(2 * inner) + underflow;
    }
    return out;
}

void multiply_magnitudes(const EnclosedMatrix& w, const std::vector<double>& v,
                         std::span<double> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < v.size(); ++j) {
            const double radius = w.is_exact() ? 0 : w.radius.row(i)[j];
            sum += (std::abs(w.middle.row(i)[j]) + radius) * v[j];
        }
        out[i] = sum * sum_margin(v.size());
    }
}

}  // namespace nullcline
