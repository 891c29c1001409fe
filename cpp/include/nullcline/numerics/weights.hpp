// A fixed matrix of weights, and its products with states: dense, or of low rank.
//
// A recurrence W = L Rᵀ of rank r is never multiplied out for a product: with n states that takes
// O(n H r) and the memory of L and R. Only a factorization of a Jacobian needs W itself.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"

namespace nullcline {

/// W, as a view: its numbers, or its shape and its factors.
template <class T>
class Weights {
  public:
    Weights() = default;
    constexpr Weights(MatrixView<const T> dense)  // NOLINT(google-explicit-constructor)
        : dense_(dense) {}
    /// L Rᵀ, L (rows, r) and R (columns, r).
    constexpr Weights(MatrixView<const T> left, MatrixView<const T> right)
        : dense_(nullptr, left.rows(), right.rows()), left_(left), right_(right) {}

    [[nodiscard]] constexpr std::size_t rows() const { return dense_.rows(); }
    [[nodiscard]] constexpr std::size_t cols() const { return dense_.cols(); }
    [[nodiscard]] constexpr bool is_low_rank() const { return left_.data() != nullptr; }
    [[nodiscard]] constexpr std::size_t rank() const { return left_.cols(); }
    /// Multiplications that a product with one vector takes.
    [[nodiscard]] constexpr std::size_t size() const {
        return is_low_rank() ? left_.size() + right_.size() : dense_.size();
    }
    /// The dense matrix; its shape without data where W is of low rank.
    [[nodiscard]] constexpr MatrixView<const T> dense() const { return dense_; }
    [[nodiscard]] constexpr MatrixView<const T> left() const { return left_; }
    [[nodiscard]] constexpr MatrixView<const T> right() const { return right_; }

    /// Rows `first` to `first + count`.
    [[nodiscard]] constexpr Weights middle_rows(std::size_t first, std::size_t count) const {
        return is_low_rank() ? Weights(left_.middle_rows(first, count), right_)
                             : Weights(dense_.middle_rows(first, count));
    }

  private:
    MatrixView<const T> dense_, left_, right_;
};

/// out = V Wᵀ: W v for every row v.
template <class T>
void multiply_transposed(MatrixView<const T> v, const Weights<T>& w, MatrixView<T> out) {
    if (w.rows() == 0) {
        return;
    }
    if (!w.is_low_rank()) {
        return blas::multiply_transposed(v, w.dense(), out);
    }
    Matrix<T> inner(v.rows(), w.rank());
    blas::multiply(MatrixView<const T>(v.columns(0, w.cols())), w.right(), inner.view());
    blas::multiply_transposed(MatrixView<const T>(inner.view()), w.left(), out);
}

/// out = U W: Wᵀ u for every row u, in the first columns of `out`.
template <class T>
void multiply(MatrixView<const T> u, const Weights<T>& w, MatrixView<T> out) {
    if (w.rows() == 0) {
        for (std::size_t i = 0; i < u.rows(); ++i) {
            std::ranges::fill(out.row(i).first(w.cols()), T{0});
        }
        return;
    }
    if (!w.is_low_rank()) {
        return blas::multiply(u, w.dense(), out);
    }
    Matrix<T> inner(u.rows(), w.rank());
    blas::multiply(u, w.left(), inner.view());
    blas::multiply_transposed(MatrixView<const T>(inner.view()), w.right(),
                              out.columns(0, w.cols()));
}

/// y = W x, for the first numbers of a longer x.
template <class T>
void multiply_vector(const Weights<T>& w, std::span<const T> x, std::span<T> y) {
    if (w.rows() == 0) {
        return;
    }
    if (!w.is_low_rank()) {
        return blas::multiply_vector(w.dense(), x.first(w.cols()), y);
    }
    std::vector<T> inner(w.rank());
    blas::multiply_vector_by_transpose(w.right(), x.first(w.cols()), std::span(inner));
    blas::multiply_vector(w.left(), std::span<const T>(inner), y);
}

/// y = Wᵀ x.
template <class T>
void multiply_vector_by_transpose(const Weights<T>& w, std::span<const T> x, std::span<T> y) {
    if (w.rows() == 0) {
        std::ranges::fill(y.first(w.cols()), T{0});
        return;
    }
    if (!w.is_low_rank()) {
        return blas::multiply_vector_by_transpose(w.dense(), x, y);
    }
    std::vector<T> inner(w.rank());
    blas::multiply_vector_by_transpose(w.left(), x, std::span(inner));
    blas::multiply_vector(w.right(), std::span<const T>(inner), y);
}

/// W written out: a view where it is dense already, else the product of its factors.
template <class T>
class DenseWeights {
  public:
    DenseWeights() = default;
    explicit DenseWeights(const Weights<T>& w) : view_(w.dense()) {
        if (w.is_low_rank()) {
            product_ = Matrix<T>(w.rows(), w.cols());
            blas::multiply_transposed(w.left(), w.right(), product_.view());
            view_ = product_.view();
        }
    }
    DenseWeights(const DenseWeights&) = delete;
    DenseWeights& operator=(const DenseWeights&) = delete;
    DenseWeights(DenseWeights&&) noexcept = default;  // a vector's numbers stay where they are
    DenseWeights& operator=(DenseWeights&&) noexcept = default;
    ~DenseWeights() = default;

    [[nodiscard]] MatrixView<const T> view() const { return view_; }

  private:
    Matrix<T> product_;
    MatrixView<const T> view_;
};

/// Bounds of the Euclidean norms of W's rows, which also bound the rounding of its products:
/// ‖L_i‖ ‖R‖_F for factors, since each of the two products rounds.
template <class T>
[[nodiscard]] std::vector<T> row_norms(const Weights<T>& w) {
    std::vector<T> norms(w.rows());
    const T factor = w.is_low_rank() ? norm(w.right().elements()) : T{1};
    const MatrixView<const T> rows = w.is_low_rank() ? w.left() : w.dense();
    for (std::size_t i = 0; i < norms.size(); ++i) {
        norms[i] = norm(rows.row(i)) * factor;
    }
    return norms;
}

}  // namespace nullcline
