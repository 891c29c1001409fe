// What the slots of all programs have in common: a row of memory, and the operations on it.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot_products.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// A slot at work on a start of a search. A program's own slot has one as a member, and with it the
/// constraint on its group: clang takes none on a member that is defined outside of its program.
template <class P, ThreadGroup Group, class Search>
class SlotContext : public SlotProducts<P, Group> {
  public:
    using T = typename P::T;

    static_assert(Starts<Search, Group, T>);

    NULLCLINE_DEVICE SlotContext(const Group& group_of_slot, const P& its_program,
                                 const typename P::Memory& its_memory, std::size_t its_row,
                                 const Search& its_search)
        : SlotProducts<P, Group>(group_of_slot, its_program, its_memory, its_row),
          search(its_search),
          box(its_program.served().box(this->drive)) {}

    /// Load a start, with the iterations that it has left.
    NULLCLINE_DEVICE void load(std::size_t start, std::span<T> h) {
        this->now.start = start;
        this->now.iterations = 0;
        this->now.limit = search.iterations_left(start);
        search.load(this->group, start, h, this->drive);
        project(h);
    }

    /// Numbers of a state that are outputs: those that the box bounds.
    [[nodiscard]] NULLCLINE_DEVICE std::size_t units() const {
        return this->program.served().units();
    }

    /// Project a state onto the box; true where it was outside.
    NULLCLINE_DEVICE bool project(std::span<T> h) const {
        return project_into(this->group, box, h.first(units()));
    }

    /// Project a gradient onto the box: units that a face keeps from descending are not `free`, and
    /// their part becomes zero.
    template <class U>
    NULLCLINE_DEVICE void project_gradient(std::span<const T> h, std::span<U> gradient,
                                           std::span<U> free) const {
        const T* const value = h.data();
        U* const slope = gradient.data();
        U* const is_free = free.data();
        const std::size_t n_bounded = units();
        with_simplest(box, [&](const auto& simplest) {
            const auto bounds = simplest;
            this->group.for_each(gradient.size(), [=](std::size_t i) {
                const bool stops = i < n_bounded && bounds.stops_descent(i, value[i], slope[i]);
                is_free[i] = stops ? U{0} : U{1};
                slope[i] *= is_free[i];
            });
        });
    }

    /// The norm of a gradient projected in this way, which stays as it is.
    [[nodiscard]] NULLCLINE_DEVICE double projected_norm(std::span<const T> h,
                                                         std::span<const T> gradient) const {
        const std::size_t n_bounded = units();
        const double square = with_simplest(box, [&](const auto& bounds) {
            return this->group.sum(gradient.size(), [&](std::size_t i) {
                const auto slope = static_cast<double>(gradient[i]);
                const bool stops = i < n_bounded && bounds.stops_descent(i, h[i], gradient[i]);
                return stops ? 0.0 : slope * slope;
            });
        });
        return std::sqrt(square);
    }

    /// Linearize a state whose products have come in the cell's precision; returns ‖f‖.
    NULLCLINE_DEVICE double linearize(const StateRow<T>& state) {
        copy(this->group, this->memory.operands.exact_product.row(this->row), state.products);
        copy(this->group, this->memory.operands.exact_gated_input.row(this->row),
             state.gated_input);
        return linearize_by_own_products(state);
    }

    /// Linearize a state whose products are in its own memory; returns ‖f‖.
    NULLCLINE_DEVICE double linearize_by_own_products(const StateRow<T>& state) {
        this->program.served().linearize(this->group, state.h, state.products, this->drive,
                                         state.out());
        return static_cast<double>(norm(this->group, state.residual));
    }

    /// Copy a state's Jacobian, rounded where the copy is in single precision.
    template <class U>
    NULLCLINE_DEVICE void copy_jacobian(const StateRow<T>& state, const SlotJacobian<U>& to) const {
        copy(this->group, state.scales, to.scales);
        copy(this->group, state.identity, to.identity);
        copy(this->group, state.gate, to.gate);
    }

    /// The scale of a state's Jacobian, before its terms cancel.
    [[nodiscard]] NULLCLINE_DEVICE double jacobian_scale(const StateRow<T>& state) const {
        return static_cast<double>(
            term_norm(this->group, state.jacobian(), this->program.served().row_norms()));
    }

    /// Whether every unit's residual is at most `times` its bound of rounding.
    [[nodiscard]] NULLCLINE_DEVICE bool at_zero(const StateRow<T>& state, T times = 1) const {
        return is_zero(this->group, this->program.served(), std::span<const T>(state.residual),
                       std::span<const T>(state.h), std::span<const T>(state.products),
                       std::span<const T>(this->drive), 0, times);
    }

    /// How an iteration ends at a state where no step decreases the residual any further.
    [[nodiscard]] NULLCLINE_DEVICE Termination
    stalled_or_near_zero(const StateRow<T>& state) const {
        constexpr T near = 1000;  // times rounding; not calibrated: it decides what is polished
        return at_zero(state, near) ? Termination::near_zero : Termination::stalled;
    }

    NULLCLINE_DEVICE void finish(std::span<T> h, Termination termination) {
        search.finish(this->group, this->now.start, h, this->now.iterations, termination);
        this->now.request = Request::none;
    }

    /// Finish at a state. Where its outputs alone were the unknowns, its other part gets the value
    /// at equilibrium. With no iterations to make, a start is left where it is.
    NULLCLINE_DEVICE void finish(const StateRow<T>& state, Termination termination) {
        finish(state.h, termination);
        const std::span<T> whole = search.state(this->now.start);
        if (state.h.size() < whole.size() && this->now.limit > 0) {
            this->program.served().complete(this->group, state.h, state.products, this->drive,
                                            whole);
        }
    }

    // For programs with two states per slot.

    /// The current state.
    [[nodiscard]] NULLCLINE_DEVICE StateRow<T> at() const {
        return this->memory.states.at(this->row, this->now.side);
    }
    /// The state that is tried.
    [[nodiscard]] NULLCLINE_DEVICE StateRow<T> trial() const {
        return this->memory.states.at(this->row, !this->now.side);
    }

    /// Go to the trial, where ‖f‖ is `residual_norm`.
    NULLCLINE_DEVICE void go_to_trial(double residual_norm) {
        this->now.side = !this->now.side;
        this->now.residual_norm = residual_norm;
    }

    NULLCLINE_DEVICE void finish(Termination termination) { finish(at(), termination); }

    const Search& search;
    Box<T> box;
};

}  // namespace nullcline
