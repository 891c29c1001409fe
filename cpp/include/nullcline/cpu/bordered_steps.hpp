// Steps along a path by factors of one bordered matrix, which serve until the path has gone on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/cpu/dense_steps.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::cpu {

/// The matrix of one slot (see `BorderedOperands`), and its factors.
template <class T>
class BorderedSteps {
  public:
    BorderedSteps(std::size_t size, Factors)
        : size_(size), matrix_(size + 1, size + 1), pivots_(size + 1), right_(size + 1) {}

    /// Compute the step that a slot requests, with the weights of its Jacobian.
    void solve(const BorderedOperands<T>& operands, std::size_t row,
               const StepWeights<T>& weights) {
        if (operands.changed(row, 0) != 0) {
            factor(operands, row, weights.full);
        }
        operands.sign(row, 0) = static_cast<T>(sign_);
        operands.solved(row, 0) = sign_ != 0 ? 1 : 0;
        if (sign_ == 0) {
            return;
        }
        const auto step = operands.step.row(row);
        std::ranges::copy(step, right_.begin());
        right_.back() = operands.last(row, 0);
        blas::lu_solve(MatrixView<const T>(matrix_.view()), std::span<const int>(pivots_),
                       std::span(right_));
        std::ranges::copy(std::span(right_).first(size_), step.begin());
        operands.last(row, 0) = right_.back();
    }

  private:
    void factor(const BorderedOperands<T>& operands, std::size_t row, MatrixView<const T> weights) {
        const MatrixView<T> matrix = matrix_.view();
        assemble(JacobianView<T>{operands.scales.row(row), operands.identity.row(row),
                                 operands.gate.row(row)},
                 weights, matrix.middle_rows(0, size_).columns(0, size_));
        for (std::size_t i = 0; i < size_; ++i) {
            matrix(i, size_) = operands.column(row, i);
        }
        std::ranges::copy(operands.normal.row(row), matrix.row(size_).begin());
        sign_ = blas::lu(matrix, std::span(pivots_)) ? sign_of_determinant() : 0;
    }

    /// Of the factored matrix: each exchange of rows changes it, as each negative pivot does.
    [[nodiscard]] int sign_of_determinant() {
        int sign = 1;
        for (std::size_t i = 0; i <= size_; ++i) {
            const bool is_exchanged = pivots_[i] != static_cast<int>(i) + 1;
            const bool is_negative = matrix_.view()(i, i) < 0;
            sign = is_exchanged == is_negative ? sign : -sign;
        }
        return sign;
    }

    std::size_t size_;
    Matrix<T> matrix_;
    std::vector<int> pivots_;
    std::vector<T> right_;
    int sign_ = 0;  // of the determinant; 0 where there are no factors
};

}  // namespace nullcline::cpu
