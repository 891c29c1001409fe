// Levenberg–Marquardt with factors of a dense matrix: slow, plain and robust.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
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
#include "nullcline/numerics/row_scaled.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/damping.hpp"
#include "nullcline/solvers/stationary.hpp"

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
        double residual_norm = 0;  // ‖f‖
        double scale = 0;          // of J
        double mean_square = 0;    // of J's singular values, about
        double predicted = 0;      // decrease by the step, in units of ‖f‖²
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

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class LevenbergMarquardt<E>::Slot : public SlotBase<LevenbergMarquardt<E>, Group, Search> {
    using Base = SlotBase<LevenbergMarquardt<E>, Group, Search>;
    using Base::at;
    using Base::at_zero;
    using Base::box_;
    using Base::finish_at;
    using Base::give_up;
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
    using Base::units;
    using Base::wait;

  public:
    NULLCLINE_DEVICE Slot(const Group& group, const LevenbergMarquardt& program,
                          const Memory& memory, std::size_t row, const Search& search, Workspace&)
        : Base(group, program, memory, row, search),
          gradient_(memory.gradients.row(row)),
          step_(memory.solve.step.row(row)),
          free_(memory.solve.free.row(row)) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        load(start, at().h);
        now_.damping = {};
        request_products(at().h, Stage::arrive);
    }

    NULLCLINE_DEVICE void advance() {
        if (request_second_half_of_exact(at().gate)) {
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
    NULLCLINE_DEVICE void finish(Termination termination) { finish_at(at(), termination); }

    NULLCLINE_DEVICE void arrive() {
        now_.residual_norm = linearize(at());
        begin();
    }

    /// At a new state: stop, or ask for its gradient.
    NULLCLINE_DEVICE void begin() {
        const auto state = at();
        if (!std::isfinite(now_.residual_norm)) {
            return finish(Termination::not_finite);
        }
        if (at_zero(state)) {
            return finish(Termination::zero);
        }
        now_.scale =
            static_cast<double>(term_norm(group_, state.jacobian(), program_.equation.row_norms()));
        begin_vjp(group_, state.jacobian(), std::span<const T>(state.residual),
                  memory_.operands.exact_scaled.row(row_));
        wait(Request::exact_transposed, Stage::gradient);
    }

    NULLCLINE_DEVICE void take_gradient() {
        const auto state = at();
        copy(group_, memory_.operands.exact_gradient.row(row_), gradient_);
        finish_vjp(group_, state.jacobian(), std::span<const T>(state.residual), gradient_);
        T* const gradient = gradient_.data();
        T* const free = free_.data();
        const T* const h = state.h.data();
        const std::size_t n_bounded = units();
        const Box<T> box = box_;
        group_.for_each(gradient_.size(), [=](std::size_t i) {
            free[i] = i < n_bounded && box.blocks(i, h[i], gradient[i]) ? T{0} : T{1};
            gradient[i] *= free[i];
        });
        if (is_stationary<T>(static_cast<double>(norm(group_, gradient_)), now_.scale,
                             now_.residual_norm)) {
            if (now_.iterations > 0 || now_.limit == 0) {
                return finish(Termination::stationary);
            }
            ++now_.iterations;
            nudge(group_, state.h);
            project(state.h);
            return request_products(state.h, Stage::arrive);
        }
        if (now_.iterations >= now_.limit) {
            return finish(Termination::limit);
        }
        copy(group_, state.scales, memory_.solve.scales.row(row_));
        copy(group_, state.identity, memory_.solve.identity.row(row_));
        copy(group_, state.gate, memory_.solve.gate.row(row_));
        now_.mean_square = now_.scale * now_.scale / static_cast<double>(gradient_.size());
        request_step(true);
    }

    /// Ask for s with (JᵀJ + μI) s = −Jᵀf.
    NULLCLINE_DEVICE void request_step(bool changed) {
        const T* const gradient = gradient_.data();
        T* const step = step_.data();
        group_.for_each(step_.size(), [=](std::size_t i) { step[i] = -gradient[i]; });
        const T mu = static_cast<T>(now_.damping.value() * now_.mean_square);
        group_.single([&] {
            memory_.solve.shift(row_, 0) = mu;
            memory_.solve.changed(row_, 0) = changed ? 1 : 0;
        });
        wait(Request::solve, Stage::step);
    }

    /// The trial h + s, cut at the box's faces.
    NULLCLINE_DEVICE void take_step() {
        if (memory_.solve.solved(row_, 0) == 0) {  // not positive definite to rounding
            now_.predicted = 1;                    // unknown
            return reject();
        }
        const T* const h = at().h.data();
        T* const to = trial().h.data();
        T* const step = step_.data();
        group_.for_each(step_.size(), [=](std::size_t i) { to[i] = h[i] + step[i]; });
        if (project(trial().h)) {
            group_.for_each(step_.size(), [=](std::size_t i) { step[i] = to[i] - h[i]; });
        }
        request_products(step_, Stage::change);
    }

    /// (‖f‖² − ‖f + J s‖²) / 2
    NULLCLINE_DEVICE void predict() {
        const std::span<const T> step = step_;
        const auto change = memory_.changes.row(row_);
        finish_jvp(group_, at().jacobian(),
                   std::span<const T>(memory_.operands.exact_product.row(row_)), step, change);
        const double decrease =
            -static_cast<double>(group_.dot(step, std::span<const T>(gradient_))) -
            static_cast<double>(
                group_.dot(std::span<const T>(change), std::span<const T>(change))) /
                2;
        now_.predicted = decrease / (now_.residual_norm * now_.residual_norm);
        request_products(trial().h, Stage::probe);
    }

    NULLCLINE_DEVICE void probe() {
        const double residual_norm = linearize(trial());
        const double ratio = residual_norm / now_.residual_norm;
        const double actual = (1 - ratio) * (1 + ratio) / 2;
        if (now_.predicted > 0 && actual > Damping::acceptable_ratio * now_.predicted) {
            now_.damping.accept(actual / now_.predicted);
            now_.side = !now_.side;
            now_.residual_norm = residual_norm;
            ++now_.iterations;
            return begin();
        }
        reject();
    }

    /// Try a shorter step from the same state.
    NULLCLINE_DEVICE void reject() {
        if (!now_.damping.reject() || (now_.predicted >= 0 && now_.predicted < smallest_gain)) {
            return give_up(at());
        }
        ++now_.iterations;
        if (now_.iterations >= now_.limit) {
            return finish(Termination::limit);
        }
        request_step(false);
    }

    /// Below this part of ‖f‖² a decrease drowns in rounding.
    static constexpr double smallest_gain =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());

    std::span<T> gradient_, step_, free_;
};

}  // namespace nullcline
