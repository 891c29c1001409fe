// Steps by factors of a dense matrix, one at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::cpu {

/// JᵀJ + μI and its factors, in a precision of their own, for one slot after the other.
template <class U>
class NormalEquations {
  public:
    explicit NormalEquations(std::size_t size) : jacobian_(size, size), normal_(size, size) {}

    /// Forget the normal matrix of this slot: its Jacobian has changed.
    void forget(std::size_t row) {
        if (row == owner_) {
            owner_ = none;
        }
    }

    /// Solve for a slot's step, whose right-hand side `step` holds; false where there is no factor.
    template <class T>
    bool solve(const SolveOperands<T>& operands, std::size_t row, MatrixView<const U> weights,
               std::span<T> step) {
        if (row != owner_) {
            assemble_jacobian(operands, row, weights);
            blas::gram(MatrixView<const U>(jacobian_.view()), normal_.view());
            owner_ = row;
        }
        // The Jacobian is needed no more: its memory becomes the factor's.
        const MatrixView<U> factor = jacobian_.view();
        const std::size_t size = step.size();
        std::ranges::copy(normal_.elements(), factor.elements().begin());
        const auto free = operands.free.row(row);
        for (std::size_t i = 0; i < size; ++i) {
            if (free[i] == 0) {
                for (std::size_t j = 0; j < size; ++j) {
                    factor(i, j) = factor(j, i) = 0;
                }
            }
        }
        for (std::size_t i = 0; i < size; ++i) {
            factor(i, i) += static_cast<U>(operands.shift(row, 0));
        }
        if (!blas::cholesky(factor)) {
            return false;
        }
        right_.assign(step.begin(), step.end());
        blas::cholesky_solve(MatrixView<const U>(factor), MatrixView<U>(right_.data(), 1, size));
        std::ranges::copy(right_, step.begin());
        return true;
    }

  private:
    template <class T>
    void assemble_jacobian(const SolveOperands<T>& operands, std::size_t row,
                           MatrixView<const U> weights) {
        const auto rounded = [](std::span<const T> from) {
            return std::vector<U>(from.begin(), from.end());
        };
        const auto scales = rounded(operands.scales.row(row));
        const auto identity = rounded(operands.identity.row(row));
        const auto gate = rounded(operands.gate.row(row));
        assemble(JacobianView<U>{scales, identity, gate}, weights, jacobian_.view());
    }

    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    Matrix<U> jacobian_, normal_;
    std::vector<U> right_;
    std::size_t owner_ = none;  // the slot whose normal matrix this is
};

/// The weights of Jacobians, also in single precision where steps may be solved in it.
template <class T>
struct StepWeights {
    MatrixView<const T> full;
    MatrixView<const float> single;
};

/// The matrices of steps.
template <class T>
class DenseSteps {
  public:
    DenseSteps(std::size_t size, Factors factors)
        : factors_(factors),
          size_(size),
          jacobian_(factors == Factors::jacobian ? size : 0, size),
          normal_(factors == Factors::normal ? size : 0),
          normal_single_(factors == Factors::normal && !is_single ? size : 0),
          pivots_(size) {}

    /// Compute the step that a slot requests, with the weights of its Jacobian.
    void solve(const SolveOperands<T>& operands, std::size_t row, const StepWeights<T>& weights) {
        const bool solved = factors_ == Factors::normal ? solve_normal(operands, row, weights)
                                                        : solve_newton(operands, row, weights.full);
        operands.solved(row, 0) = solved ? 1 : 0;
    }

  private:
    static constexpr bool is_single = std::is_same_v<T, float>;

    bool solve_newton(const SolveOperands<T>& operands, std::size_t row,
                      MatrixView<const T> weights) {
        assemble(JacobianView<T>{operands.scales.row(row), operands.identity.row(row),
                                 operands.gate.row(row)},
                 weights, jacobian_.view());
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

    /// Where the damping is far above single precision's rounding, the step is solved in it, at
    /// half the cost: a step need not be exact, what is predicted and what is gained of it are.
    bool solve_normal(const SolveOperands<T>& operands, std::size_t row,
                      const StepWeights<T>& weights) {
        if (operands.changed(row, 0) != 0) {
            normal_.forget(row);
            normal_single_.forget(row);
        }
        const auto step = operands.step.row(row);
        if constexpr (!is_single) {
            if (operands.is_rough(row, 0) != 0 && weights.single.size() > 0 &&
                normal_single_.solve(operands, row, weights.single, step)) {
                return true;
            }
        }
        return normal_.solve(operands, row, weights.full, step);
    }

    Factors factors_;
    std::size_t size_;
    Matrix<T> jacobian_;
    NormalEquations<T> normal_;
    NormalEquations<float> normal_single_;
    std::vector<int> pivots_;
};

}  // namespace nullcline::cpu
