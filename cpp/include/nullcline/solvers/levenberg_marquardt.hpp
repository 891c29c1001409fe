// Levenberg–Marquardt with dense Cholesky factors, a start at a time: slow, plain and robust.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cancellation.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/damping.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/state.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/workers.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// One worker.
template <Equation E>
class LevenbergMarquardt {
  public:
    using T = typename E::Scalar;

    LevenbergMarquardt(const E& equation, const TermNorm<T>& term_norm, const Search<T>& search)
        : term_norm_(term_norm),
          search_(search),
          state_(equation, search.cell.resting_drive().size()),
          gradient_(equation.size()),
          step_(equation.size()),
          change_(equation.size()),
          jacobian_(equation.size(), equation.size()),
          normal_(equation.size(), equation.size()),
          factor_(equation.size(), equation.size()) {}

    void run(Queue& queue, const Cancellation& cancellation) {
        solve_one_by_one(state_, search_, queue, cancellation,
                         [&](std::size_t limit, std::size_t& iterations) {
                             return descend(limit, iterations, cancellation);
                         });
    }

  private:
    End descend(std::size_t limit, std::size_t& iterations, const Cancellation& cancellation) {
        Damping damping;
        bool moved = true;
        double mean_square = 0;
        state_.evaluate();
        for (; !cancellation.requested(); ++iterations) {
            if (moved) {
                if (!std::isfinite(state_.length())) {
                    return End::not_finite;
                }
                if (state_.is_zero()) {
                    return End::zero;
                }
                const double scale = static_cast<double>(term_norm_(state_.jacobian()));
                state_.gradient(gradient_);
                hold_faces();
                if (is_stationary<T>(static_cast<double>(norm(std::span<const T>(gradient_))),
                                     scale, state_.length())) {
                    if (iterations > 0 || limit == 0) {
                        return End::stationary;
                    }
                    nudge(state_.h());
                    state_.evaluate();
                    continue;
                }
                if (iterations >= limit) {
                    return End::limit;
                }
                state_.assemble_jacobian(jacobian_.view());
                blas::gram(MatrixView<const T>(jacobian_.view()), normal_.view());
                mean_square = scale * scale / static_cast<double>(gradient_.size());
            } else if (iterations >= limit) {
                return End::limit;
            }
            const double square = state_.length() * state_.length();
            double predicted = 0;
            moved = false;
            if (solve(static_cast<T>(damping.value() * mean_square))) {
                predicted = predicted_decrease() / square;
                const double ratio = state_.try_trial() / state_.length();
                const double actual = (1 - ratio) * (1 + ratio) / 2;
                if (predicted > 0 && actual > Damping::acceptable_ratio * predicted) {
                    damping.accept(actual / predicted);
                    state_.accept();
                    moved = true;
                    continue;
                }
            } else {
                predicted = 1;  // unknown: the matrix was not positive definite to rounding
            }
            if (!damping.reject() || (predicted >= 0 && predicted < smallest_gain)) {
                return End::stalled;
            }
        }
        return End::limit;
    }

    /// Leave out of the problem the units that the cube's face holds.
    void hold_faces() {
        held_.clear();
        for (std::size_t i = 0; i < gradient_.size(); ++i) {
            if (held_by_face(state_.h()[i], gradient_[i])) {
                gradient_[i] = 0;
                held_.push_back(i);
            }
        }
    }

    /// The trial h + s, (JᵀJ + μI) s = −Jᵀf, cut at the cube's faces.
    bool solve(T mu) {
        const std::size_t size = step_.size();
        std::ranges::copy(normal_.elements(), factor_.elements().begin());
        for (const std::size_t held : held_) {
            for (std::size_t j = 0; j < size; ++j) {
                factor_.view()(held, j) = 0;
                factor_.view()(j, held) = 0;
            }
        }
        for (std::size_t i = 0; i < size; ++i) {
            factor_.view()(i, i) += mu;
            step_[i] = -gradient_[i];
        }
        if (!blas::cholesky(factor_.view())) {
            return false;
        }
        blas::cholesky_solve(MatrixView<const T>(factor_.view()),
                             MatrixView<T>(step_.data(), 1, size));
        const auto trial = state_.trial();
        for (std::size_t i = 0; i < size; ++i) {
            trial[i] = state_.h()[i] + step_[i];
        }
        if (project_into_cube(trial)) {
            for (std::size_t i = 0; i < size; ++i) {
                step_[i] = trial[i] - state_.h()[i];
            }
        }
        return true;
    }

    /// (‖f‖² − ‖f + J s‖²) / 2
    [[nodiscard]] double predicted_decrease() {
        const std::span<const T> step = step_;
        blas::multiply_vector(MatrixView<const T>(jacobian_.view()), step, std::span(change_));
        return -static_cast<double>(dot(step, std::span<const T>(gradient_))) -
               static_cast<double>(squared_norm(std::span<const T>(change_))) / 2;
    }

    /// Below this part of ‖f‖² a decrease drowns in rounding.
    static constexpr double smallest_gain =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());

    const TermNorm<T>& term_norm_;
    const Search<T>& search_;
    State<E> state_;
    std::vector<T> gradient_, step_, change_;
    std::vector<std::size_t> held_;
    Matrix<T> jacobian_, normal_, factor_;
};

}  // namespace nullcline
