// The paper's way, natively: Adam on q, many starts at a time, with the gradient written out.
//
// Each start has its own moments, rate and end; none knows of another.
//
// One iteration is two matrix products, W h and Wᵀ(c ∘ f), and both run in single precision: the
// first on the step just taken, whose rounding is far below that of the state, and afresh in full
// now and then; the second because a direction of descent needs no more.
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
#include "nullcline/numerics/row_scaled.hpp"
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
              scales(arena.matrix<float>(shape.rows, shape.n_scales())),
              identities(arena.matrix<float>(shape.rows, shape.n_identity())),
              gates(arena.matrix<float>(shape.rows, shape.n_gate())),
              slopes(arena.matrix<float>(shape.rows, shape.size())),
              first_moments(arena.matrix<float>(shape.rows, shape.size())),
              second_moments(arena.matrix<float>(shape.rows, shape.size())) {}

        Operands<T> operands;
        MatrixView<Scalars> scalars;
        StateMemory<T> states;
        MatrixView<T> drives;
        MatrixView<float> scales, identities, gates;  // of J
        MatrixView<float> slopes;                     // ∂q/∂f = 2 f / H
        MatrixView<float> first_moments, second_moments;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class GradientDescent<E>::Slot : public SlotBase<GradientDescent<E>, Group, Search> {
    using Base = SlotBase<GradientDescent<E>, Group, Search>;
    using Base::box_;
    using Base::compute_gated_input;
    using Base::drive_;
    using Base::finish_at;
    using Base::group_;
    using Base::is_gated;
    using Base::linearize;
    using Base::load;
    using Base::memory_;
    using Base::now_;
    using Base::program_;
    using Base::request_gated_change;
    using Base::request_products;
    using Base::request_second_half_of_backward;
    using Base::request_second_half_of_exact;
    using Base::row_;
    using Base::search_;
    using Base::units;
    using Base::wait_for;

  public:
    NULLCLINE_DEVICE Slot(const Group& group, const GradientDescent& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace&)
        : Base(group, program, memory, row, search),
          at_(memory.states, row),
          scales_(memory.scales.row(row)),
          identity_(memory.identities.row(row)),
          gate_(memory.gates.row(row)),
          slope_(memory.slopes.row(row)) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        load(start, at_.h);
        now_.schedule = AdamSchedule(search_.options.learning_rate, search_.options.max_iterations);
        fill(group_, memory_.first_moments.row(row_), 0.0F);
        fill(group_, memory_.second_moments.row(row_), 0.0F);
        request_products(at_.h);
    }

    NULLCLINE_DEVICE void advance() {
        if (request_second_half_of_exact({}) || request_second_half_of_backward(gate_)) {
            return;
        }
        switch (now_.request) {
            case Request::backward:
                return descend();
            case Request::forward:
                return is_gated() ? take_gated_input() : arrive();
            case Request::forward_gated:
                return arrive();
            default:
                return arrive_at(linearize(at_));
        }
    }

  private:
    [[nodiscard]] NULLCLINE_DEVICE RowScales<float> jacobian() const {
        return {scales_, identity_, gate_};
    }

    /// Adam's step, kept in the box.
    NULLCLINE_DEVICE void descend() {
        const auto gradient = memory_.operands.gradient.row(row_);
        const auto change = memory_.operands.direction.row(row_);
        finish_vjp(group_, jacobian(), std::span<const float>(slope_), gradient);
        group_.adam_step(memory_.first_moments.row(row_), memory_.second_moments.row(row_),
                         gradient, now_.schedule.next(), change);
        T* const h = at_.h.data();
        float* const by = change.data();
        const std::size_t n_bounded = units();
        const Box<T> box = box_;
        group_.for_each(change.size(), [=](std::size_t i) {
            const T before = h[i];
            const T after = before + static_cast<T>(by[i]);
            h[i] = i < n_bounded ? box.nearest(i, after) : after;
            by[i] = static_cast<float>(h[i] - before);
        });
        ++now_.iterations;
        if (!E::has_linear_products || now_.iterations % tuning.refresh_period == 0) {
            request_products(at_.h);
        } else {
            wait_for(Request::forward);
        }
    }

    /// Add the products `first` to `last` of the step.
    NULLCLINE_DEVICE void add_products(std::size_t first, std::size_t last) {
        const float* const by = memory_.operands.product.row(row_).data() + first;
        T* const products = at_.products.data() + first;
        group_.for_each(last - first, [=](std::size_t i) { products[i] += static_cast<T>(by[i]); });
    }

    /// All products of the step have come but the gated block's.
    NULLCLINE_DEVICE void take_gated_input() {
        const auto now = memory_.operands.exact_gated_input.row(row_);
        add_products(program_.equation.n_gated(), at_.products.size());
        compute_gated_input(at_.h, at_.products, now);
        request_gated_change(at_.gated_input, now, 1);
        copy(group_, now, at_.gated_input);
    }

    /// All products of the step have come, or the gated block's at last.
    NULLCLINE_DEVICE void arrive() {
        add_products(0, is_gated() ? program_.equation.n_gated() : at_.products.size());
        program_.equation.linearize(group_, at_.h, at_.products, drive_, at_.out());
        arrive_at(static_cast<double>(norm(group_, at_.residual)));
    }

    /// Where ‖f‖ is `residual_norm`: stop, or ask for the gradient.
    NULLCLINE_DEVICE void arrive_at(double residual_norm) {
        const double q = residual_norm * residual_norm / static_cast<double>(at_.h.size());
        if (!std::isfinite(q)) {
            return finish(Termination::not_finite);
        }
        if (q <= search_.options.tol_slow) {
            return finish(Termination::stationary);
        }
        if (now_.iterations >= now_.limit) {
            return finish(Termination::limit);
        }
        copy(group_, at_.scales, scales_);
        copy(group_, at_.identity, identity_);
        copy(group_, at_.gate, gate_);
        const T factor = T{2} / static_cast<T>(at_.h.size());
        const T* const f = at_.residual.data();
        float* const slope = slope_.data();
        group_.for_each(slope_.size(),
                        [=](std::size_t i) { slope[i] = static_cast<float>(factor * f[i]); });
        begin_vjp(group_, jacobian(), std::span<const float>(slope_),
                  memory_.operands.scaled.row(row_));
        wait_for(Request::backward);
    }

    NULLCLINE_DEVICE void finish(Termination termination) {
        finish_at(at_.h, termination);
        fill(group_, memory_.operands.scaled.row(row_), 0.0F);
        fill(group_, memory_.operands.direction.row(row_), 0.0F);
        fill(group_, memory_.operands.gated_input.row(row_), 0.0F);
    }

    StateRow<T> at_;
    std::span<float> scales_, identity_, gate_, slope_;
};

}  // namespace nullcline
