// What the slots of all programs have in common.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot_products.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// A slot at work, with the search that its start is of.
template <class Program, class Group, class Search>
class SlotBase : public SlotProducts<Program, Group> {
    using Products = SlotProducts<Program, Group>;

  public:
    using T = typename Program::T;

  protected:
    using Products::drive_;
    using Products::group_;
    using Products::memory_;
    using Products::now_;
    using Products::program_;
    using Products::request_products;
    using Products::row_;
    using Products::wait_for;

    NULLCLINE_DEVICE SlotBase(const Group& group, const Program& program,
                              const typename Program::Memory& memory, std::size_t row,
                              const Search& search)
        : Products(group, program, memory, row),
          search_(search),
          box_(program.served().box(drive_)) {}

    /// Take a start for as many iterations as it has left.
    NULLCLINE_DEVICE void load(std::size_t start, std::span<T> h) {
        now_.start = start;
        now_.iterations = 0;
        now_.limit = search_.iterations_left(start);
        search_.load(group_, start, h, drive_);
        project(h);
    }

    /// Numbers of a state that are outputs: those that the box bounds.
    [[nodiscard]] NULLCLINE_DEVICE std::size_t units() const { return program_.served().units(); }

    /// Bring a state into the box; true where it was outside.
    NULLCLINE_DEVICE bool project(std::span<T> h) const {
        return project_into(group_, box_, h.first(units()));
    }

    // For programs with a stage and with two states a slot.

    [[nodiscard]] NULLCLINE_DEVICE StateRow<T> at() const {
        return memory_.states.at(row_, now_.side);
    }
    [[nodiscard]] NULLCLINE_DEVICE StateRow<T> trial() const {
        return memory_.states.at(row_, !now_.side);
    }

    template <class Stage>
    NULLCLINE_DEVICE void wait(Request request, Stage stage) {
        wait_for(request);
        now_.stage = stage;
    }

    template <class Stage>
    NULLCLINE_DEVICE void request_products(std::span<T> of, Stage stage) {
        request_products(of);
        now_.stage = stage;
    }

    /// Linearize a state whose products have come in full; returns ‖f‖.
    NULLCLINE_DEVICE double linearize(const StateRow<T>& state) {
        copy(group_, memory_.operands.exact_product.row(row_), state.products);
        copy(group_, memory_.operands.exact_gated_input.row(row_), state.gated_input);
        program_.served().linearize(group_, state.h, state.products, drive_, state.out());
        return static_cast<double>(norm(group_, state.residual));
    }

    /// Whether every unit's residual is zero to rounding.
    [[nodiscard]] NULLCLINE_DEVICE bool at_zero(const StateRow<T>& state) const {
        return is_zero(group_, program_.served(), std::span<const T>(state.residual),
                       std::span<const T>(state.h), std::span<const T>(state.products),
                       std::span<const T>(drive_));
    }

    /// Finish where no step decreases the residual any further.
    NULLCLINE_DEVICE void give_up(const StateRow<T>& state) {
        constexpr T near = 1000;
        const bool is_near =
            is_zero(group_, program_.served(), std::span<const T>(state.residual),
                    std::span<const T>(state.h), std::span<const T>(state.products),
                    std::span<const T>(drive_), 0, near);
        finish_at(state, is_near ? Termination::near_zero : Termination::stalled);
    }

    NULLCLINE_DEVICE void finish_at(std::span<T> h, Termination termination) {
        search_.finish(group_, now_.start, h, now_.iterations, termination);
        now_.request = Request::none;
    }

    /// The same where the outputs alone may have been found: what else there is comes to rest. With
    /// no iterations to make, a start is left where it is.
    NULLCLINE_DEVICE void finish_at(const StateRow<T>& state, Termination termination) {
        finish_at(state.h, termination);
        const std::span<T> whole = search_.state(now_.start);
        if (state.h.size() < whole.size() && now_.limit > 0) {
            program_.served().complete(group_, state.h, state.products, drive_, whole);
        }
    }

    const Search& search_;
    Box<T> box_;
};

}  // namespace nullcline
