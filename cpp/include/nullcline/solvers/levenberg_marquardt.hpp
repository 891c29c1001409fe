// Levenberg–Marquardt with factors of a dense matrix: slow, plain and robust.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/arena.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/box.hpp"
#include "nullcline/solvers/damping.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/slot.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// The program (see solvers/tile.hpp).
template <Equation E>
struct LevenbergMarquardt {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::exact_transposed, Request::solve};
    static constexpr Factors factors = Factors::normal;

    E equation;

    [[nodiscard]] constexpr const E& served() const { return equation; }

    /// What a slot does with what it waits for.
    enum class Stage : std::uint8_t {
        arrive,    // exact: products of a new state
        gradient,  // exact_transposed: the gradient there
        step,      // solve: the step
        change,    // exact: products of the step
        probe,     // exact: products of the trial
    };

    struct Scalars {
        Request request = Request::none;
        Stage stage = Stage::arrive;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        bool side = false;
        double length = 0;       // ‖f‖
        double scale = 0;        // of J
        double mean_square = 0;  // of J's singular values, about
        double predicted = 0;    // decrease by the step, in units of ‖f‖²
        Damping damping;
    };

    /// Whether a product that a slot waits for is that of a step, and not of a state.
    [[nodiscard]] static constexpr bool is_of_step(const Scalars& scalars) {
        return scalars.stage == Stage::change;
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

    template <class Team, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Team, class Search>
class LevenbergMarquardt<E>::Slot : public SlotBase<LevenbergMarquardt<E>, Team, Search> {
    using Base = SlotBase<LevenbergMarquardt<E>, Team, Search>;
    using Base::ask_products;
    using Base::ask_rest_of_exact;
    using Base::at;
    using Base::at_zero;
    using Base::box_;
    using Base::finish_at;
    using Base::give_up;
    using Base::linearize;
    using Base::load;
    using Base::memory_;
    using Base::now_;
    using Base::program_;
    using Base::project;
    using Base::row_;
    using Base::team_;
    using Base::trial;
    using Base::units;
    using Base::wait;

  public:
    NULLCLINE_TEAM Slot(const Team& team, const LevenbergMarquardt& program, const Memory& memory,
                        std::size_t row, const Search& search, Workspace&)
        : Base(team, program, memory, row, search),
          gradient_(memory.gradients.row(row)),
          step_(memory.solve.step.row(row)),
          free_(memory.solve.free.row(row)) {}

    NULLCLINE_TEAM void take(std::size_t start) {
        load(start, at().h);
        now_.damping = {};
        ask_products(at().h, Stage::arrive);
    }

    NULLCLINE_TEAM void advance() {
        if (ask_rest_of_exact(at().gate)) {
            return;
        }
        switch (now_.stage) {
            case Stage::arrive:
                return arrive();
            case Stage::gradient:
                return take_gradient();
            case Stage::step:
                return take_step();
            case Stage::change:
                return predict();
            case Stage::probe:
                return probe();
        }
    }

  private:
    NULLCLINE_TEAM void finish(End end) { finish_at(at(), end); }

    NULLCLINE_TEAM void arrive() {
        now_.length = linearize(at());
        begin();
    }

    /// At a new state: stop, or ask for its gradient.
    NULLCLINE_TEAM void begin() {
        const auto state = at();
        if (!std::isfinite(now_.length)) {
            return finish(End::not_finite);
        }
        if (at_zero(state)) {
            return finish(End::zero);
        }
        now_.scale =
            static_cast<double>(term_norm(team_, state.jacobian(), program_.equation.row_norms()));
        begin_vjp(team_, state.jacobian(), std::span<const T>(state.residual),
                  memory_.operands.exact_scaled.row(row_));
        wait(Request::exact_transposed, Stage::gradient);
    }

    NULLCLINE_TEAM void take_gradient() {
        const auto state = at();
        copy(team_, memory_.operands.exact_gradient.row(row_), gradient_);
        finish_vjp(team_, state.jacobian(), std::span<const T>(state.residual), gradient_);
        T* const gradient = gradient_.data();
        T* const free = free_.data();
        const T* const h = state.h.data();
        const std::size_t n_bounded = units();
        const Box<T> box = box_;
        team_.for_each(gradient_.size(), [=](std::size_t i) {
            free[i] = i < n_bounded && box.blocks(h[i], gradient[i]) ? T{0} : T{1};
            gradient[i] *= free[i];
        });
        if (is_stationary<T>(static_cast<double>(norm(team_, gradient_)), now_.scale,
                             now_.length)) {
            if (now_.iterations > 0 || now_.limit == 0) {
                return finish(End::stationary);
            }
            ++now_.iterations;
            nudge(team_, state.h);
            project(state.h);
            return ask_products(state.h, Stage::arrive);
        }
        if (now_.iterations >= now_.limit) {
            return finish(End::limit);
        }
        copy(team_, state.scales, memory_.solve.scales.row(row_));
        copy(team_, state.identity, memory_.solve.identity.row(row_));
        copy(team_, state.gate, memory_.solve.gate.row(row_));
        now_.mean_square = now_.scale * now_.scale / static_cast<double>(gradient_.size());
        ask_step(true);
    }

    /// Ask for s with (JᵀJ + μI) s = −Jᵀf.
    NULLCLINE_TEAM void ask_step(bool changed) {
        const T* const gradient = gradient_.data();
        T* const step = step_.data();
        team_.for_each(step_.size(), [=](std::size_t i) { step[i] = -gradient[i]; });
        const T mu = static_cast<T>(now_.damping.value() * now_.mean_square);
        team_.lead([&] {
            memory_.solve.shift(row_, 0) = mu;
            memory_.solve.changed(row_, 0) = changed ? 1 : 0;
        });
        wait(Request::solve, Stage::step);
    }

    /// The trial h + s, cut at the box's faces.
    NULLCLINE_TEAM void take_step() {
        if (memory_.solve.solved(row_, 0) == 0) {  // not positive definite to rounding
            now_.predicted = 1;                    // unknown
            return reject();
        }
        const T* const h = at().h.data();
        T* const to = trial().h.data();
        T* const step = step_.data();
        team_.for_each(step_.size(), [=](std::size_t i) { to[i] = h[i] + step[i]; });
        if (project(trial().h)) {
            team_.for_each(step_.size(), [=](std::size_t i) { step[i] = to[i] - h[i]; });
        }
        ask_products(step_, Stage::change);
    }

    /// (‖f‖² − ‖f + J s‖²) / 2
    NULLCLINE_TEAM void predict() {
        const std::span<const T> step = step_;
        const auto change = memory_.changes.row(row_);
        finish_jvp(team_, at().jacobian(),
                   std::span<const T>(memory_.operands.exact_product.row(row_)), step, change);
        const double decrease =
            -static_cast<double>(team_.dot(step, std::span<const T>(gradient_))) -
            static_cast<double>(team_.dot(std::span<const T>(change), std::span<const T>(change))) /
                2;
        now_.predicted = decrease / (now_.length * now_.length);
        ask_products(trial().h, Stage::probe);
    }

    NULLCLINE_TEAM void probe() {
        const double length = linearize(trial());
        const double ratio = length / now_.length;
        const double actual = (1 - ratio) * (1 + ratio) / 2;
        if (now_.predicted > 0 && actual > Damping::acceptable_ratio * now_.predicted) {
            now_.damping.accept(actual / now_.predicted);
            now_.side = !now_.side;
            now_.length = length;
            ++now_.iterations;
            return begin();
        }
        reject();
    }

    /// Try a shorter step from the same state.
    NULLCLINE_TEAM void reject() {
        if (!now_.damping.reject() || (now_.predicted >= 0 && now_.predicted < smallest_gain)) {
            return give_up(at());
        }
        ++now_.iterations;
        if (now_.iterations >= now_.limit) {
            return finish(End::limit);
        }
        ask_step(false);
    }

    /// Below this part of ‖f‖² a decrease drowns in rounding.
    static constexpr double smallest_gain =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());

    std::span<T> gradient_, step_, free_;
};

}  // namespace nullcline
