// Newton's method with backtracking, a start at a time: fast where I − J is far from singular.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cancellation.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/deflation.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/state.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/workers.hpp"

namespace nullcline {

/// One worker. A step is accepted only inside the open cube and downhill.
template <Equation E>
class Newton {
  public:
    using T = typename E::Scalar;

    Newton(const E& equation, const Deflation<T>& deflation, const Search<T>& search)
        : deflation_(deflation),
          search_(search),
          state_(equation, search.cell.resting_drive().size()),
          jacobian_(equation.size(), equation.size()),
          step_(equation.size()),
          pivots_(equation.size()) {}

    void run(Queue& queue, const Cancellation& cancellation) {
        solve_one_by_one(state_, search_, queue, cancellation,
                         [&](std::size_t limit, std::size_t& iterations) {
                             return descend(limit, iterations, cancellation);
                         });
    }

  private:
    End descend(std::size_t limit, std::size_t& iterations, const Cancellation& cancellation) {
        if (std::isinf(deflation_.factor(state_.h()))) {  // the start is a known zero
            nudge(state_.h());
        }
        state_.evaluate();
        for (; !cancellation.requested(); ++iterations) {
            if (!std::isfinite(state_.length())) {
                return End::not_finite;
            }
            if (state_.is_zero()) {
                return End::zero;
            }
            if (iterations >= limit) {
                return End::limit;
            }
            state_.assemble_jacobian(jacobian_.view());
            if (!blas::lu(jacobian_.view(), std::span(pivots_))) {
                return End::stalled;
            }
            std::ranges::transform(state_.residual(), step_.begin(), [](T f) { return -f; });
            blas::lu_solve(MatrixView<const T>(jacobian_.view()), std::span<const int>(pivots_),
                           std::span(step_));
            const double stretch = deflation_.stretch(state_.h(), step_);
            std::ranges::transform(step_, step_.begin(), [&](T s) {
                return static_cast<T>(static_cast<double>(s) * stretch);
            });
            if (!backtrack()) {
                return End::stalled;
            }
        }
        return End::limit;
    }

    /// Halve the step until it decreases ‖M f‖ by Armijo's rule, M being the deflation's factor.
    bool backtrack() {
        const double length = deflation_.factor(state_.h()) * state_.length();
        constexpr double sufficient = 1e-4;
        constexpr T smallest_fraction = static_cast<T>(0x1p-20);
        for (T fraction = room(); fraction > smallest_fraction; fraction /= 2) {
            const auto trial = state_.trial();
            for (std::size_t i = 0; i < step_.size(); ++i) {
                trial[i] = state_.h()[i] + fraction * step_[i];
            }
            project_into_cube(trial);  // for rounding only
            const double wanted = 1 - sufficient * static_cast<double>(fraction);
            if (deflation_.factor(trial) * state_.try_trial() <= wanted * length) {
                state_.accept();
                return true;
            }
        }
        return false;
    }

    /// How much of the step stays clear of the cube's faces: at most all of it.
    [[nodiscard]] T room() {
        constexpr T share = static_cast<T>(0.9);  // of the way to the nearest face
        T fraction = 1;
        for (std::size_t i = 0; i < step_.size(); ++i) {
            const T face = std::copysign(cube_bound<T>, step_[i]);
            const T way = face - state_.h()[i];
            if (std::abs(step_[i]) > std::abs(way)) {
                fraction = std::min(fraction, share * way / step_[i]);
            }
        }
        return fraction;
    }

    const Deflation<T>& deflation_;
    const Search<T>& search_;
    State<E> state_;
    Matrix<T> jacobian_;
    std::vector<T> step_;
    std::vector<int> pivots_;
};

}  // namespace nullcline
