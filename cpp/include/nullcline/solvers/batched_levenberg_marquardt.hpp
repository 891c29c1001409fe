// Levenberg–Marquardt on many starts at once, its steps by preconditioned conjugate gradients.
//
// A step s minimizes ‖f + J s‖² + μ‖s‖². Conjugate gradients on this least-squares problem (CGLS,
// Björck 1996, section 7.4) need J p and Jᵀ u once an iteration, and the preconditioner two
// products more: for a tile of starts, four matrix products with fixed matrices. Everything else
// costs O(H) a start. So a tile advances by *ticks*, one iteration of conjugate gradients each, and
// every slot of it is at a place of its own: one may be in mid-solve while its neighbour tries a
// step and a third has just taken a new start. No slot waits for another, and all products are
// full.
//
// The products may run in single precision while the answers are exact in double: a direction need
// not be exact, the residual is; the products W h that it is made from are updated by the step's
// W s, which is small, and computed afresh in full before a state is called a zero.
//
// Batch invariance: the tile has one fixed shape, whatever it holds, and nothing but the matrix
// product ever looks across its rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cancellation.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/packed_matrix.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/damping.hpp"
#include "nullcline/solvers/preconditioner.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/workers.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// One worker's tile of starts.
template <Equation E>
class BatchedLevenbergMarquardt {
  public:
    using T = typename E::Scalar;

    BatchedLevenbergMarquardt(const E& equation, const TileMatrix& weights,
                              const Preconditioner& preconditioner, const TermNorm<T>& term_norm,
                              const Search<T>& search, Queue& queue)
        : equation_(equation),
          weights_(weights),
          preconditioner_(preconditioner),
          term_norm_(term_norm),
          search_(search),
          queue_(queue),
          direction_(rows, equation.size()),
          product_(rows, equation.weights().rows()),
          scaled_(rows, equation.weights().rows()),
          gradient_(rows, equation.size()),
          coordinates_(rows, equation.size()),
          preconditioned_(rows, equation.size()),
          slots_(rows, Slot(equation, search.cell.resting_drive().size())) {}

    /// Work until the queue is empty and every slot is done.
    void run(const Cancellation& cancellation) {
        solve_tile(
            rows, cancellation, [&](std::size_t i) { return occupy(slots_[i], i); },
            [&] { tick(); });
    }

  private:
    static constexpr std::size_t rows = tile_rows;
    static constexpr std::size_t most_solver_iterations = 100;

    /// What a slot's rows of the tile hold, and so what is to be done with the next products.
    enum class Stage {
        idle,      // nothing
        begin,     // scaled: c ∘ f at a new state, for its gradient
        retry,     // nothing: the gradient is known, and the damping has grown
        solve,     // direction: of conjugate gradients
        truncated  // direction: the step, cut at the cube's face
    };

    struct Slot {
        Slot(const E& equation, std::size_t drive_size)
            : h(equation.size()),
              products(equation.weights().rows()),
              drive(drive_size),
              at(equation.size(), equation.blocks()),
              trial_h(h),
              trial_products(products),
              trial(at),
              scales(products.size()),
              identity(h.size()),
              gradient(h.size()),
              free(h.size()),
              step(h.size()),
              step_products(products.size()),
              model(h.size()) {}

        [[nodiscard]] RowScales<float> jacobian() const { return {scales, identity}; }

        Stage stage = Stage::idle;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        Damping damping;

        // The state, and the one that a step leads to.
        std::vector<T> h, products, drive;
        Linearization<T> at;
        std::vector<T> trial_h, trial_products;
        Linearization<T> trial;
        double length = 0;        // ‖f‖
        bool fresh = false;       // whether products are W h to the last digit
        double fresh_length = 0;  // ‖f‖ when they last were
        double scale = 0;         // of J

        // The linear problem, for f scaled to length 1.
        std::vector<float> scales, identity;  // of J
        std::vector<float> gradient;          // Jᵀ f
        std::vector<float> free;              // 0 for units that the cube's face holds, else 1
        std::vector<float> step, step_products;
        std::vector<float> model;  // f + J s
        float mu = 0;
        float square = 0;     // the preconditioned gradient's, rᵀ M⁻¹ r
        double decrease = 0;  // of (‖f + J s‖² + μ‖s‖²) / 2 so far
        std::size_t solver_iterations = 0;
    };

    void tick() {
        const BusyBlocks busy =
            busy_blocks([&](std::size_t i) { return slots_[i].stage != Stage::idle; });
        weights_.forward(direction_, product_, busy);
        for_each_slot(&BatchedLevenbergMarquardt::after_forward);
        weights_.backward(scaled_, gradient_, busy);
        for_each_slot(&BatchedLevenbergMarquardt::after_backward);
        preconditioner_.vectors().forward(gradient_, coordinates_, busy);
        for (std::size_t i = 0; i < rows; ++i) {
            preconditioner_.divide(slots_[i].mu, coordinates_.row(i));
        }
        preconditioner_.vectors().backward(coordinates_, preconditioned_, busy);
        for_each_slot(&BatchedLevenbergMarquardt::after_preconditioner);
    }

    void for_each_slot(void (BatchedLevenbergMarquardt::*act)(Slot&, std::size_t)) {
        for (std::size_t i = 0; i < rows; ++i) {
            if (slots_[i].stage != Stage::idle) {
                (this->*act)(slots_[i], i);
            }
        }
    }

    /// Give an idle slot the next start; false if it stays idle.
    bool occupy(Slot& slot, std::size_t row) {
        while (slot.stage == Stage::idle) {
            const std::optional<std::size_t> start = queue_.take();
            if (!start) {
                return false;
            }
            slot.start = *start;
            slot.iterations = 0;
            slot.limit = std::min(search_.iterations_left(*start), patience);
            slot.damping = Damping();
            std::ranges::copy(search_.outcomes.h.row(*start), slot.h.begin());
            search_.drive(*start, slot.drive);
            slot.stage = Stage::begin;
            linearize_afresh(slot);
            begin(slot, row);
        }
        return true;
    }

    void finish(Slot& slot, std::size_t row, End end) {
        std::ranges::copy(slot.h, search_.outcomes.h.row(slot.start).begin());
        search_.finish(slot.start, slot.iterations, end);
        slot.stage = Stage::idle;
        // An idle row is multiplied like any other: zeros are sure to be harmless.
        std::ranges::fill(direction_.row(row), 0.0F);
        std::ranges::fill(scaled_.row(row), 0.0F);
        std::ranges::fill(gradient_.row(row), 0.0F);
        slot.mu = 1;
    }

    void linearize_afresh(Slot& slot) const {
        const std::span<const T> h = slot.h;
        blas::multiply_vector(equation_.weights(), h, std::span(slot.products));
        equation_.linearize(h, slot.products, slot.drive, slot.at.out());
        slot.length = static_cast<double>(norm(slot.at.residual()));
        slot.fresh = true;
        slot.fresh_length = slot.length;
    }

    [[nodiscard]] bool is_zero(const Slot& slot) const {
        std::vector<T> bound(slot.h.size());
        equation_.rounding(slot.h, slot.products, slot.drive, bound);
        return std::ranges::equal(slot.at.residual(), bound,
                                  [](T residual, T limit) { return std::abs(residual) <= limit; });
    }

    /// Take slot.at as a new state: stop here, or ask for its gradient.
    void begin(Slot& slot, std::size_t row) {
        if (!std::isfinite(slot.length)) {
            return finish(slot, row, End::not_finite);
        }
        if (slot.length < stale_below * slot.fresh_length) {
            linearize_afresh(slot);
        }
        if (slot.fresh && is_zero(slot)) {
            return finish(slot, row, End::zero);
        }
        if (slot.iterations >= slot.limit) {
            return finish(slot, row, End::limit);
        }
        slot.scale = static_cast<double>(term_norm_(slot.at.jacobian()));
        convert<float>(slot.at.scales(), std::span(slot.scales));
        convert<float>(slot.at.identity(), std::span(slot.identity));
        reset_model(slot);
        begin_vjp(slot.jacobian(), std::span<const float>(slot.model), scaled_.row(row));
        slot.stage = Stage::begin;
    }

    static void reset_model(Slot& slot) {
        const double scale = slot.length > 0 ? 1 / slot.length : 0;
        std::ranges::transform(slot.at.residual(), slot.model.begin(), [&](T f) {
            return static_cast<float>(static_cast<double>(f) * scale);
        });
    }

    void after_forward(Slot& slot, std::size_t row) {
        const std::span<const float> direction = direction_.row(row);
        const std::span<const float> products = product_.row(row);
        if (slot.stage == Stage::solve) {
            conjugate_step(slot, row, direction, products);
        } else if (slot.stage == Stage::truncated) {
            std::vector<float> change(slot.h.size());
            finish_jvp(slot.jacobian(), products, direction, std::span(change));
            // (‖f‖² − ‖f + J s‖²) / 2 = −sᵀJᵀf − ‖J s‖² / 2
            const std::span<const float> gradient = slot.gradient;
            const double predicted =
                -static_cast<double>(dot(direction, gradient)) -
                static_cast<double>(squared_norm(std::span<const float>(change))) / 2;
            try_step(slot, row, products, predicted);
        }
    }

    /// One iteration of conjugate gradients; when the solve is good enough, try its step.
    void conjugate_step(Slot& slot, std::size_t row, std::span<const float> direction,
                        std::span<const float> products) {
        const auto change = coordinates_.row(row);  // free until the preconditioner's turn
        finish_jvp(slot.jacobian(), products, direction, change);
        const float curvature =
            squared_norm(std::span<const float>(change)) + slot.mu * squared_norm(direction);
        const float length = curvature > 0 ? slot.square / curvature : 0;
        add_scaled(length, direction, std::span(slot.step));
        add_scaled(length, products, std::span(slot.step_products));
        add_scaled(length, std::span<const float>(change), std::span(slot.model));
        const double gain = static_cast<double>(length) * static_cast<double>(slot.square) / 2;
        slot.decrease += gain;
        ++slot.solver_iterations;
        if (!solved(slot, gain)) {
            begin_vjp(slot.jacobian(), std::span<const float>(slot.model), scaled_.row(row));
            return;
        }
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            slot.trial_h[i] =
                slot.h[i] + static_cast<T>(slot.length * static_cast<double>(slot.step[i]));
        }
        if (project_into_cube(std::span(slot.trial_h))) {
            // The products of the whole step do not serve the part that is left of it.
            for (std::size_t i = 0; i < slot.h.size(); ++i) {
                direction_.row(row)[i] = static_cast<float>(
                    static_cast<double>(slot.trial_h[i] - slot.h[i]) / slot.length);
            }
            slot.stage = Stage::truncated;
            return;
        }
        const double predicted =
            slot.decrease +
            static_cast<double>(slot.mu) *
                static_cast<double>(squared_norm(std::span<const float>(slot.step))) / 2;
        try_step(slot, row, slot.step_products, predicted);
    }

    /// Nash and Sofer (1990): enough when an iteration's gain is a small part of the average one.
    [[nodiscard]] static bool solved(const Slot& slot, double gain) {
        const auto n = static_cast<double>(slot.solver_iterations);
        return !(n * gain > forcing * slot.decrease) ||
               slot.solver_iterations >= most_solver_iterations;
    }

    /// Go to h + s if that keeps what the model promises. `predicted` is in units of ‖f‖².
    void try_step(Slot& slot, std::size_t row, std::span<const float> step_products,
                  double predicted) {
        for (std::size_t i = 0; i < slot.products.size(); ++i) {
            slot.trial_products[i] =
                slot.products[i] +
                static_cast<T>(slot.length * static_cast<double>(step_products[i]));
        }
        equation_.linearize(slot.trial_h, slot.trial_products, slot.drive, slot.trial.out());
        ++slot.iterations;
        const double length = static_cast<double>(norm(slot.trial.residual()));
        const double ratio = length / slot.length;
        const double actual = (1 - ratio) * (1 + ratio) / 2;
        if (predicted > 0 && actual > Damping::acceptable_ratio * predicted) {
            slot.damping.accept(actual / predicted);
            std::swap(slot.h, slot.trial_h);
            std::swap(slot.products, slot.trial_products);
            std::swap(slot.at, slot.trial);
            slot.length = length;
            slot.fresh = false;
            begin(slot, row);
            return;
        }
        if (!slot.damping.reject() || (predicted >= 0 && predicted < smallest_gain)) {
            if (slot.fresh) {
                finish(slot, row, End::stalled);
            } else {  // see what is truly left before giving up
                slot.damping = Damping();
                linearize_afresh(slot);
                begin(slot, row);
            }
        } else if (slot.iterations >= slot.limit) {
            finish(slot, row, End::limit);
        } else {
            slot.stage = Stage::retry;
        }
    }

    void after_backward(Slot& slot, std::size_t row) {
        const auto out = gradient_.row(row);
        if (slot.stage == Stage::begin) {
            finish_vjp(slot.jacobian(), std::span<const float>(slot.model), out);
            std::ranges::copy(out, slot.gradient.begin());
            double square = 0;
            for (std::size_t i = 0; i < slot.h.size(); ++i) {
                slot.free[i] = held_by_face(slot.h[i], slot.gradient[i]) ? 0.0F : 1.0F;
                square += static_cast<double>(slot.free[i] * slot.gradient[i] * slot.gradient[i]);
            }
            if (std::sqrt(square) <= stationary_tolerance<T> / 2 * slot.scale) {
                return finish(slot, row, End::stationary);
            }
        }
        if (slot.stage == Stage::begin || slot.stage == Stage::retry) {
            if (slot.stage == Stage::retry) {
                reset_model(slot);
            }
            const double mean_square = slot.scale * slot.scale / static_cast<double>(slot.h.size());
            slot.mu = static_cast<float>(slot.damping.value() * mean_square);
            slot.decrease = 0;
            slot.solver_iterations = 0;
            std::ranges::fill(slot.step, 0.0F);
            std::ranges::fill(slot.step_products, 0.0F);
            for (std::size_t i = 0; i < slot.h.size(); ++i) {
                out[i] = -slot.gradient[i] * slot.free[i];
            }
        } else if (slot.stage == Stage::solve) {
            finish_vjp(slot.jacobian(), std::span<const float>(slot.model), out);
            for (std::size_t i = 0; i < slot.h.size(); ++i) {
                out[i] = -(out[i] + slot.mu * slot.step[i]) * slot.free[i];
            }
        }
    }

    void after_preconditioner(Slot& slot, std::size_t row) {
        if (slot.stage == Stage::truncated) {
            return;
        }
        const auto z = preconditioned_.row(row);
        const auto direction = direction_.row(row);
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            z[i] *= slot.free[i];
        }
        const float square =
            dot(std::span<const float>(z), std::span<const float>(gradient_.row(row)));
        const float memory =
            slot.stage == Stage::solve && slot.square > 0 ? square / slot.square : 0.0F;
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            direction[i] = z[i] + memory * direction[i];
        }
        slot.square = square;
        slot.stage = Stage::solve;
    }

    /// Iterations after which a start had better go on in full precision: most need half as many.
    static constexpr std::size_t patience = 60;
    static constexpr double forcing = 0.02;
    /// Products in single precision are good for so much decrease.
    static constexpr double stale_below = 1e-3;
    /// Below this part of ‖f‖² a decrease drowns in rounding.
    static constexpr double smallest_gain =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());

    const E& equation_;
    const TileMatrix& weights_;
    const Preconditioner& preconditioner_;
    const TermNorm<T>& term_norm_;
    const Search<T>& search_;
    Queue& queue_;
    Matrix<float> direction_, product_, scaled_, gradient_, coordinates_, preconditioned_;
    std::vector<Slot> slots_;
};

}  // namespace nullcline
