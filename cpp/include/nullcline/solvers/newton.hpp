// Newton's method with backtracking: fast where I − J is far from singular.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/arena.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/deflation.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// The program (see solvers/tile.hpp). A step is accepted only inside the open cube and downhill.
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
        double length = 0;  // ‖f‖
        double merit = 0;   // ‖M f‖, M being the deflation's factor
        T fraction = 0;     // of the step, that is tried
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const Newton& program, std::size_t rows, std::size_t drive_size)
            : Memory(arena, rows, program.equation.size(), program.equation.weights().rows(),
                     drive_size) {}

        Operands<T> operands;
        SolveOperands<T> solve;
        MatrixView<Scalars> scalars;
        StatePair<T> states;
        MatrixView<T> drives;

      private:
        Memory(Arena& arena, std::size_t rows, std::size_t size, std::size_t n_products,
               std::size_t drive_size)
            : operands(arena, rows, size, n_products, requests),
              solve(arena, rows, size, n_products),
              scalars(arena.matrix<Scalars>(rows, 1)),
              states(arena, rows, size, n_products),
              drives(arena.matrix<T>(rows, drive_size)) {}
    };

    template <class Team, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Team, class Search>
class Newton<E>::Slot {
  public:
    NULLCLINE_TEAM Slot(const Team& team, const Newton& program, const Memory& memory,
                        std::size_t row, const Search& search, Workspace&)
        : team_(team),
          program_(program),
          memory_(memory),
          row_(row),
          search_(search),
          now_(memory.scalars(row, 0)),
          drive_(memory.drives.row(row)),
          step_(memory.solve.step.row(row)) {}

    [[nodiscard]] NULLCLINE_TEAM Request request() const { return now_.request; }

    NULLCLINE_TEAM void store() {
        team_.lead([&] { memory_.scalars(row_, 0) = now_; });
    }

    NULLCLINE_TEAM void take(std::size_t start) {
        now_.start = start;
        now_.iterations = 0;
        now_.limit = search_.iterations_left(start);
        search_.load(team_, start, at().h, drive_);
        if (std::isinf(factor(at()))) {  // the start is a known zero
            nudge(team_, at().h);
        }
        ask_products(at().h, Stage::arrive);
    }

    NULLCLINE_TEAM void advance() {
        switch (now_.stage) {
            case Stage::arrive:
                now_.length = linearize(at());
                return begin();
            case Stage::step:
                return take_step();
            case Stage::probe:
                return probe();
        }
    }

  private:
    [[nodiscard]] NULLCLINE_TEAM StateRow<T> at() const {
        return memory_.states.at(row_, now_.side);
    }
    [[nodiscard]] NULLCLINE_TEAM StateRow<T> trial() const {
        return memory_.states.at(row_, !now_.side);
    }
    [[nodiscard]] NULLCLINE_TEAM double factor(const StateRow<T>& state) const {
        return program_.deflation.factor(team_, std::span<const T>(state.h));
    }

    NULLCLINE_TEAM void wait(Request request, Stage stage) {
        now_.request = request;
        now_.stage = stage;
    }

    NULLCLINE_TEAM void ask_products(std::span<T> of, Stage stage) {
        copy(team_, of, memory_.operands.exact.row(row_));
        wait(Request::exact, stage);
    }

    /// Linearize a state whose products have come; returns ‖f‖.
    NULLCLINE_TEAM double linearize(const StateRow<T>& state) {
        copy(team_, memory_.operands.exact_product.row(row_), state.products);
        program_.equation.linearize(team_, state.h, state.products, drive_, state.out());
        return static_cast<double>(norm(team_, state.residual));
    }

    NULLCLINE_TEAM void finish(End end) {
        search_.finish(team_, now_.start, at().h, now_.iterations, end);
        now_.request = Request::none;
    }

    /// At a new state: stop, or ask for the step.
    NULLCLINE_TEAM void begin() {
        const auto state = at();
        if (!std::isfinite(now_.length)) {
            return finish(End::not_finite);
        }
        if (is_zero<Team, E, T>(team_, program_.equation, state.residual, state.h, state.products,
                                drive_)) {
            return finish(End::zero);
        }
        if (now_.iterations >= now_.limit) {
            return finish(End::limit);
        }
        copy(team_, state.scales, memory_.solve.scales.row(row_));
        copy(team_, state.identity, memory_.solve.identity.row(row_));
        const T* const f = state.residual.data();
        T* const step = step_.data();
        team_.for_each(step_.size(), [=](std::size_t i) { step[i] = -f[i]; });
        team_.lead([&] { memory_.solve.changed(row_, 0) = 1; });
        wait(Request::solve, Stage::step);
    }

    NULLCLINE_TEAM void take_step() {
        if (memory_.solve.solved(row_, 0) == 0) {
            return finish(End::stalled);
        }
        const auto state = at();
        const double stretch = program_.deflation.stretch(team_, std::span<const T>(state.h),
                                                          std::span<const T>(step_));
        T* const step = step_.data();
        team_.for_each(step_.size(), [=](std::size_t i) {
            step[i] = static_cast<T>(static_cast<double>(step[i]) * stretch);
        });
        now_.merit = factor(state) * now_.length;
        now_.fraction = room();
        try_fraction();
    }

    /// How much of the step stays clear of the cube's faces: at most all of it.
    [[nodiscard]] NULLCLINE_TEAM T room() const {
        constexpr T share = static_cast<T>(0.9);  // of the way to the nearest face
        const T* const h = at().h.data();
        const T* const step = step_.data();
        return team_.least(step_.size(), T{1}, [=](std::size_t i) {
            const T way = std::copysign(cube_bound<T>, step[i]) - h[i];
            return std::abs(step[i]) > std::abs(way) ? share * way / step[i] : T{1};
        });
    }

    NULLCLINE_TEAM void try_fraction() {
        if (!(now_.fraction > smallest_fraction)) {
            return finish(End::stalled);
        }
        const T* const h = at().h.data();
        const T* const step = step_.data();
        T* const to = trial().h.data();
        const T fraction = now_.fraction;
        team_.for_each(step_.size(), [=](std::size_t i) { to[i] = h[i] + fraction * step[i]; });
        project_into_cube(team_, trial().h);  // for rounding only
        ask_products(trial().h, Stage::probe);
    }

    /// Accept what decreases ‖M f‖ by Armijo's rule, or halve the step.
    NULLCLINE_TEAM void probe() {
        const double length = linearize(trial());
        const double wanted = 1 - sufficient * static_cast<double>(now_.fraction);
        if (factor(trial()) * length <= wanted * now_.merit) {
            now_.side = !now_.side;
            now_.length = length;
            ++now_.iterations;
            return begin();
        }
        now_.fraction /= 2;
        try_fraction();
    }

    static constexpr double sufficient = 1e-4;
    static constexpr T smallest_fraction = static_cast<T>(0x1p-20);

    const Team& team_;
    const Newton& program_;
    const Memory& memory_;
    std::size_t row_;
    const Search& search_;
    Scalars now_;
    std::span<T> drive_, step_;
};

}  // namespace nullcline
