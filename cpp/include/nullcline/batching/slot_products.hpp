// How a slot asks for products, and makes one of two halves where a block of weights is gated.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/batching/requests.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// A row of a program's memory, and its numbers, at hand while a group works.
template <class Program, class Group>
class SlotProducts {
  public:
    using T = typename Program::T;

    SlotProducts(const SlotProducts&) = delete;
    SlotProducts& operator=(const SlotProducts&) = delete;

    [[nodiscard]] NULLCLINE_DEVICE Request request() const { return now_.request; }

    /// Put the numbers back.
    NULLCLINE_DEVICE void store() {
        group_.single([&] { memory_.scalars(row_, 0) = now_; });
    }

  protected:
    NULLCLINE_DEVICE SlotProducts(const Group& group, const Program& program,
                                  const typename Program::Memory& memory, std::size_t row)
        : group_(group),
          program_(program),
          memory_(memory),
          row_(row),
          now_(memory.scalars(row, 0)),
          drive_(memory.drives.row(row)) {}

    /// Ask for a product. With a gated block it comes in two halves: forward, the gated one is
    /// last, and transposed it is first.
    NULLCLINE_DEVICE void wait_for(Request request) {
        now_.request = request;
        if (is_gated() && request == Request::backward) {
            now_.request = Request::backward_gated;
        } else if (is_gated() && request == Request::exact_transposed) {
            now_.request = Request::exact_gated_transposed;
        }
    }

    /// Ask for the products of a state or of a step in full.
    NULLCLINE_DEVICE void request_products(std::span<T> of) {
        copy(group_, of, memory_.operands.exact.row(row_));
        wait_for(Request::exact);
    }

    [[nodiscard]] NULLCLINE_DEVICE bool is_gated() const { return program_.served().n_gated() > 0; }

    /// Where half of a product in full has come, ask for the other; false once it is whole. The
    /// gate is that of the Jacobian whose product it is.
    NULLCLINE_DEVICE bool request_second_half_of_exact(std::span<const T> gate) {
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
                begin_gate_vjp(group_, gate,
                               std::span<const T>(operands.exact_gated_input_gradient.row(row_)),
                               operands.exact_scaled.row(row_));
                now_.request = Request::exact_transposed;
                return true;
            case Request::exact_transposed:
                finish_gate_vjp(group_, gate,
                                std::span<const T>(operands.exact_gated_input_gradient.row(row_)),
                                operands.exact_gradient.row(row_));
                return false;
            default:
                return false;
        }
    }

    /// The same of a direction's product in single precision.
    NULLCLINE_DEVICE bool request_second_half_of_forward(std::span<const float> gate) {
        if (!is_gated() || now_.request != Request::forward) {
            return false;
        }
        const auto& operands = memory_.operands;
        gate_jvp(group_, gate, std::span<const float>(operands.product.row(row_)),
                 std::span<const float>(operands.direction.row(row_)),
                 operands.gated_input.row(row_));
        now_.request = Request::forward_gated;
        return true;
    }

    /// And of a transposed one.
    NULLCLINE_DEVICE bool request_second_half_of_backward(std::span<const float> gate) {
        if (!is_gated()) {
            return false;
        }
        const auto& operands = memory_.operands;
        if (now_.request == Request::backward_gated) {
            begin_gate_vjp(group_, gate,
                           std::span<const float>(operands.gated_input_gradient.row(row_)),
                           operands.scaled.row(row_));
            now_.request = Request::backward;
            return true;
        }
        if (now_.request == Request::backward) {
            finish_gate_vjp(group_, gate,
                            std::span<const float>(operands.gated_input_gradient.row(row_)),
                            operands.gradient.row(row_));
        }
        return false;
    }

    /// Of a state, what the gated block sees, its other products having come in full or by a
    /// step's.
    NULLCLINE_DEVICE void compute_gated_input(std::span<const T> h, std::span<const T> products,
                                              std::span<T> out) const {
        program_.served().compute_gated_input(group_, h, products, drive_, out);
    }

    /// Ask, in single precision, for the change of a gated block's products from what it has
    /// gated_input to what it sees now, in units of `scale`.
    NULLCLINE_DEVICE void request_gated_change(std::span<const T> before, std::span<const T> after,
                                               double scale) {
        const T* const from = before.data();
        const T* const to = after.data();
        float* const change = memory_.operands.gated_input.row(row_).data();
        group_.for_each(before.size(), [=](std::size_t i) {
            change[i] = static_cast<float>(static_cast<double>(to[i] - from[i]) / scale);
        });
        now_.request = Request::forward_gated;
    }

    const Group& group_;
    const Program& program_;
    const typename Program::Memory& memory_;
    std::size_t row_;
    typename Program::Scalars now_;
    std::span<T> drive_;

  private:
    /// What the gated block sees of the state or of the step that products are asked of.
    NULLCLINE_DEVICE void see(std::span<const T> gate) const {
        const std::span<const T> of = memory_.operands.exact.row(row_);
        const std::span<const T> products = memory_.operands.exact_product.row(row_);
        const std::span<T> out = memory_.operands.exact_gated_input.row(row_);
        if constexpr (requires { Program::is_of_step(now_); }) {
            if (Program::is_of_step(now_)) {
                return gate_jvp(group_, gate, products, of, out);
            }
        }
        compute_gated_input(of, products, out);
    }
};

}  // namespace nullcline
