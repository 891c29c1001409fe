// Levenberg–Marquardt with factors of a dense matrix: slow, plain and robust.
//
// A slot goes through these stages. Each is named as the function that carries it out.
//
//   stage              waits for         does                              goes to
//   -----------------  ----------------  --------------------------------  -----------------
//   evaluate_state     exact             f and J                           take_gradient
//   take_gradient      exact_transposed  Jᵀf                               take_step
//   take_step          solve             the trial h + s, projected onto   predict_reduction
//                                        the box
//   predict_reduction  exact             the model's reduction by s        evaluate_trial
//   evaluate_trial     exact             f and J at the trial              acceptance
//
// The first two may end the iteration. An accepted step leads to take_gradient, a rejected one to
// take_step with more damping.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/damping.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/step_control.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// The program (see batching/program.hpp).
template <Equation E>
struct LevenbergMarquardt {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::exact_transposed, Request::solve};
    static constexpr Factors factors = Factors::normal;

    E equation;

    [[nodiscard]] constexpr const E& served() const { return equation; }

    enum class Stage : std::uint8_t {
        evaluate_state,
        take_gradient,
        take_step,
        predict_reduction,
        evaluate_trial,
    };

    struct Scalars {
        Request request = Request::none;
        Stage stage = Stage::evaluate_state;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        bool side = false;
        double residual_norm = 0;  // ‖f‖
        double jacobian_scale = 0;
        double mean_square = 0;  // of J's singular values, about
        StepControl<T, Damping> steps;
    };

    /// Whether a product that a slot waits for is that of a step, and not of a state.
    [[nodiscard]] static constexpr bool is_of_step(const Scalars& scalars) {
        return scalars.stage == Stage::predict_reduction;
    }

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : operands(arena, shape, requests),
              solve(arena, shape),
              scalars(arena.matrix<Scalars>(shape.rows, 1)),
              states(arena, shape),
              drives(arena.matrix<T>(shape.rows, shape.drive_size)),
              gradients(arena.matrix<T>(shape.rows, shape.size())),
              changes(arena.matrix<T>(shape.rows, shape.size())) {}

        Operands<T> operands;
        SolveOperands<T> solve;
        MatrixView<Scalars> scalars;
        StatePair<T> states;
        MatrixView<T> drives, gradients, changes;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class LevenbergMarquardt<E>::Slot {
  public:
    NULLCLINE_DEVICE Slot(const Group& group, const LevenbergMarquardt& program,
                          const Memory& memory, std::size_t row, const Search& search, Workspace&)
        : slot_(group, program, memory, row, search),
          gradient_(memory.gradients.row(row)),
          step_(memory.solve.step.row(row)),
          free_(memory.solve.free.row(row)) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        slot_.load(start, slot_.at().h);
        slot_.now.steps = {};
        slot_.request_products(slot_.at().h, Stage::evaluate_state);
    }

    NULLCLINE_DEVICE void advance() {
        if (slot_.request_second_half_of_exact(slot_.at().gate)) {
            return;
        }
        switch (slot_.now.stage) {
            case Stage::evaluate_state:
                return evaluate_state();
            case Stage::take_gradient:
                return take_gradient();
            case Stage::take_step:
                return take_step();
            case Stage::predict_reduction:
                return predict_reduction();
            case Stage::evaluate_trial:
                return evaluate_trial();
        }
    }

    [[nodiscard]] NULLCLINE_DEVICE Request request() const { return slot_.now.request; }
    NULLCLINE_DEVICE void store() { slot_.store(); }

  private:
    NULLCLINE_DEVICE void evaluate_state() {
        slot_.now.residual_norm = slot_.linearize(slot_.at());
        test_state();
    }

    /// Stop at a state that is linearized, or request its gradient.
    NULLCLINE_DEVICE void test_state() {
        const auto state = slot_.at();
        if (!std::isfinite(slot_.now.residual_norm)) {
            return slot_.finish(Termination::not_finite);
        }
        if (slot_.at_zero(state)) {
            return slot_.finish(Termination::zero);
        }
        slot_.now.jacobian_scale = slot_.jacobian_scale(state);
        begin_vjp(slot_.group, state.jacobian(), std::span<const T>(state.residual),
                  slot_.memory.operands.exact_scaled.row(slot_.row));
        slot_.wait_for(Request::exact_transposed, Stage::take_gradient);
    }

    NULLCLINE_DEVICE void take_gradient() {
        auto& now = slot_.now;
        const auto state = slot_.at();
        copy(slot_.group, slot_.memory.operands.exact_gradient.row(slot_.row), gradient_);
        finish_vjp(slot_.group, state.jacobian(), std::span<const T>(state.residual), gradient_);
        slot_.project_gradient(state.h, gradient_, free_);
        if (is_stationary<T>(static_cast<double>(norm(slot_.group, gradient_)), now.jacobian_scale,
                             now.residual_norm)) {
            if (now.iterations > 0 || now.limit == 0) {
                return slot_.finish(Termination::stationary);
            }
            ++now.iterations;
            nudge(slot_.group, state.h);
            slot_.project(state.h);
            return slot_.request_products(state.h, Stage::evaluate_state);
        }
        if (now.iterations >= now.limit) {
            return slot_.finish(Termination::limit);
        }
        slot_.copy_jacobian(state, slot_.memory.solve.jacobian(slot_.row));
        now.mean_square =
            now.jacobian_scale * now.jacobian_scale / static_cast<double>(gradient_.size());
        request_step(true);
    }

    /// Request s with (JᵀJ + μI) s = −Jᵀf; `changed` says whether J has changed since the last one.
    NULLCLINE_DEVICE void request_step(bool changed) {
        const T* const gradient = gradient_.data();
        T* const step = step_.data();
        slot_.group.for_each(step_.size(), [=](std::size_t i) { step[i] = -gradient[i]; });
        const auto& solve = slot_.memory.solve;
        const std::size_t row = slot_.row;
        const double damping = slot_.now.steps.region.value();
        const T mu = static_cast<T>(damping * slot_.now.mean_square);
        slot_.group.single([&] {
            solve.shift(row, 0) = mu;
            solve.changed(row, 0) = changed ? 1 : 0;
            solve.is_rough(row, 0) = damping >= tuning.rough_damping ? 1 : 0;
        });
        slot_.wait_for(Request::solve, Stage::take_step);
    }

    NULLCLINE_DEVICE void take_step() {
        auto& now = slot_.now;
        if (slot_.memory.solve.solved(slot_.row, 0) == 0) {  // not positive definite to rounding
            now.steps.predicted = 1;                         // unknown
            return go_on(now.steps.reject(0, now.iterations, now.limit));
        }
        const T* const h = slot_.at().h.data();
        T* const to = slot_.trial().h.data();
        T* const step = step_.data();
        slot_.group.for_each(step_.size(), [=](std::size_t i) { to[i] = h[i] + step[i]; });
        if (slot_.project(slot_.trial().h)) {
            slot_.group.for_each(step_.size(), [=](std::size_t i) { step[i] = to[i] - h[i]; });
        }
        slot_.request_products(step_, Stage::predict_reduction);
    }

    /// (‖f‖² − ‖f + J s‖²) / 2
    NULLCLINE_DEVICE void predict_reduction() {
        auto& now = slot_.now;
        const std::span<const T> step = step_;
        const auto change = slot_.memory.changes.row(slot_.row);
        finish_jvp(slot_.group, slot_.at().jacobian(),
                   std::span<const T>(slot_.memory.operands.exact_product.row(slot_.row)), step,
                   change);
        const double decrease =
            -static_cast<double>(slot_.group.dot(step, std::span<const T>(gradient_))) -
            static_cast<double>(
                slot_.group.dot(std::span<const T>(change), std::span<const T>(change))) /
                2;
        now.steps.predicted = decrease / (now.residual_norm * now.residual_norm);
        slot_.request_products(slot_.trial().h, Stage::evaluate_trial);
    }

    NULLCLINE_DEVICE void evaluate_trial() {
        auto& now = slot_.now;
        const double residual_norm = slot_.linearize(slot_.trial());
        const double reduction = actual_reduction(now.residual_norm, residual_norm);
        const StepOutcome outcome =
            now.steps.accept_or_reject(reduction, now.iterations, now.limit);
        if (outcome == StepOutcome::accepted) {
            slot_.go_to_trial(residual_norm);
        }
        go_on(outcome);
    }

    NULLCLINE_DEVICE void go_on(StepOutcome outcome) {
        switch (outcome) {
            case StepOutcome::accepted:
                return test_state();
            case StepOutcome::shorter:
                return request_step(false);
            case StepOutcome::exhausted:
                return slot_.finish(slot_.stalled_or_near_zero(slot_.at()));
            case StepOutcome::limit:
                return slot_.finish(Termination::limit);
        }
    }

    SlotContext<LevenbergMarquardt, Group, Search> slot_;
    std::span<T> gradient_, step_, free_;
};

static_assert(Program<LevenbergMarquardt<CellEquation<double>>>);
static_assert(Program<LevenbergMarquardt<CellEquation<float>>>);

}  // namespace nullcline
