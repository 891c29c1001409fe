// One pass of a search: a program run for many starts, round after round.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/gpu/dense_steps.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/gathering.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/gpu/search_view.hpp"
#include "nullcline/gpu/slot_kernels.hpp"
#include "nullcline/gpu/weight_products.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline::gpu {

/// The fixed matrices of a pass.
template <class T>
struct PassMatrices {
    Weights<float> weights;           ///< all but a gated block, in single precision
    Weights<float> gated;             ///< the gated block, in single precision
    MatrixView<const float> inverse;  ///< of the preconditioner; or empty
    MatrixView<const T> dense;        ///< all weights written out, where Jacobians are factored
};

/// A round makes each kind of product once for all slots, and lets those go on that waited for it.
/// The host launches rounds without waiting, and polls the counters now and then; once no start
/// waits any more and half of the slots are idle, the tile is compacted.
template <GpuDevice Device, Program P>
class TileDriver {
  public:
    using T = typename P::T;
    using Scalars = typename P::Scalars;
    using Memory = typename P::Memory;
    using Equation = std::remove_cvref_t<decltype(std::declval<const P&>().served())>;

    /// `workspace` is used if it is large enough, and replaced if not; `budget` is how many bytes
    /// it may take.
    TileDriver(Device& device, const P& program, const PassMatrices<T>& matrices,
               const SearchView<T>& search, const Costs& costs, std::size_t budget,
               Buffer<Device>& workspace)
        : device_(device),
          program_(program),
          matrices_(matrices),
          search_(search),
          costs_(costs),
          n_rows_(rows_within(program, search, budget)),
          layout_(program, search, n_rows_, allocate(device, program, search, n_rows_, workspace)),
          dense_(device, layout_.dense, program.served(), matrices.dense, P::factors),
          products_(device, n_rows_, program.served().weights()),
          single_products_(device, n_rows_, matrices.weights),
          requests_(device, 1, n_rows_),
          gathering_(device, gathers() ? n_places() : 0,
                     std::max(program.served().size(),
                              program.served().blocks() * program.served().units())) {
        device_.launch(n_rows_, ClearSlots<Scalars>{layout_.memory.scalars});
        device_.zero(search_.counters, sizeof(Counters));
    }

    /// Run until all starts of the queue are finished; `report(counters)` is called now and then
    /// and may throw.
    template <class Report>
    void run(const Report& report) {
        advance(Request::none);
        while (true) {
            const Counters counters = count();
            report(counters);
            const auto waiting = [&](Request request) {
                return static_cast<std::size_t>(
                    counters.waiting[static_cast<std::size_t>(request)]);
            };
            const std::size_t busy = n_rows_ - waiting(Request::none);
            if (busy == 0) {
                return;
            }
            if (counters.n_taken >= search_.queue.size() && busy <= n_rows_ / 2 &&
                n_rows_ > min_rows) {
                compact();
            }
            // Where many wait for a product in full, as at first, a round makes those of all.
            const std::size_t n_exact = waiting(Request::exact) + waiting(Request::exact_gated);
            run_round(n_exact > 0, n_exact <= n_places());
            for (std::size_t i = 1; i < rounds_per_poll(); ++i) {
                run_round(true, true);
            }
        }
    }

  private:
    /// Everything that a slot has, in one piece of memory.
    struct Layout {
        Layout(const P& program, const SearchView<T>& search, std::size_t rows, std::byte* base)
            : arena(base),
              memory(arena, TileShape::of(program.served(), rows, search.drives.cols())),
              dense(arena, rows, program.served(), P::factors) {}

        Arena arena;
        Memory memory;
        DenseMemory<T> dense;
    };

    [[nodiscard]] static std::size_t measure(const P& program, const SearchView<T>& search,
                                             std::size_t rows) {
        return Layout(program, search, rows, nullptr).arena.used();
    }

    /// The number of slots: as many as there are starts, as are useful, and as fit into `budget`.
    [[nodiscard]] static std::size_t rows_within(const P& program, const SearchView<T>& search,
                                                 std::size_t budget) {
        std::size_t rows = std::min(search.queue.size(), max_rows);
        while (rows > 1 && measure(program, search, rows) > budget) {
            rows = rows > min_rows ? rows - rows / 8 : rows - 1;
        }
        if (const std::size_t bytes = measure(program, search, rows); bytes > budget) {
            throw OutOfMemory("one start of " + std::to_string(program.served().size()) +
                              " units needs " + std::to_string(bytes) +
                              " bytes of the device's memory, and " + std::to_string(budget) +
                              " are left; free some, or search with device=\"cpu\"");
        }
        return rows;
    }

    [[nodiscard]] static std::byte* allocate(Device& device, const P& program,
                                             const SearchView<T>& search, std::size_t rows,
                                             Buffer<Device>& workspace) {
        const std::size_t bytes = measure(program, search, rows);
        if (workspace.bytes() < bytes) {
            workspace = {};
            workspace = Buffer<Device>(device, bytes);
        }
        return workspace.data();
    }

    /// A poll makes the host wait, which is negligible where a round takes long.
    [[nodiscard]] std::size_t rounds_per_poll() const {
        const auto weights = program_.served().weights();
        return n_rows_ * weights.size() > long_round ? 1 : 8;
    }

    [[nodiscard]] Counters count() {
        device_.launch(1, CountRequests<Scalars>{layout_.memory.scalars, n_rows_,
                                                 requests_.elements().data(), search_.counters});
        Counters counters;
        device_.copy(&counters, search_.counters, sizeof counters);
        device_.synchronize();
        return counters;
    }

    void run_round(bool with_exact, bool few_exact) {
        for (const Request wanted : round_order) {
            const bool is_exact = full_request(wanted) == Request::exact;
            if (!P::requests.contains(wanted) || (is_exact && !with_exact)) {
                continue;
            }
            if (is_exact && few_exact && gathers() && !is_idle_half(wanted)) {
                serve_gathered(wanted);
            } else if (make(wanted)) {
                advance(wanted);
            }
        }
    }

    void advance(Request wanted) {
        device_.launch(n_rows_, AdvanceSlots<P>{program_, layout_.memory, search_, wanted});
    }

    /// Whether a request is a half of a product, and products have none here.
    [[nodiscard]] bool is_idle_half(Request wanted) const {
        return full_request(wanted) != wanted && program_.served().n_gated() == 0;
    }

    /// Make the products in the cell's precision of the slots that wait for one, and let these go
    /// on; those that there is no place for wait for the next round.
    void serve_gathered(Request wanted) {
        const ExactProduct product = exact_product(wanted);
        const GatheredRows<T> some = gathering_.gather(
            layout_.memory.scalars, wanted, product.operands, product.results, n_places());
        multiply(product, some.operands, some.products);
        device_.launch(n_places(),
                       AdvanceSlots<P>{program_, layout_.memory, search_, wanted, some});
    }

    /// How many rows are gathered at most: about as many as wait for a product in full at a time,
    /// while searches go on (3 to 7 % on trained networks, by benchmarks/gpu_weights.py).
    [[nodiscard]] std::size_t n_places() const { return (n_rows_ / 16 + 7) / 8 * 8; }

    /// Whether rows are gathered for products in the cell's precision: where few want one, and what
    /// is saved takes longer than the kernels that it costs.
    [[nodiscard]] bool gathers() const {
        if (!P::requests.contains(Request::forward) || 2 * n_places() > n_rows_) {
            return false;
        }
        constexpr double n_kernels_more = 2;
        const auto saved =
            static_cast<double>((n_rows_ - n_places()) * program_.served().weights().size());
        return saved * Costs::multiplication >= n_kernels_more * costs_.launch;
    }

    /// Compute the products of one kind, or the steps, of all slots; false if there are none of it.
    bool make(Request wanted) {
        const Operands<T>& operands = layout_.memory.operands;
        if (is_idle_half(wanted)) {
            return false;
        }
        switch (wanted) {
            case Request::none:
                return false;
            case Request::precondition:
                if (matrices_.inverse.rows() == 0) {
                    return false;
                }
                device_.multiply(rows(operands.gradient), matrices_.inverse,
                                 rows(operands.preconditioned));
                return true;
            case Request::solve:
                if constexpr (P::factors != Factors::none) {
                    return dense_.solve(layout_.memory.solve, layout_.memory.scalars, n_rows_);
                }
                return false;
            case Request::forward:
            case Request::forward_gated:
            case Request::backward:
            case Request::backward_gated:
                multiply_single(wanted);
                return true;
            case Request::exact:
            case Request::exact_gated:
            case Request::exact_gated_transposed:
            case Request::exact_transposed: {
                const ExactProduct product = exact_product(wanted);
                multiply(product, product.operands, product.results);
                return true;
            }
        }
        return false;
    }

    /// Compute products in single precision.
    void multiply_single(Request wanted) {
        const Operands<T>& operands = layout_.memory.operands;
        switch (wanted) {
            case Request::forward:
                return single_products_.multiply_transposed(
                    rows(operands.direction), matrices_.weights, plain(operands.product));
            case Request::forward_gated:
                return single_products_.multiply_transposed(
                    rows(operands.gated_input), matrices_.gated, gated(operands.product));
            case Request::backward:
                return single_products_.multiply(plain(operands.scaled), matrices_.weights,
                                                 rows(operands.gradient));
            default:
                return single_products_.multiply(gated(operands.scaled), matrices_.gated,
                                                 rows(operands.gated_input_gradient));
        }
    }

    /// A product in the cell's precision: a row of operands and of results per slot.
    struct ExactProduct {
        MatrixView<T> operands, results;
        Weights<T> weights;
        bool is_transposed;
    };

    [[nodiscard]] ExactProduct exact_product(Request wanted) const {
        const Operands<T>& operands = layout_.memory.operands;
        const Weights<T> weights = plain_weights(program_.served());
        const Weights<T> gated_block = gated_weights(program_.served());
        switch (wanted) {
            case Request::exact:
                return {rows(operands.exact).columns(0, weights.cols()),
                        plain(operands.exact_product), weights, false};
            case Request::exact_gated:
                return {rows(operands.exact_gated_input), gated(operands.exact_product),
                        gated_block, false};
            case Request::exact_transposed:
                return {plain(operands.exact_scaled),
                        rows(operands.exact_gradient).columns(0, weights.cols()), weights, true};
            default:
                return {gated(operands.exact_scaled), rows(operands.exact_gated_input_gradient),
                        gated_block, true};
        }
    }

    void multiply(const ExactProduct& product, MatrixView<const T> operands,
                  MatrixView<T> results) {
        if (product.is_transposed) {
            products_.multiply(operands, product.weights, results);
        } else {
            products_.multiply_transposed(operands, product.weights, results);
        }
    }

    template <class U>
    [[nodiscard]] MatrixView<U> rows(MatrixView<U> all) const {
        return all.middle_rows(0, n_rows_);
    }
    /// The columns of products that are the gated block's.
    template <class U>
    [[nodiscard]] MatrixView<U> gated(MatrixView<U> products) const {
        return rows(products).columns(0, program_.served().n_gated());
    }
    /// The columns of products that are not the gated block's.
    template <class U>
    [[nodiscard]] MatrixView<U> plain(MatrixView<U> products) const {
        const std::size_t n_gated = program_.served().n_gated();
        return rows(products).columns(n_gated, products.cols() - n_gated);
    }

    /// Move busy slots to the first rows, and go on with those rows.
    void compact() {
        const std::vector<std::uint8_t> requests = requests_.download();
        std::vector<std::size_t> busy;
        for (std::size_t row = 0; row < n_rows_; ++row) {
            if (static_cast<Request>(requests[row]) != Request::none) {
                busy.push_back(row);
            }
        }
        const std::size_t kept =
            std::max(min_rows, (busy.size() + min_rows - 1) / min_rows * min_rows);
        if (kept >= n_rows_) {
            return;
        }
        std::vector<std::size_t> from;
        std::vector<std::size_t> to;
        std::ranges::copy_if(busy, std::back_inserter(from),
                             [&](std::size_t row) { return row >= kept; });
        for (std::size_t row = 0; to.size() < from.size(); ++row) {
            if (static_cast<Request>(requests[row]) == Request::none) {
                to.push_back(row);
            }
        }
        n_rows_ = kept;
        if (!from.empty()) {
            move_slots(from, to);
        }
    }

    /// Move slots from some rows to others.
    void move_slots(std::span<const std::size_t> from, std::span<const std::size_t> to) {
        const std::size_t capacity = layout_.memory.scalars.rows();
        std::vector<SlotBytes> pieces;
        for (const Arena::Piece& piece : layout_.arena.pieces()) {
            if (piece.bytes > 0) {
                pieces.push_back({layout_.arena.base() + piece.first, piece.bytes / capacity});
            }
        }
        const Array<Device, SlotBytes> pieces_on_device(device_,
                                                        std::span<const SlotBytes>(pieces));
        const Array<Device, std::size_t> from_on_device(device_, from);
        const Array<Device, std::size_t> to_on_device(device_, to);
        device_.launch(from.size() * pieces.size(),
                       MoveSlots{pieces_on_device.elements(), from_on_device.elements(),
                                 to_on_device.elements()});
    }

    /// More slots than this use an H100 no better.
    static constexpr std::size_t max_rows = 8192;
    static constexpr std::size_t min_rows = 32;
    /// Multiplications of a product from which a round takes about as long as a poll.
    static constexpr std::size_t long_round = std::size_t{1} << 31U;

    Device& device_;
    const P& program_;
    PassMatrices<T> matrices_;
    SearchView<T> search_;
    Costs costs_;
    std::size_t n_rows_;
    Layout layout_;
    DenseSteps<Device, Equation> dense_;
    WeightProducts<Device, T> products_;
    WeightProducts<Device, float> single_products_;
    Array<Device, std::uint8_t> requests_;
    Gathering<Device, T> gathering_;
};

}  // namespace nullcline::gpu
