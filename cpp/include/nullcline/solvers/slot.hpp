// What the slots of all programs have in common.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/gated_block.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/solvers/box.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// A slot at work: a row of its program's memory, and its numbers, at hand while the team works.
template <class Program, class Team, class Search>
class SlotBase {
  public:
    using T = typename Program::T;

    SlotBase(const SlotBase&) = delete;
    SlotBase& operator=(const SlotBase&) = delete;

    [[nodiscard]] NULLCLINE_TEAM Request request() const { return now_.request; }

    /// Put the numbers back.
    NULLCLINE_TEAM void store() {
        team_.lead([&] { memory_.scalars(row_, 0) = now_; });
    }

  protected:
    NULLCLINE_TEAM SlotBase(const Team& team, const Program& program,
                            const typename Program::Memory& memory, std::size_t row,
                            const Search& search)
        : team_(team),
          program_(program),
          memory_(memory),
          row_(row),
          search_(search),
          now_(memory.scalars(row, 0)),
          drive_(memory.drives.row(row)),
          box_(program.served().box()) {}

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

    /// Ask for a product. With a gated block it comes in two halves: forward, the gated one is
    /// last, and transposed it is first.
    NULLCLINE_TEAM void ask(Request request) {
        now_.request = request;
        if (is_gated() && request == Request::backward) {
            now_.request = Request::backward_gated;
        } else if (is_gated() && request == Request::exact_transposed) {
            now_.request = Request::exact_gated_transposed;
        }
    }

    /// Ask for the products of a state or of a step in full.
    NULLCLINE_TEAM void ask_products(std::span<T> of) {
        copy(team_, of, memory_.operands.exact.row(row_));
        ask(Request::exact);
    }

    [[nodiscard]] NULLCLINE_TEAM bool is_gated() const { return program_.served().n_gated() > 0; }

    /// Where half of a product in full has come, ask for the other; false once it is whole. The
    /// gate is that of the Jacobian whose product it is.
    NULLCLINE_TEAM bool ask_rest_of_exact(std::span<const T> gate) {
        if (!is_gated()) {
            return false;
        }
        const auto& operands = memory_.operands;
        switch (now_.request) {
            case Request::exact:
                see(gate);
                now_.request = Request::exact_gated;
                return true;
            case Request::exact_gated_transposed:
                begin_gate_vjp(team_, gate,
                               std::span<const T>(operands.exact_seen_gradient.row(row_)),
                               operands.exact_scaled.row(row_));
                now_.request = Request::exact_transposed;
                return true;
            case Request::exact_transposed:
                finish_gate_vjp(team_, gate,
                                std::span<const T>(operands.exact_seen_gradient.row(row_)),
                                operands.exact_gradient.row(row_));
                return false;
            default:
                return false;
        }
    }

    /// The same of a direction's product in single precision.
    NULLCLINE_TEAM bool ask_rest_of_forward(std::span<const float> gate) {
        if (!is_gated() || now_.request != Request::forward) {
            return false;
        }
        const auto& operands = memory_.operands;
        gate_jvp(team_, gate, std::span<const float>(operands.product.row(row_)),
                 std::span<const float>(operands.direction.row(row_)), operands.seen.row(row_));
        now_.request = Request::forward_gated;
        return true;
    }

    /// And of a transposed one.
    NULLCLINE_TEAM bool ask_rest_of_backward(std::span<const float> gate) {
        if (!is_gated()) {
            return false;
        }
        const auto& operands = memory_.operands;
        if (now_.request == Request::backward_gated) {
            begin_gate_vjp(team_, gate, std::span<const float>(operands.seen_gradient.row(row_)),
                           operands.scaled.row(row_));
            now_.request = Request::backward;
            return true;
        }
        if (now_.request == Request::backward) {
            finish_gate_vjp(team_, gate, std::span<const float>(operands.seen_gradient.row(row_)),
                            operands.gradient.row(row_));
        }
        return false;
    }

    /// Of a state, what the gated block sees, its other products having come in full or by a
    /// step's.
    NULLCLINE_TEAM void see_state(std::span<const T> h, std::span<const T> products,
                                  std::span<T> out) const {
        program_.served().gate(team_, h, products, drive_, out);
    }

    /// Ask, in single precision, for the change of a gated block's products from what it has seen
    /// to what it sees now, in units of `scale`.
    NULLCLINE_TEAM void ask_gated_change(std::span<const T> before, std::span<const T> after,
                                         double scale) {
        const T* const from = before.data();
        const T* const to = after.data();
        float* const change = memory_.operands.seen.row(row_).data();
        team_.for_each(before.size(), [=](std::size_t i) {
            change[i] = static_cast<float>(static_cast<double>(to[i] - from[i]) / scale);
        });
        now_.request = Request::forward_gated;
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
        if (is_gated()) {
            copy(team_, memory_.operands.exact_seen.row(row_), state.seen);
        }
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

  private:
    /// What the gated block sees of the state or of the step that products are asked of.
    NULLCLINE_TEAM void see(std::span<const T> gate) const {
        const std::span<const T> of = memory_.operands.exact.row(row_);
        const std::span<const T> products = memory_.operands.exact_product.row(row_);
        const std::span<T> out = memory_.operands.exact_seen.row(row_);
        if constexpr (requires { Program::is_of_step(now_); }) {
            if (Program::is_of_step(now_)) {
                return gate_jvp(team_, gate, products, of, out);
            }
        }
        see_state(of, products, out);
    }

  protected:
    const Team& team_;
    const Program& program_;
    const typename Program::Memory& memory_;
    std::size_t row_;
    const Search& search_;
    typename Program::Scalars now_;
    std::span<T> drive_;
    Box<T> box_;
};

}  // namespace nullcline
