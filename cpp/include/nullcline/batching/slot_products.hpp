// How a slot requests products, which come in two halves where a block of weights is gated.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/batching/requests.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// A row of a program's memory, with a copy of the slot's numbers while a group works on it.
template <class P, ThreadGroup Group>
class SlotProducts {
  public:
    using T = typename P::T;

    NULLCLINE_DEVICE SlotProducts(const Group& group_of_slot, const P& its_program,
                                  const typename P::Memory& its_memory, std::size_t its_row)
        : group(group_of_slot),
          program(its_program),
          memory(its_memory),
          row(its_row),
          now(its_memory.scalars(its_row, 0)),
          drive(its_memory.drives.row(its_row)) {}

    SlotProducts(const SlotProducts&) = delete;
    SlotProducts& operator=(const SlotProducts&) = delete;

    /// Write the numbers back.
    NULLCLINE_DEVICE void store() {
        group.single([&] { memory.scalars(row, 0) = now; });
    }

    /// Clear the operands of products in single precision: an idle row is multiplied like any
    /// other, and zeros are sure to be harmless.
    NULLCLINE_DEVICE void clear_operands() {
        const auto& operands = memory.operands;
        fill(group, operands.direction.row(row), 0.0F);
        fill(group, operands.scaled.row(row), 0.0F);
        fill(group, operands.gradient.row(row), 0.0F);
        fill(group, operands.gated_input.row(row), 0.0F);
    }

    /// Request a product. With a gated block it comes in two halves: the gated one is the second
    /// forward, and the first transposed.
    NULLCLINE_DEVICE void wait_for(Request request) {
        now.request = request;
        if (is_gated() && request == Request::backward) {
            now.request = Request::backward_gated;
        } else if (is_gated() && request == Request::exact_transposed) {
            now.request = Request::exact_gated_transposed;
        }
    }
    template <class Stage>
    NULLCLINE_DEVICE void wait_for(Request request, Stage stage) {
        wait_for(request);
        now.stage = stage;
    }

    /// Request the products of a state or of a step in the cell's precision.
    NULLCLINE_DEVICE void request_products(std::span<T> of) {
        copy(group, of, memory.operands.exact.row(row));
        wait_for(Request::exact);
    }
    template <class Stage>
    NULLCLINE_DEVICE void request_products(std::span<T> of, Stage stage) {
        request_products(of);
        now.stage = stage;
    }

    [[nodiscard]] NULLCLINE_DEVICE bool is_gated() const { return program.served().n_gated() > 0; }

    /// After the first half of a product in the cell's precision, request the second; false once
    /// both have come. `gate` belongs to the Jacobian whose product it is.
    NULLCLINE_DEVICE bool request_second_half_of_exact(std::span<const T> gate) {
        if (!is_gated()) {
            return false;
        }
        const auto& operands = memory.operands;
        switch (now.request) {
            case Request::exact:
                compute_gated_input_of_operand(gate);
                now.request = Request::exact_gated;
                return true;
            case Request::exact_gated_transposed:
                begin_gate_vjp(group, gate,
                               std::span<const T>(operands.exact_gated_input_gradient.row(row)),
                               operands.exact_scaled.row(row));
                now.request = Request::exact_transposed;
                return true;
            case Request::exact_transposed:
                finish_gate_vjp(group, gate,
                                std::span<const T>(operands.exact_gated_input_gradient.row(row)),
                                operands.exact_gradient.row(row));
                return false;
            default:
                return false;
        }
    }

    /// After the first half of W v in single precision, request the second; else false.
    NULLCLINE_DEVICE bool request_second_half_of_forward(std::span<const float> gate) {
        if (!is_gated() || now.request != Request::forward) {
            return false;
        }
        const auto& operands = memory.operands;
        gate_jvp(group, gate, std::span<const float>(operands.product.row(row)),
                 std::span<const float>(operands.direction.row(row)),
                 operands.gated_input.row(row));
        now.request = Request::forward_gated;
        return true;
    }

    /// After the first half of Wᵀ u in single precision, request the second; else false.
    NULLCLINE_DEVICE bool request_second_half_of_backward(std::span<const float> gate) {
        if (!is_gated()) {
            return false;
        }
        const auto& operands = memory.operands;
        if (now.request == Request::backward_gated) {
            begin_gate_vjp(group, gate,
                           std::span<const float>(operands.gated_input_gradient.row(row)),
                           operands.scaled.row(row));
            now.request = Request::backward;
            return true;
        }
        if (now.request == Request::backward) {
            finish_gate_vjp(group, gate,
                            std::span<const float>(operands.gated_input_gradient.row(row)),
                            operands.gradient.row(row));
        }
        return false;
    }

    /// The gated block's input at a state whose other products are known.
    NULLCLINE_DEVICE void compute_gated_input(std::span<const T> h, std::span<const T> products,
                                              std::span<T> out) const {
        program.served().compute_gated_input(group, h, products, drive, out);
    }

    /// Request, in single precision, the change of a gated block's products when its input changes
    /// from `before` to `after`, in units of `scale`.
    NULLCLINE_DEVICE void request_gated_change(std::span<const T> before, std::span<const T> after,
                                               double scale) {
        const T* const from = before.data();
        const T* const to = after.data();
        float* const change = memory.operands.gated_input.row(row).data();
        group.for_each(before.size(), [=](std::size_t i) {
            change[i] = static_cast<float>(static_cast<double>(to[i] - from[i]) / scale);
        });
        now.request = Request::forward_gated;
    }

    const Group& group;
    const P& program;
    const typename P::Memory& memory;
    std::size_t row;
    typename P::Scalars now;
    std::span<T> drive;

  private:
    /// The gated block's input for the state or the step whose products were requested.
    NULLCLINE_DEVICE void compute_gated_input_of_operand(std::span<const T> gate) const {
        const std::span<const T> of = memory.operands.exact.row(row);
        const std::span<const T> products = memory.operands.exact_product.row(row);
        const std::span<T> out = memory.operands.exact_gated_input.row(row);
        if constexpr (requires { P::is_of_step(now); }) {
            if (P::is_of_step(now)) {
                return gate_jvp(group, gate, products, of, out);
            }
        }
        compute_gated_input(of, products, out);
    }
};

}  // namespace nullcline
