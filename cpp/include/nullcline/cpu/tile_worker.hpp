// One thread that runs a program for many starts, a tile of them at a time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/cpu/bordered_steps.hpp"
#include "nullcline/cpu/dense_steps.hpp"
#include "nullcline/cpu/tile_memory.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/numerics/tile_weights.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/cancellation.hpp"
#include "nullcline/parallel/serial_group.hpp"

namespace nullcline::cpu {

/// The waiting starts, of which workers take the next one whenever they are done with one.
class Queue {
  public:
    explicit Queue(std::span<const std::size_t> starts) : starts_(starts) {}

    [[nodiscard]] std::optional<std::size_t> take() {
        const std::size_t i = next_++;
        return i < starts_.size() ? std::optional(starts_[i]) : std::nullopt;
    }

  private:
    std::span<const std::size_t> starts_;
    std::atomic<std::size_t> next_{0};
};

/// The fixed matrices of a pass in single precision, packed once for all workers.
struct PackedMatrices {
    std::optional<TileWeights> weights;  ///< all but a gated block
    std::optional<TileWeights> gated;    ///< where there is one
    const PackedMatrix* inverse = nullptr;
};

/// A program's tile. Products in single precision are computed for the whole tile, whose shape does
/// not depend on which slots are busy; those in full precision at once, for one slot.
template <Program P, Starts<SerialGroup, typename P::T> Search>
class TileWorker {
  public:
    using T = typename P::T;

    TileWorker(const P& program, const PackedMatrices& matrices, const Search& search,
               std::size_t drive_size, Queue& queue, std::atomic<std::size_t>& n_products)
        : program_(program),
          matrices_(matrices),
          search_(search),
          queue_(queue),
          n_products_(n_products),
          bytes_(measure(program, drive_size)),
          dense_(steps_of(program)),
          dense_weights_(needs_weights(program) ? program.served().weights() : Weights<T>()),
          single_weights_(rounded_weights()) {
        Arena arena(bytes_.data());
        memory_ = Memory(arena, TileShape::of(program.served(), rows, drive_size));
        std::ranges::fill(memory_.scalars.elements(), typename P::Scalars());
    }

    /// Work until the queue is empty and every slot is done, or the search is cancelled.
    void run(const Cancellation& cancellation) {
        while (!cancellation.requested()) {
            bool busy = false;
            for (std::size_t row = 0; row < rows; ++row) {
                busy = occupy(row, cancellation) || busy;
            }
            if (!busy) {
                return;
            }
            if constexpr (tiled) {
                run_round(cancellation);
            }
        }
    }

  private:
    using Memory = typename P::Memory;
    using Slot = typename P::template Slot<SerialGroup, Search>;

    static constexpr bool tiled = P::requests.contains(Request::forward);
    static constexpr std::size_t rows = tiled ? tile_rows : 1;

    static std::size_t measure(const P& program, std::size_t drive_size) {
        Arena arena;
        static_cast<void>(Memory(arena, TileShape::of(program.served(), rows, drive_size)));
        return arena.used();
    }

    using Steps =
        std::conditional_t<P::factors == Factors::bordered, BorderedSteps<T>, DenseSteps<T>>;

    [[nodiscard]] static Steps steps_of(const P& program) {
        if constexpr (P::factors == Factors::bordered) {
            return Steps(program.served());
        } else {
            return Steps(program.served().size(), P::factors);
        }
    }
    [[nodiscard]] static bool needs_weights(const P& program) {
        return P::factors != Factors::none && !(P::factors == Factors::bordered &&
                                                BorderedSteps<T>::keeps_low_rank(program.served()));
    }

    /// The dense weights in single precision, where steps may be solved in it.
    [[nodiscard]] Matrix<float> rounded_weights() const {
        if (P::factors != Factors::normal || std::is_same_v<T, float>) {
            return {};
        }
        Matrix<float> rounded(dense_weights_.view().rows(), dense_weights_.view().cols());
        std::ranges::transform(dense_weights_.view().elements(), rounded.elements().begin(),
                               [](T value) { return static_cast<float>(value); });
        return rounded;
    }

    [[nodiscard]] Request& request(std::size_t row) const {
        return memory_.scalars(row, 0).request;
    }

    /// Let a slot act, and go on for as long as it waits for nothing that the tile makes.
    template <class Act>
    void with_slot(std::size_t row, const Cancellation& cancellation, const Act& act) {
        Slot slot(group_, program_, memory_, row, search_, work_);
        act(slot);
        while (serve_slot(slot.request(), row) && !cancellation.requested()) {
            slot.advance();
        }
        slot.store();
    }

    /// Give an idle slot the next start; false if it stays idle.
    bool occupy(std::size_t row, const Cancellation& cancellation) {
        while (request(row) == Request::none) {
            const std::optional<std::size_t> start = queue_.take();
            if (!start || cancellation.requested()) {
                return false;
            }
            with_slot(row, cancellation, [&](Slot& slot) { slot.take(*start); });
        }
        return true;
    }

    /// A product in full precision or a step, for one slot; false if it requests none.
    bool serve_slot(Request wanted, std::size_t row) {
        if (multiply_for_slot(wanted, row)) {
            return true;
        }
        if constexpr (P::factors != Factors::none) {
            if (wanted == Request::solve) {
                dense_.solve(memory_.solve, row,
                             {dense_weights_.view(), std::as_const(single_weights_).view()});
                return true;
            }
        }
        return false;
    }

    bool multiply_for_slot(Request wanted, std::size_t row) {
        const Weights<T> plain = plain_weights(program_.served());
        const Weights<T> gated = gated_weights(program_.served());
        const Operands<T>& operands = memory_.operands;
        const std::span<const T> scaled = operands.exact_scaled.row(row);
        switch (wanted) {
            case Request::exact:
                multiply_vector(plain, std::span<const T>(operands.exact.row(row)),
                                operands.exact_product.row(row).subspan(gated.rows()));
                return true;
            case Request::exact_gated:
                multiply_vector(gated, std::span<const T>(operands.exact_gated_input.row(row)),
                                operands.exact_product.row(row));
                return true;
            case Request::exact_gated_transposed:
                multiply_vector_by_transpose(gated, scaled.first(gated.rows()),
                                             operands.exact_gated_input_gradient.row(row));
                return true;
            case Request::exact_transposed:
                multiply_vector_by_transpose(plain, scaled.subspan(gated.rows()),
                                             operands.exact_gradient.row(row));
                return true;
            // No default: the compiler then asks for every new request.
            case Request::none:
            case Request::solve:
            case Request::forward:
            case Request::forward_gated:
            case Request::backward_gated:
            case Request::backward:
            case Request::precondition:
                return false;
        }
        return false;
    }

    void run_round(const Cancellation& cancellation) {
        BusyBlocks busy{};
        std::size_t n_busy = 0;
        for (std::size_t row = 0; row < rows; ++row) {
            if (request(row) != Request::none) {
                busy[row / tile_block] = true;
                ++n_busy;
            }
        }
        n_products_ += n_busy;
        for (const Request wanted : round_order) {
            if (!multiply_tile(wanted, busy)) {
                continue;
            }
            for (std::size_t row = 0; row < rows; ++row) {
                if (request(row) == wanted) {
                    with_slot(row, cancellation, [](Slot& slot) { slot.advance(); });
                }
            }
        }
    }

    /// The products of one kind for the whole tile; false if there are none of it.
    bool multiply_tile(Request wanted, const BusyBlocks& busy) {
        const Operands<T>& operands = memory_.operands;
        const auto plain = [n_gated = program_.served().n_gated()](MatrixView<float> products) {
            return products.columns(n_gated, products.cols() - n_gated);
        };
        if (full_request(wanted) != wanted && !matrices_.gated) {
            return false;
        }
        switch (wanted) {
            case Request::forward:
                matrices_.weights->forward(operands.direction, plain(operands.product), busy);
                return true;
            case Request::backward:
                matrices_.weights->backward(plain(operands.scaled), operands.gradient, busy);
                return true;
            case Request::forward_gated:
                matrices_.gated->forward(operands.gated_input, operands.product, busy);
                return true;
            case Request::backward_gated:
                matrices_.gated->backward(operands.scaled, operands.gated_input_gradient, busy);
                return true;
            case Request::precondition:
                if (matrices_.inverse == nullptr) {
                    return false;
                }
                // The inverse is symmetric to rounding, so that products from either side agree.
                multiply(operands.gradient, *matrices_.inverse, operands.preconditioned, busy);
                return true;
            case Request::none:
            case Request::exact:
            case Request::exact_gated:
            case Request::exact_gated_transposed:
            case Request::exact_transposed:
            case Request::solve:
                return false;
        }
        return false;
    }

    const P& program_;
    const PackedMatrices& matrices_;
    const Search& search_;
    Queue& queue_;
    std::atomic<std::size_t>& n_products_;
    TileMemory bytes_;
    Memory memory_;
    typename P::Workspace work_;
    Steps dense_;
    DenseWeights<T> dense_weights_;
    Matrix<float> single_weights_;
    SerialGroup group_;
};

}  // namespace nullcline::cpu
