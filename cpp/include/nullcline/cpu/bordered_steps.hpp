// Steps along a path by factors of one bordered matrix, which serve until the path has gone on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cpu/dense_steps.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline::cpu {

/// LU factors, and the sign of the determinant.
template <class T>
class SignedFactors {
  public:
    explicit SignedFactors(std::size_t size) : matrix_(size, size), pivots_(size) {}

    /// The matrix, to be written before it is factored in its place.
    [[nodiscard]] MatrixView<T> matrix() { return matrix_.view(); }

    /// -1 or 1, or 0 where there are no factors.
    [[nodiscard]] int factor() {
        if (!blas::lu(matrix_.view(), std::span(pivots_))) {
            return 0;
        }
        int sign = 1;
        for (std::size_t i = 0; i < pivots_.size(); ++i) {
            const bool is_exchanged = pivots_[i] != static_cast<int>(i) + 1;
            const bool is_negative = matrix_.view()(i, i) < 0;
            sign = is_exchanged == is_negative ? sign : -sign;
        }
        return sign;
    }

    void solve(std::span<T> right) const {
        blas::lu_solve(matrix_.view(), std::span<const int>(pivots_), right);
    }

  private:
    Matrix<T> matrix_;
    std::vector<int> pivots_;
};

/// The matrix of one slot (see `BorderedOperands`), and its factors.
///
/// Where weights are of low rank, J = M Rᵀ − diag(d) with M of that many columns: R is the weights'
/// own, with rows scaled where the only block is gated. With w = Rᵀ v a step (v, μ) then solves a
/// system in w and μ alone: of the order of the rank, and H × H numbers are nowhere.
template <class T>
class BorderedSteps {
  public:
    /// For a Jacobian whose weights come with each step.
    BorderedSteps(std::size_t size, Factors)
        : size_(size), step_(size + 1), factors_(size + 1), normal_(size + 1) {}

    /// For an equation's own.
    template <Equation E>
    explicit BorderedSteps(const E& equation)
        : size_(equation.size()),
          weights_(keeps_low_rank(equation) ? equation.weights() : Weights<T>()),
          step_(order()),
          factors_(order()),
          normal_(size_ + 1),
          left_(weights_.is_low_rank() ? size_ : 0, weights_.rank()),
          right_(left_.rows(), left_.cols()),
          column_(left_.rows()) {}

    /// Whether steps need no dense weights.
    template <Equation E>
    [[nodiscard]] static bool keeps_low_rank(const E& equation) {
        const Weights<T> weights = equation.weights();
        return weights.is_low_rank() && (equation.n_gated() == 0 || equation.blocks() == 1) &&
               2 * weights.rank() <= weights.cols();
    }

    /// Compute the step that a slot requests, with the dense weights of its Jacobian, if needed.
    void solve(const BorderedOperands<T>& operands, std::size_t row,
               const StepWeights<T>& weights) {
        if (operands.changed(row, 0) != 0) {
            std::ranges::copy(operands.normal.row(row), normal_.begin());
            sign_ = weights_.is_low_rank() ? factor_low_rank(operands, row)
                                           : factor(operands, row, weights.full);
        }
        operands.sign(row, 0) = static_cast<T>(sign_);
        operands.solved(row, 0) = sign_ != 0 ? 1 : 0;
        if (sign_ == 0) {
            return;
        }
        T& last = operands.last(row, 0);
        if (weights_.is_low_rank()) {
            solve_low_rank(operands.identity.row(row), operands.step.row(row), last);
        } else {
            solve_dense(operands.step.row(row), last);
        }
    }

  private:
    [[nodiscard]] std::size_t order() const {
        return 1 + (weights_.is_low_rank() ? weights_.rank() : size_);
    }
    [[nodiscard]] std::span<const T> normal() const { return std::span(normal_).first(size_); }

    [[nodiscard]] int factor(const BorderedOperands<T>& operands, std::size_t row,
                             MatrixView<const T> weights) {
        const MatrixView<T> matrix = factors_.matrix();
        assemble(JacobianView<T>{operands.scales.row(row), operands.identity.row(row),
                                 operands.gate.row(row)},
                 weights, matrix.middle_rows(0, size_).columns(0, size_));
        for (std::size_t i = 0; i < size_; ++i) {
            matrix(i, size_) = operands.column(row, i);
        }
        std::ranges::copy(normal_, matrix.row(size_).begin());
        return factors_.factor();
    }

    void solve_dense(std::span<T> step, T& last) {
        std::ranges::copy(step, step_.begin());
        step_.back() = last;
        factors_.solve(step_);
        std::ranges::copy(std::span(step_).first(size_), step.begin());
        last = step_.back();
    }

    /// The factors of [I + Rᵀ D⁻¹ M, Rᵀ D⁻¹ c; −nᵀ D⁻¹ M, n_λ − nᵀ D⁻¹ c], D being −diag(d), c the
    /// column and (n, n_λ) the row of the border; and the sign of the whole determinant.
    [[nodiscard]] int factor_low_rank(const BorderedOperands<T>& operands, std::size_t row) {
        const std::size_t rank = weights_.rank();
        const MatrixView<T> matrix = factors_.matrix();
        const auto diagonal = operands.identity.row(row);
        assemble_products(std::span<const T>(operands.scales.row(row)), weights_.left(),
                          left_.view());
        int sign = 1;
        for (std::size_t i = 0; i < size_; ++i) {
            if (diagonal[i] == 0) {
                return 0;
            }
            sign = diagonal[i] < 0 ? sign : -sign;
            for (T& number : left_.row(i)) {
                number /= -diagonal[i];
            }
            column_[i] = operands.column(row, i) / -diagonal[i];
        }
        make_right_factor(operands.gate.row(row));
        const MatrixView<const T> left = std::as_const(left_).view();
        const MatrixView<const T> right = std::as_const(right_).view();
        blas::multiply_by_transpose(right, left, matrix.columns(0, rank));
        blas::multiply_vector_by_transpose(right, std::span<const T>(column_),
                                           std::span(step_).first(rank));
        for (std::size_t r = 0; r < rank; ++r) {
            matrix(r, r) += 1;
            matrix(r, rank) = step_[r];
        }
        const auto border = matrix.row(rank);
        blas::multiply_vector_by_transpose(left, normal(), border.first(rank));
        for (T& number : border.first(rank)) {
            number = -number;
        }
        border[rank] = normal_.back() - dot(normal(), std::span<const T>(column_));
        return sign * factors_.factor();
    }

    void make_right_factor(std::span<const T> gate) {
        std::ranges::copy(weights_.right().elements(), right_.elements().begin());
        for (std::size_t i = 0; i < gate.size() / 2; ++i) {
            for (T& number : right_.row(i)) {
                number *= gate[size_ + i];
            }
        }
    }

    void solve_low_rank(std::span<const T> diagonal, std::span<T> step, T& last) {
        const std::size_t rank = weights_.rank();
        for (std::size_t i = 0; i < size_; ++i) {
            step[i] /= -diagonal[i];
        }
        blas::multiply_vector_by_transpose(std::as_const(right_).view(), std::span<const T>(step),
                                           std::span(step_).first(rank));
        step_.back() = last - dot(normal(), std::span<const T>(step));
        factors_.solve(step_);
        last = step_.back();
        const auto inner = std::span<const T>(step_).first(rank);
        for (std::size_t i = 0; i < size_; ++i) {
            step[i] -= dot(std::span<const T>(left_.row(i)), inner) + column_[i] * last;
        }
    }

    std::size_t size_;
    Weights<T> weights_;  // where they are of low rank
    std::vector<T> step_;
    SignedFactors<T> factors_;
    std::vector<T> normal_;
    Matrix<T> left_;         // D⁻¹ M
    Matrix<T> right_;        // R
    std::vector<T> column_;  // D⁻¹ c
    int sign_ = 0;           // of the determinant; 0 where there are no factors
};

}  // namespace nullcline::cpu
