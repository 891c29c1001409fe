// Steps by factors of a dense matrix, one at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::cpu {

/// The matrices of one slot.
template <class T>
class DenseSteps {
  public:
    DenseSteps(std::size_t size, Factors factors)
        : factors_(factors),
          size_(factors == Factors::none ? 0 : size),
          jacobian_(size_, size_),
          normal_(factors == Factors::normal ? size_ : 0, size_),
          pivots_(size_) {}

    /// Compute the step that a slot requests, with the weights of its Jacobian.
    void solve(const SolveOperands<T>& operands, std::size_t row, MatrixView<const T> weights) {
        const bool solved = factors_ == Factors::normal ? solve_normal(operands, row, weights)
                                                        : solve_newton(operands, row, weights);
        operands.solved(row, 0) = solved ? 1 : 0;
    }

  private:
    void assemble_jacobian(const SolveOperands<T>& operands, std::size_t row,
                           MatrixView<const T> weights) {
        assemble(JacobianView<T>{operands.scales.row(row), operands.identity.row(row),
                                 operands.gate.row(row)},
                 weights, jacobian_.view());
    }

    bool solve_newton(const SolveOperands<T>& operands, std::size_t row,
                      MatrixView<const T> weights) {
        assemble_jacobian(operands, row, weights);
        if (!blas::lu(jacobian_.view(), std::span(pivots_)) && !replace_zero_pivots()) {
            return false;
        }
        blas::lu_solve(MatrixView<const T>(jacobian_.view()), std::span<const int>(pivots_),
                       operands.step.row(row));
        return true;
    }

    /// Put pivots of rounding's size for those that are exactly zero, as for a unit whose slope is
    /// 1 to rounding: the others' steps are then as good as ever. False where all are zero.
    bool replace_zero_pivots() {
        const MatrixView<T> factors = jacobian_.view();
        T largest = 0;
        for (std::size_t i = 0; i < size_; ++i) {
            largest = std::max(largest, std::abs(factors(i, i)));
        }
        for (std::size_t i = 0; i < size_; ++i) {
            if (factors(i, i) == 0) {
                factors(i, i) = std::numeric_limits<T>::epsilon() * largest;
            }
        }
        return largest > 0;
    }

    bool solve_normal(const SolveOperands<T>& operands, std::size_t row,
                      MatrixView<const T> weights) {
        if (operands.changed(row, 0) != 0) {
            assemble_jacobian(operands, row, weights);
            blas::gram(MatrixView<const T>(jacobian_.view()), normal_.view());
        }
        // The Jacobian is needed no more: its memory becomes the factor's.
        const MatrixView<T> factor = jacobian_.view();
        std::ranges::copy(normal_.elements(), factor.elements().begin());
        const auto free = operands.free.row(row);
        for (std::size_t i = 0; i < size_; ++i) {
            if (free[i] == 0) {
                for (std::size_t j = 0; j < size_; ++j) {
                    factor(i, j) = factor(j, i) = 0;
                }
            }
        }
        for (std::size_t i = 0; i < size_; ++i) {
            factor(i, i) += operands.shift(row, 0);
        }
        if (!blas::cholesky(factor)) {
            return false;
        }
        const auto step = operands.step.row(row);
        blas::cholesky_solve(MatrixView<const T>(factor), MatrixView<T>(step.data(), 1, size_));
        return true;
    }

    Factors factors_;
    std::size_t size_;
    Matrix<T> jacobian_, normal_;
    std::vector<int> pivots_;
};

}  // namespace nullcline::cpu
