// What the slots of all programs have in common.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/host_device.hpp"
#include "nullcline/solvers/box.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/slot_products.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// A slot at work, with the search that its start is of.
template <class Program, class Team, class Search>
class SlotBase : public SlotProducts<Program, Team> {
    using Products = SlotProducts<Program, Team>;

  public:
    using T = typename Program::T;

  protected:
    using Products::ask;
    using Products::ask_products;
    using Products::drive_;
    using Products::memory_;
    using Products::now_;
    using Products::program_;
    using Products::row_;
    using Products::team_;

    NULLCLINE_TEAM SlotBase(const Team& team, const Program& program,
                            const typename Program::Memory& memory, std::size_t row,
                            const Search& search)
        : Products(team, program, memory, row), search_(search), box_(program.served().box()) {}

    /// Take a start for as many iterations as it has left.
    NULLCLINE_TEAM void load(std::size_t start, std::span<T> h) {
        now_.start = start;
        now_.iterations = 0;
        now_.limit = search_.iterations_left(start);
        search_.load(team_, start, h, drive_);
        project(h);
    }

    /// Numbers of a state that are outputs: those that the box bounds.
    [[nodiscard]] NULLCLINE_TEAM std::size_t units() const { return program_.served().units(); }

    /// Bring a state into the box; true where it was outside.
    NULLCLINE_TEAM bool project(std::span<T> h) const {
        return project_into(team_, box_, h.first(units()));
    }

    // For programs with a stage and with two states a slot.

    [[nodiscard]] NULLCLINE_TEAM StateRow<T> at() const {
        return memory_.states.at(row_, now_.side);
    }
    [[nodiscard]] NULLCLINE_TEAM StateRow<T> trial() const {
        return memory_.states.at(row_, !now_.side);
    }

    template <class Stage>
    NULLCLINE_TEAM void wait(Request request, Stage stage) {
        ask(request);
        now_.stage = stage;
    }

    template <class Stage>
    NULLCLINE_TEAM void ask_products(std::span<T> of, Stage stage) {
        ask_products(of);
        now_.stage = stage;
    }

    /// Linearize a state whose products have come in full; returns ‖f‖.
    NULLCLINE_TEAM double linearize(const StateRow<T>& state) {
        copy(team_, memory_.operands.exact_product.row(row_), state.products);
        copy(team_, memory_.operands.exact_seen.row(row_), state.seen);
        program_.served().linearize(team_, state.h, state.products, drive_, state.out());
        return static_cast<double>(norm(team_, state.residual));
    }

    /// Whether every unit's residual is zero to rounding.
    [[nodiscard]] NULLCLINE_TEAM bool at_zero(const StateRow<T>& state) const {
        return is_zero(team_, program_.served(), std::span<const T>(state.residual),
                       std::span<const T>(state.h), std::span<const T>(state.products),
                       std::span<const T>(drive_));
    }

    /// Finish where no step decreases the residual any further.
    NULLCLINE_TEAM void give_up(const StateRow<T>& state) {
        constexpr T near = 1000;
        const bool is_near =
            is_zero(team_, program_.served(), std::span<const T>(state.residual),
                    std::span<const T>(state.h), std::span<const T>(state.products),
                    std::span<const T>(drive_), 0, near);
        finish_at(state, is_near ? End::near_zero : End::stalled);
    }

    NULLCLINE_TEAM void finish_at(std::span<T> h, End end) {
        search_.finish(team_, now_.start, h, now_.iterations, end);
        now_.request = Request::none;
    }

    /// The same where the outputs alone may have been found: what else there is comes to rest. With
    /// no iterations to make, a start is left where it is.
    NULLCLINE_TEAM void finish_at(const StateRow<T>& state, End end) {
        finish_at(state.h, end);
        const std::span<T> whole = search_.state(now_.start);
        if (state.h.size() < whole.size() && now_.limit > 0) {
            program_.served().complete(team_, state.h, state.products, drive_, whole);
        }
    }

    const Search& search_;
    Box<T> box_;
};

}  // namespace nullcline
