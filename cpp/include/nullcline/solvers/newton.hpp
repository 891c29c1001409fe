// Newton's method with backtracking: fast where I − J is far from singular.
//
// A slot goes through these stages. Each is named as the function that carries it out.
//
//   stage           waits for  does                                   goes to
//   --------------  ---------  -------------------------------------  --------------
//   evaluate_state  exact      f and J at the start                   take_step
//   take_step       solve      the trial h + s, clear of the faces    evaluate_trial
//   evaluate_trial  exact      f and J at the trial; accepts it or    take_step or
//                              halves the step                        evaluate_trial
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/deflation.hpp"
#include "nullcline/solvers/stationary.hpp"

namespace nullcline {

/// The program (see batching/program.hpp). A step is accepted only inside the box and downhill;
/// it keeps clear of faces where no fixed point can lie, and is projected onto others.
template <Equation E>
struct Newton {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::solve};
    static constexpr Factors factors = Factors::jacobian;

    E equation;
    Deflation<T> deflation;

    [[nodiscard]] constexpr const E& served() const { return equation; }

    enum class Stage : std::uint8_t { evaluate_state, take_step, evaluate_trial };

    struct Scalars {
        Request request = Request::none;
        Stage stage = Stage::evaluate_state;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        bool side = false;
        double residual_norm = 0;  // ‖f‖
        double merit = 0;          // ‖M f‖, M being the deflation's factor
        T fraction = 0;            // of the step, that is tried
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : operands(arena, shape, requests),
              solve(arena, shape),
              scalars(arena.matrix<Scalars>(shape.rows, 1)),
              states(arena, shape),
              drives(arena.matrix<T>(shape.rows, shape.drive_size)) {}

        Operands<T> operands;
        SolveOperands<T> solve;
        MatrixView<Scalars> scalars;
        StatePair<T> states;
        MatrixView<T> drives;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class Newton<E>::Slot {
  public:
    NULLCLINE_DEVICE Slot(const Group& group, const Newton& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace&)
        : slot_(group, program, memory, row, search), step_(memory.solve.step.row(row)) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        slot_.load(start, slot_.at().h);
        if (std::isinf(factor(slot_.at()))) {  // the start is a known zero
            nudge(slot_.group, slot_.at().h);
            slot_.project(slot_.at().h);
        }
        slot_.request_products(slot_.at().h, Stage::evaluate_state);
    }

    NULLCLINE_DEVICE void advance() {
        if (slot_.request_second_half_of_exact({})) {
            return;
        }
        switch (slot_.now.stage) {
            case Stage::evaluate_state:
                return evaluate_state();
            case Stage::take_step:
                return take_step();
            case Stage::evaluate_trial:
                return evaluate_trial();
        }
    }

    [[nodiscard]] NULLCLINE_DEVICE Request request() const { return slot_.now.request; }
    NULLCLINE_DEVICE void store() { slot_.store(); }

  private:
    [[nodiscard]] NULLCLINE_DEVICE double factor(const StateRow<T>& state) const {
        return slot_.program.deflation.factor(slot_.group, std::span<const T>(state.h));
    }

    NULLCLINE_DEVICE void evaluate_state() {
        slot_.now.residual_norm = slot_.linearize(slot_.at());
        test_state();
    }

    /// Stop at a state that is linearized, or request the step.
    NULLCLINE_DEVICE void test_state() {
        const auto state = slot_.at();
        if (!std::isfinite(slot_.now.residual_norm)) {
            return slot_.finish(Termination::not_finite);
        }
        if (slot_.at_zero(state)) {
            return slot_.finish(Termination::zero);
        }
        if (slot_.now.iterations >= slot_.now.limit) {
            return slot_.finish(Termination::limit);
        }
        slot_.copy_jacobian(state, slot_.memory.solve.jacobian(slot_.row));
        const T* const f = state.residual.data();
        T* const step = step_.data();
        slot_.group.for_each(step_.size(), [=](std::size_t i) { step[i] = -f[i]; });
        slot_.group.single([&] { slot_.memory.solve.changed(slot_.row, 0) = 1; });
        slot_.wait_for(Request::solve, Stage::take_step);
    }

    NULLCLINE_DEVICE void take_step() {
        if (slot_.memory.solve.solved(slot_.row, 0) == 0) {
            return slot_.finish(Termination::stalled);
        }
        const auto state = slot_.at();
        const double stretch = slot_.program.deflation.stretch(
            slot_.group, std::span<const T>(state.h), std::span<const T>(step_));
        T* const step = step_.data();
        slot_.group.for_each(step_.size(), [=](std::size_t i) {
            step[i] = static_cast<T>(static_cast<double>(step[i]) * stretch);
        });
        slot_.now.merit = factor(state) * slot_.now.residual_norm;
        slot_.now.fraction = slot_.box.has_faces() ? T{1} : largest_fraction();
        try_fraction();
    }

    /// The largest fraction of the step, at most 1, that keeps clear of the box's faces.
    [[nodiscard]] NULLCLINE_DEVICE T largest_fraction() const {
        // A part of the way to the nearest face. Interior-point methods go farther, typically 0.995
        // (Nocedal and Wright, Numerical Optimization, 2nd edition, 2006, section 19.2); not
        // calibrated.
        constexpr T share = static_cast<T>(0.9);
        const T* const h = slot_.at().h.data();
        const T* const step = step_.data();
        const Box<T> box = slot_.box;
        return slot_.group.reduce_min(step_.size(), T{1}, [=](std::size_t i) {
            const T way = (step[i] > 0 ? box.high(i) : box.low(i)) - h[i];
            return std::abs(step[i]) > std::abs(way) ? share * way / step[i] : T{1};
        });
    }

    NULLCLINE_DEVICE void try_fraction() {
        if (!(slot_.now.fraction > smallest_fraction)) {
            return slot_.finish(Termination::stalled);
        }
        const T* const h = slot_.at().h.data();
        const T* const step = step_.data();
        T* const to = slot_.trial().h.data();
        const T fraction = slot_.now.fraction;
        slot_.group.for_each(step_.size(),
                             [=](std::size_t i) { to[i] = h[i] + fraction * step[i]; });
        slot_.project(slot_.trial().h);
        slot_.request_products(slot_.trial().h, Stage::evaluate_trial);
    }

    /// Accept what decreases ‖M f‖ by Armijo's rule, or halve the step.
    NULLCLINE_DEVICE void evaluate_trial() {
        const double residual_norm = slot_.linearize(slot_.trial());
        const double wanted = 1 - sufficient * static_cast<double>(slot_.now.fraction);
        if (factor(slot_.trial()) * residual_norm <= wanted * slot_.now.merit) {
            slot_.go_to_trial(residual_norm);
            ++slot_.now.iterations;
            return test_state();
        }
        slot_.now.fraction /= 2;
        try_fraction();
    }

    /// Armijo's constant, as is usual (Dennis and Schnabel, Numerical Methods for Unconstrained
    /// Optimization and Nonlinear Equations, 1983, algorithm A6.3.1).
    static constexpr double sufficient = 1e-4;
    /// Twenty halvings: where those do not help, the direction is not one of descent to rounding.
    static constexpr T smallest_fraction = static_cast<T>(0x1p-20);

    SlotContext<Newton, Group, Search> slot_;
    std::span<T> step_;
};

static_assert(Program<Newton<CellEquation<double>>>);
static_assert(Program<Newton<CellEquation<float>>>);

}  // namespace nullcline
