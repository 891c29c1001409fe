// How a slot asks for products, and makes one of two halves where a block of weights is gated.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/gated_block.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// A row of a program's memory, and its numbers, at hand while a team works.
template <class Program, class Team>
class SlotProducts {
  public:
    using T = typename Program::T;

    SlotProducts(const SlotProducts&) = delete;
    SlotProducts& operator=(const SlotProducts&) = delete;

    [[nodiscard]] NULLCLINE_TEAM Request request() const { return now_.request; }

    /// Put the numbers back.
    NULLCLINE_TEAM void store() {
        team_.lead([&] { memory_.scalars(row_, 0) = now_; });
    }

  protected:
    NULLCLINE_TEAM SlotProducts(const Team& team, const Program& program,
                                const typename Program::Memory& memory, std::size_t row)
        : team_(team),
          program_(program),
          memory_(memory),
          row_(row),
          now_(memory.scalars(row, 0)),
          drive_(memory.drives.row(row)) {}

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

    const Team& team_;
    const Program& program_;
    const typename Program::Memory& memory_;
    std::size_t row_;
    typename Program::Scalars now_;
    std::span<T> drive_;

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
};

}  // namespace nullcline
