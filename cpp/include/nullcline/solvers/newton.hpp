// Newton's method with backtracking: fast where I − J is far from singular.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/outcome.hpp"
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
/// it keeps clear of faces where no fixed point can lie, and is bent to others.
template <Equation E>
struct Newton {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::solve};
    static constexpr Factors factors = Factors::jacobian;

    E equation;
    Deflation<T> deflation;

    [[nodiscard]] constexpr const E& served() const { return equation; }

    /// What a slot does with what it waits for.
    enum class Stage : std::uint8_t {
        arrive,  // exact: products of the start
        step,    // solve: the step
        probe,   // exact: products of the trial
    };

    struct Scalars {
        Request request = Request::none;
        Stage stage = Stage::arrive;
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
class Newton<E>::Slot : public SlotBase<Newton<E>, Group, Search> {
    using Base = SlotBase<Newton<E>, Group, Search>;
    using Base::at;
    using Base::at_zero;
    using Base::box_;
    using Base::finish_at;
    using Base::group_;
    using Base::linearize;
    using Base::load;
    using Base::memory_;
    using Base::now_;
    using Base::program_;
    using Base::project;
    using Base::request_products;
    using Base::request_second_half_of_exact;
    using Base::row_;
    using Base::trial;
    using Base::wait;

  public:
    NULLCLINE_DEVICE Slot(const Group& group, const Newton& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace&)
        : Base(group, program, memory, row, search), step_(memory.solve.step.row(row)) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        load(start, at().h);
        if (std::isinf(factor(at()))) {  // the start is a known zero
            nudge(group_, at().h);
            project(at().h);
        }
        request_products(at().h, Stage::arrive);
    }

    NULLCLINE_DEVICE void advance() {
        if (request_second_half_of_exact({})) {
            return;
        }
        switch (now_.stage) {
            case Stage::arrive:
                now_.residual_norm = linearize(at());
                return begin();
            case Stage::step:
                return take_step();
            case Stage::probe:
                return probe();
        }
    }

  private:
    [[nodiscard]] NULLCLINE_DEVICE double factor(const StateRow<T>& state) const {
        return program_.deflation.factor(group_, std::span<const T>(state.h));
    }

    NULLCLINE_DEVICE void finish(Termination termination) { finish_at(at(), termination); }

    /// At a new state: stop, or ask for the step.
    NULLCLINE_DEVICE void begin() {
        const auto state = at();
        if (!std::isfinite(now_.residual_norm)) {
            return finish(Termination::not_finite);
        }
        if (at_zero(state)) {
            return finish(Termination::zero);
        }
        if (now_.iterations >= now_.limit) {
            return finish(Termination::limit);
        }
        copy(group_, state.scales, memory_.solve.scales.row(row_));
        copy(group_, state.identity, memory_.solve.identity.row(row_));
        copy(group_, state.gate, memory_.solve.gate.row(row_));
        const T* const f = state.residual.data();
        T* const step = step_.data();
        group_.for_each(step_.size(), [=](std::size_t i) { step[i] = -f[i]; });
        group_.single([&] { memory_.solve.changed(row_, 0) = 1; });
        wait(Request::solve, Stage::step);
    }

    NULLCLINE_DEVICE void take_step() {
        if (memory_.solve.solved(row_, 0) == 0) {
            return finish(Termination::stalled);
        }
        const auto state = at();
        const double stretch = program_.deflation.stretch(group_, std::span<const T>(state.h),
                                                          std::span<const T>(step_));
        T* const step = step_.data();
        group_.for_each(step_.size(), [=](std::size_t i) {
            step[i] = static_cast<T>(static_cast<double>(step[i]) * stretch);
        });
        now_.merit = factor(state) * now_.residual_norm;
        now_.fraction = box_.has_faces() ? T{1} : room();
        try_fraction();
    }

    /// How much of the step stays clear of the box's faces: at most all of it.
    [[nodiscard]] NULLCLINE_DEVICE T room() const {
        constexpr T share = static_cast<T>(0.9);  // of the way to the nearest face
        const T* const h = at().h.data();
        const T* const step = step_.data();
        const Box<T> box = box_;
        return group_.reduce_min(step_.size(), T{1}, [=](std::size_t i) {
            const T way = (step[i] > 0 ? box.high(i) : box.low(i)) - h[i];
            return std::abs(step[i]) > std::abs(way) ? share * way / step[i] : T{1};
        });
    }

    NULLCLINE_DEVICE void try_fraction() {
        if (!(now_.fraction > smallest_fraction)) {
            return finish(Termination::stalled);
        }
        const T* const h = at().h.data();
        const T* const step = step_.data();
        T* const to = trial().h.data();
        const T fraction = now_.fraction;
        group_.for_each(step_.size(), [=](std::size_t i) { to[i] = h[i] + fraction * step[i]; });
        project(trial().h);
        request_products(trial().h, Stage::probe);
    }

    /// Accept what decreases ‖M f‖ by Armijo's rule, or halve the step.
    NULLCLINE_DEVICE void probe() {
        const double residual_norm = linearize(trial());
        const double wanted = 1 - sufficient * static_cast<double>(now_.fraction);
        if (factor(trial()) * residual_norm <= wanted * now_.merit) {
            now_.side = !now_.side;
            now_.residual_norm = residual_norm;
            ++now_.iterations;
            return begin();
        }
        now_.fraction /= 2;
        try_fraction();
    }

    static constexpr double sufficient = 1e-4;
    static constexpr T smallest_fraction = static_cast<T>(0x1p-20);

    std::span<T> step_;
};

}  // namespace nullcline
