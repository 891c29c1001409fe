// The paper's method: Adam on q, for many starts at a time, with the gradient written out.
//
// Each start has its own moments and rate, and stops independently of the others.
//
// One iteration is two matrix products, W h and Wᵀ(c ∘ f), and both run in single precision: the
// first on the step just taken, whose rounding is far below that of the state, and anew in full
// precision now and then; the second because a direction of descent needs no more.
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
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/adam_schedule.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// The program (see batching/program.hpp).
template <Equation E>
struct GradientDescent {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::forward, Request::backward};
    static constexpr Factors factors = Factors::none;

    E equation;

    [[nodiscard]] constexpr const E& served() const { return equation; }

    struct Scalars {
        Request request = Request::none;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        AdamSchedule schedule;
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : operands(arena, shape, requests),
              scalars(arena.matrix<Scalars>(shape.rows, 1)),
              states(arena, shape),
              drives(arena.matrix<T>(shape.rows, shape.drive_size)),
              jacobians(arena, shape),
              slopes(arena.matrix<float>(shape.rows, shape.size())),
              first_moments(arena.matrix<float>(shape.rows, shape.size())),
              second_moments(arena.matrix<float>(shape.rows, shape.size())) {}

        Operands<T> operands;
        MatrixView<Scalars> scalars;
        StateMemory<T> states;
        MatrixView<T> drives;
        JacobianMemory<float> jacobians;
        MatrixView<float> slopes;  // ∂q/∂f = 2 f / H
        MatrixView<float> first_moments, second_moments;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class GradientDescent<E>::Slot {
  public:
    NULLCLINE_DEVICE Slot(const Group& group, const GradientDescent& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace&)
        : slot_(group, program, memory, row, search),
          at_(memory.states, row),
          jacobian_(memory.jacobians.row(row)),
          slope_(memory.slopes.row(row)) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        slot_.load(start, at_.h);
        slot_.now.schedule =
            AdamSchedule(slot_.search.options.learning_rate, slot_.search.options.max_iterations);
        fill(slot_.group, slot_.memory.first_moments.row(slot_.row), 0.0F);
        fill(slot_.group, slot_.memory.second_moments.row(slot_.row), 0.0F);
        slot_.request_products(at_.h);
    }

    NULLCLINE_DEVICE void advance() {
        if (slot_.request_second_half_of_exact({}) ||
            slot_.request_second_half_of_backward(jacobian_.gate)) {
            return;
        }
        switch (slot_.now.request) {
            case Request::backward:
                return descend();
            case Request::forward:
                return slot_.is_gated() ? update_gated_input() : evaluate_state();
            case Request::forward_gated:
                return evaluate_state();
            default:
                return test_state(slot_.linearize(at_));
        }
    }

    [[nodiscard]] NULLCLINE_DEVICE Request request() const { return slot_.now.request; }
    NULLCLINE_DEVICE void store() { slot_.store(); }

  private:
    [[nodiscard]] NULLCLINE_DEVICE JacobianView<float> jacobian() const { return jacobian_.view(); }

    /// Adam's step, kept in the box.
    NULLCLINE_DEVICE void descend() {
        const auto gradient = slot_.memory.operands.gradient.row(slot_.row);
        const auto change = slot_.memory.operands.direction.row(slot_.row);
        finish_vjp(slot_.group, jacobian(), std::span<const float>(slope_), gradient);
        slot_.group.adam_step(slot_.memory.first_moments.row(slot_.row),
                              slot_.memory.second_moments.row(slot_.row), gradient,
                              slot_.now.schedule.next(), change);
        T* const h = at_.h.data();
        float* const by = change.data();
        const std::size_t n_bounded = slot_.units();
        with_simplest(slot_.box, [&](const auto& box) {
            slot_.group.for_each(change.size(), [=](std::size_t i) {
                const T before = h[i];
                const T after = before + static_cast<T>(by[i]);
                h[i] = i < n_bounded ? box.nearest(i, after) : after;
                by[i] = static_cast<float>(h[i] - before);
            });
        });
        ++slot_.now.iterations;
        if (!E::has_linear_products || slot_.now.iterations % tuning.refresh_period == 0) {
            slot_.request_products(at_.h);
        } else {
            slot_.wait_for(Request::forward);
        }
    }

    /// Add the products `first` to `last` of the step.
    NULLCLINE_DEVICE void add_products(std::size_t first, std::size_t last) {
        const float* const by = slot_.memory.operands.product.row(slot_.row).data() + first;
        T* const products = at_.products.data() + first;
        slot_.group.for_each(last - first,
                             [=](std::size_t i) { products[i] += static_cast<T>(by[i]); });
    }

    /// Update the gated block's input, once all other products of the step have come.
    NULLCLINE_DEVICE void update_gated_input() {
        const auto now = slot_.memory.operands.exact_gated_input.row(slot_.row);
        add_products(slot_.program.equation.n_gated(), at_.products.size());
        slot_.compute_gated_input(at_.h, at_.products, now);
        slot_.request_gated_change(at_.gated_input, now, 1);
        copy(slot_.group, now, at_.gated_input);
    }

    /// Evaluate the state, once all products of the step have come.
    NULLCLINE_DEVICE void evaluate_state() {
        add_products(0, slot_.is_gated() ? slot_.program.equation.n_gated() : at_.products.size());
        test_state(slot_.linearize_by_own_products(at_));
    }

    /// Stop where ‖f‖ is `residual_norm`, or request the gradient.
    NULLCLINE_DEVICE void test_state(double residual_norm) {
        const double q = residual_norm * residual_norm / static_cast<double>(at_.h.size());
        if (!std::isfinite(q)) {
            return finish(Termination::not_finite);
        }
        if (q <= slot_.search.options.tol_slow) {
            return finish(Termination::stationary);
        }
        if (slot_.now.iterations >= slot_.now.limit) {
            return finish(Termination::limit);
        }
        slot_.copy_jacobian(at_, jacobian_);
        const T factor = T{2} / static_cast<T>(at_.h.size());
        const T* const f = at_.residual.data();
        float* const slope = slope_.data();
        slot_.group.for_each(slope_.size(),
                             [=](std::size_t i) { slope[i] = static_cast<float>(factor * f[i]); });
        begin_vjp(slot_.group, jacobian(), std::span<const float>(slope_),
                  slot_.memory.operands.scaled.row(slot_.row));
        slot_.wait_for(Request::backward);
    }

    NULLCLINE_DEVICE void finish(Termination termination) {
        slot_.finish(std::span<T>(at_.h), termination);
        slot_.clear_operands();
    }

    SlotContext<GradientDescent, Group, Search> slot_;
    StateRow<T> at_;
    SlotJacobian<float> jacobian_;
    std::span<float> slope_;
};

static_assert(Program<GradientDescent<CellEquation<double>>>);
static_assert(Program<GradientDescent<CellEquation<float>>>);

}  // namespace nullcline
