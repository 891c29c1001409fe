// A pass of a search over a map that its owner computes, for all waiting starts at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/cells/function.hpp"
#include "nullcline/cpu/bordered_steps.hpp"
#include "nullcline/cpu/dense_steps.hpp"
#include "nullcline/cpu/tile_memory.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::cpu {

/// A program's tile of slots. Each kind of product is one call of the map, for all slots that wait
/// for it, from one thread: the map's own code may have more. Between calls the slots go on in
/// several threads. Where steps are solved with dense factors, each slot has the Jacobian at its
/// state: of damped steps in single precision, since what they gain is judged by exact values and
/// gradients.
template <Program P, Starts<SerialGroup, typename P::T> Search>
class FunctionWorker {
  public:
    using T = typename P::T;

    FunctionWorker(const P& program, const Function<T>& function, const Search& search,
                   std::span<const std::size_t> starts, const PackedMatrix* inverse,
                   std::size_t n_threads)
        : program_(program),
          function_(function),
          search_(search),
          starts_(starts),
          inverse_(inverse),
          n_threads_(n_threads),
          n_rows_(rows_for(starts.size())),
          bytes_(measure(n_rows_)),
          jacobians_(has_jacobians ? n_rows_ * function.size() : 0, function.size()),
          linearized_at_(n_rows_) {
        Arena arena(bytes_.data());
        memory_ = Memory(arena, shape(n_rows_));
        std::ranges::fill(memory_.scalars.elements(), typename P::Scalars());
    }

    /// Run until all starts are finished; `poll` may throw.
    void run(const Poll& poll) {
        while (occupy()) {
            poll();
            advance(Request::exact, [&](const Rows& rows) { serve_products(rows); });
            advance(Request::exact_transposed, [&](const Rows& rows) { serve_gradients(rows); });
            advance(Request::solve, [&](const Rows& rows) { serve_steps(rows); });
            if constexpr (linearizes) {
                advance_linearized();
            } else {
                advance(Request::backward, [&](const Rows& rows) { serve_descents(rows); });
            }
            advance(Request::precondition, [&](const Rows& rows) { precondition(rows); });
        }
    }

  private:
    using Memory = typename P::Memory;
    using Slot = typename P::template Slot<SerialGroup, Search>;
    using Rows = std::vector<std::size_t>;

    static constexpr bool has_jacobians = P::factors != Factors::none;
    static constexpr bool is_rough = P::factors == Factors::normal;
    static constexpr bool keeps_factors = P::factors == Factors::bordered;
    /// The type of the slots' Jacobians.
    using J = std::conditional_t<is_rough, float, T>;

    /// Memory for slots, and the most of them: a call for more takes no less time for each.
    static constexpr std::size_t most_bytes = std::size_t{1} << (has_jacobians ? 26U : 28U);
    static constexpr std::size_t most_rows = 12 * tile_rows;
    /// Numbers of Jacobians in one call, which makes several matrices like them.
    static constexpr std::size_t numbers_per_call = std::size_t{1} << 20U;

    /// Numbers of all slots together that are worth a second thread, which takes as long to begin
    /// as a few dozen directions of 100 units take.
    static constexpr std::size_t numbers_per_thread = std::size_t{1} << 13U;
    /// So too multiplications with the preconditioner, and of factorizations.
    static constexpr std::size_t multiplications_per_thread = std::size_t{1} << 22U;

    /// The number of slots: whole tiles, where there is a product for such.
    [[nodiscard]] std::size_t rows_for(std::size_t n_starts) const {
        const std::size_t matrix = has_jacobians ? function_.size() * function_.size() * sizeof(J) *
                                                       (keeps_factors ? 2 : 1)
                                                 : 0;
        const std::size_t affordable = most_bytes / (measure(1) + matrix);
        const std::size_t n = std::min(std::clamp<std::size_t>(affordable, 1, most_rows), n_starts);
        return inverse_ == nullptr ? n : (n + tile_rows - 1) / tile_rows * tile_rows;
    }

    [[nodiscard]] TileShape shape(std::size_t n_rows) const {
        return TileShape::of(program_.served(), n_rows, function_.drive_size());
    }
    [[nodiscard]] std::size_t measure(std::size_t n_rows) const {
        Arena arena;
        static_cast<void>(Memory(arena, shape(n_rows)));
        return arena.used();
    }

    [[nodiscard]] Request request(std::size_t row) const { return memory_.scalars(row, 0).request; }

    void take(std::size_t row, std::size_t start) {
        typename P::Workspace work;
        Slot slot(group_, program_, memory_, row, search_, work);
        slot.take(start);
        slot.store();
    }

    /// Let slots go on, spread over threads if that is much work.
    void advance(const Rows& rows) {
        const std::size_t share = std::max<std::size_t>(1, numbers_per_thread / function_.size());
        const auto advance_some = [&](std::size_t first, std::size_t count) {
            typename P::Workspace work;
            for (const std::size_t row : std::span(rows).subspan(first, count)) {
                Slot slot(group_, program_, memory_, row, search_, work);
                slot.advance();
                slot.store();
            }
        };
        spread(rows.size(), share, advance_some);
    }

    /// Call `body(first, count)` for parts of so many items that are worth a thread.
    template <class Body>
    void spread(std::size_t n, std::size_t share, const Body& body) const {
        if (n_threads_ == 1) {
            body(std::size_t{0}, n);
        } else {
            for_each_tile(n, share, n_threads_, body, [] {});
        }
    }

    /// Give idle slots starts; false if none is busy.
    bool occupy() {
        bool busy = false;
        for (std::size_t row = 0; row < n_rows_; ++row) {
            while (request(row) == Request::none && n_taken_ < starts_.size()) {
                take(row, starts_[n_taken_++]);
            }
            busy = busy || request(row) != Request::none;
        }
        return busy;
    }

    /// Serve the slots that wait for one kind of product, and let them go on.
    template <class Serve>
    void advance(Request wanted, const Serve& serve) {
        Rows rows;
        for (std::size_t row = 0; row < n_rows_; ++row) {
            if (request(row) == wanted) {
                rows.push_back(row);
            }
        }
        if (rows.empty()) {
            return;
        }
        serve(rows);
        advance(rows);
    }

    /// A matrix of these rows.
    template <class U>
    [[nodiscard]] static Matrix<U> gathered(MatrixView<U> from, const Rows& rows) {
        Matrix<U> some(rows.size(), from.cols());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::copy(from.row(rows[i]), some.row(i).begin());
        }
        return some;
    }

    /// Put rows where they belong.
    template <class U>
    static void scatter(const Matrix<U>& found, const Rows& rows, MatrixView<U> to) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::copy(found.row(i), to.row(rows[i]).begin());
        }
    }

    [[nodiscard]] MatrixView<J> jacobian(std::size_t row) {
        return jacobians_.view().middle_rows(row * function_.size(), function_.size());
    }

    /// Whether a slot requests the product of a step, and not F at a state.
    [[nodiscard]] bool is_of_step(std::size_t row) const {
        if constexpr (requires { P::is_of_step(memory_.scalars(row, 0)); }) {
            return P::is_of_step(memory_.scalars(row, 0));
        }
        return false;
    }

    void serve_products(const Rows& rows) {
        Rows states;
        for (const std::size_t row : rows) {
            if (is_of_step(row)) {
                multiply_step(row);
            } else {
                states.push_back(row);
            }
        }
        if (states.empty()) {
            return;
        }
        const Matrix<T> h = gathered(memory_.operands.exact, states);
        const Matrix<T> x = gathered(memory_.drives, states);
        Matrix<T> next(h.rows(), h.cols());
        function_.step(h.view(), x.view(), next.view());
        scatter(next, states, memory_.operands.exact_product);
    }

    /// ∂F/∂h times a slot's step
    void multiply_step(std::size_t row) {
        const auto step = memory_.operands.exact.row(row);
        const std::vector<J> rounded(step.begin(), step.end());
        std::vector<J> product(step.size());
        blas::multiply_vector(MatrixView<const J>(jacobian(row)), std::span<const J>(rounded),
                              std::span(product));
        std::ranges::copy(product, memory_.operands.exact_product.row(row).begin());
    }

    /// Compute ∂F/∂h at the states whose products were last requested.
    void update_jacobians(const Rows& rows) {
        const std::size_t size = function_.size();
        const std::size_t share = std::max<std::size_t>(1, numbers_per_call / (size * size));
        for (std::size_t first = 0; first < rows.size(); first += share) {
            const auto part = std::span(rows).subspan(first, std::min(share, rows.size() - first));
            const Rows some(part.begin(), part.end());
            const Matrix<T> h = gathered(memory_.operands.exact, some);
            const Matrix<T> x = gathered(memory_.drives, some);
            Matrix<J> found(some.size() * size, size);
            if constexpr (is_rough) {
                function_.rough_jacobian(h.view(), x.view(), found.view());
            } else {
                function_.jacobian(h.view(), x.view(), found.view());
            }
            for (std::size_t i = 0; i < some.size(); ++i) {
                std::ranges::copy(found.view().middle_rows(i * size, size).elements(),
                                  jacobian(some[i]).elements().begin());
            }
        }
    }

    /// Products uᵀ ∂F/∂h at the states whose products were last requested.
    void serve_gradients(const Rows& rows) {
        if constexpr (P::requests.contains(Request::exact_transposed)) {
            const Matrix<T> h = gathered(memory_.operands.exact, rows);
            const Matrix<T> x = gathered(memory_.drives, rows);
            const Matrix<T> u = gathered(memory_.operands.exact_scaled, rows);
            Matrix<T> found(h.rows(), h.cols());
            function_.vjp(h.view(), x.view(), u.view(), found.view());
            scatter(found, rows, memory_.operands.exact_gradient);
        }
    }

    /// What a thread solves steps with, or a slot whose factors serve for several.
    struct Factorizer {
        std::conditional_t<keeps_factors, BorderedSteps<T>, DenseSteps<T>> steps;
        Matrix<T> jacobian;  ///< a slot's, in full precision
    };

    void serve_steps(const Rows& rows) {
        if constexpr (has_jacobians) {
            Rows moved;
            std::ranges::copy_if(rows, std::back_inserter(moved), [&](std::size_t row) {
                return !(is_rough || keeps_factors) || memory_.solve.changed(row, 0) != 0;
            });
            update_jacobians(moved);
            const std::size_t size = function_.size();
            const std::size_t of_thread = (rows.size() + n_threads_ - 1) / n_threads_;
            const std::size_t share =
                std::max(of_thread, multiplications_per_thread / (size * size * size));
            while (keeps_factors ? factorizers_.size() < n_rows_
                                 : factorizers_.size() * share < rows.size()) {
                factorizers_.push_back(
                    {{size, P::factors}, Matrix<T>(keeps_factors ? 0 : size, size)});
            }
            spread(rows.size(), share, [&](std::size_t first, std::size_t count) {
                for (const std::size_t row : std::span(rows).subspan(first, count)) {
                    solve_step(factorizers_[keeps_factors ? row : first / share], row);
                }
            });
        }
    }

    void solve_step(Factorizer& factorizer, std::size_t row) {
        const MatrixView<const J> own = jacobian(row);
        if constexpr (std::is_same_v<J, T>) {
            factorizer.steps.solve(memory_.solve, row, {own, {}});
        } else {
            const MatrixView<T> full = factorizer.jacobian.view();
            std::ranges::copy(own.elements(), full.elements().begin());
            factorizer.steps.solve(memory_.solve, row, {full, own});
        }
    }

    /// Whether the program makes models of the map, by many products at each state.
    static constexpr bool linearizes = P::requests.contains(Request::precondition);

    void serve_descents(const Rows& rows) {
        if constexpr (P::requests.contains(Request::backward)) {
            const Matrix<T> h = gathered(memory_.operands.exact, rows);
            const Matrix<T> x = gathered(memory_.drives, rows);
            Matrix<T> u(rows.size(), h.cols());
            Matrix<T> found(rows.size(), h.cols());
            for (std::size_t i = 0; i < rows.size(); ++i) {
                copy(group_, memory_.operands.scaled.row(rows[i]), u.row(i));
            }
            function_.vjp(h.view(), x.view(), u.view(), found.view());
            for (std::size_t i = 0; i < rows.size(); ++i) {
                copy(group_, found.row(i), memory_.operands.gradient.row(rows[i]));
            }
        }
    }

    // Products with linearized maps. Slots that come to new states at about the same time share
    // one, so that each product is one call for many of them; a slot that has come to its next
    // state waits until half of all do, or the others are done.

    struct LinearizedSlots {
        std::unique_ptr<LinearizedMap> map;
        Rows rows;
        std::size_t n_left;  ///< slots that are still at the states where the map is linearized
    };

    void advance_linearized() {
        leave_old_states();
        for (const auto& slots : linearized_) {
            advance_with(*slots);
        }
        leave_old_states();
        Rows waiting;
        std::size_t n_busy = 0;
        for (std::size_t row = 0; row < n_rows_; ++row) {
            n_busy += request(row) == Request::none ? 0 : 1;
            if (waits_for_product(row) && linearized_at_[row] == nullptr) {
                waiting.push_back(row);
            }
        }
        if (!waiting.empty() && 2 * waiting.size() >= n_busy) {
            linearize(waiting);
        }
    }

    [[nodiscard]] bool waits_for_product(std::size_t row) const {
        return request(row) == Request::forward || request(row) == Request::backward;
    }
    [[nodiscard]] bool starts_model(std::size_t row) const {
        return request(row) == Request::backward && P::starts_model(memory_.scalars(row, 0));
    }

    /// Take slots that have gone on from the maps that were linearized at their states, and drop
    /// maps of which most slots are gone: their products would be wasted.
    void leave_old_states() {
        for (std::size_t row = 0; row < n_rows_; ++row) {
            if (linearized_at_[row] != nullptr &&
                (request(row) == Request::none || starts_model(row))) {
                --std::exchange(linearized_at_[row], nullptr)->n_left;
            }
        }
        std::erase_if(linearized_, [&](const auto& slots) {
            if (2 * slots->n_left > slots->rows.size()) {
                return false;
            }
            for (const std::size_t row : slots->rows) {
                if (linearized_at_[row] == slots.get()) {
                    linearized_at_[row] = nullptr;
                }
            }
            return true;
        });
    }

    /// Linearize the map at the states of slots, and let those go on that start their models.
    void linearize(const Rows& rows) {
        const Matrix<T> x = gathered(memory_.drives, rows);
        Matrix<T> h(rows.size(), function_.size());
        Matrix<float> u(rows.size(), function_.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto& scalars = memory_.scalars(rows[i], 0);
            const auto state = memory_.states.at(rows[i], scalars.side);
            std::ranges::copy(state.h, h.row(i).begin());
            const double norm = scalars.residual_norm;
            std::ranges::transform(state.residual, u.row(i).begin(), [=](T f) {
                return norm > 0 ? static_cast<float>(static_cast<double>(f) / norm) : 0;
            });
        }
        auto& made = linearized_.emplace_back(std::make_unique<LinearizedSlots>(
            function_.linearized(h.view(), x.view(), std::as_const(u).view()), rows, rows.size()));
        Matrix<float> pulled(rows.size(), function_.size());
        made->map->pulled(pulled.view());
        Rows starting;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::size_t row = rows[i];
            linearized_at_[row] = made.get();
            if (starts_model(row)) {
                std::ranges::copy(pulled.row(i), memory_.operands.gradient.row(row).begin());
                starting.push_back(row);
            }
        }
        advance(starting);
    }

    /// Serve slots with the map that is linearized at their states, and let them go on.
    void advance_with(const LinearizedSlots& slots) {
        const auto select = [&](Request wanted) {
            Rows numbers;
            for (std::size_t i = 0; i < slots.rows.size(); ++i) {
                const std::size_t row = slots.rows[i];
                if (linearized_at_[row] == &slots && request(row) == wanted && !starts_model(row)) {
                    numbers.push_back(i);
                }
            }
            return numbers;
        };
        const auto serve = [&](Request wanted, MatrixView<float> from, const auto& multiply) {
            const Rows numbers = select(wanted);
            if (numbers.empty()) {
                return;
            }
            Matrix<float> operand(slots.rows.size(), function_.size());
            for (const std::size_t i : numbers) {
                std::ranges::copy(from.row(slots.rows[i]), operand.row(i).begin());
            }
            multiply(std::as_const(operand).view(), numbers);
            Rows rows;
            for (const std::size_t i : numbers) {
                rows.push_back(slots.rows[i]);
            }
            advance(rows);
        };
        serve(Request::forward, memory_.operands.direction,
              [&](auto v, const Rows& numbers) { multiply_directions(slots, v, numbers); });
        serve(Request::backward, memory_.operands.scaled, [&](auto u, const Rows& numbers) {
            Matrix<float> found(slots.rows.size(), function_.size());
            slots.map->backward(u, found.view());
            for (const std::size_t i : numbers) {
                std::ranges::copy(std::as_const(found).row(i),
                                  memory_.operands.gradient.row(slots.rows[i]).begin());
            }
        });
    }

    /// J v, and where a model has it, Σ_i f_i ∂²F_i v.
    void multiply_directions(const LinearizedSlots& slots, MatrixView<const float> v,
                             const Rows& numbers) {
        const auto scalars = [&](std::size_t i) -> const auto& {
            return memory_.scalars(slots.rows[i], 0);
        };
        const bool is_curved =
            std::ranges::any_of(numbers, [&](std::size_t i) { return scalars(i).model.curved; });
        Matrix<float> found(v.rows(), v.cols());
        Matrix<float> bent(is_curved ? v.rows() : 0, v.cols());
        if (is_curved) {
            slots.map->curved(v, found.view(), bent.view());
        } else {
            slots.map->forward(v, found.view());
        }
        for (const std::size_t i : numbers) {
            const std::size_t row = slots.rows[i];
            std::ranges::copy(std::as_const(found).row(i),
                              memory_.operands.product.row(row).begin());
            if (is_curved) {
                const auto norm = static_cast<float>(scalars(i).residual_norm);
                std::ranges::transform(std::as_const(bent).row(i),
                                       memory_.curved_products.row(row).begin(),
                                       [=](float product) { return norm * product; });
            }
        }
    }

    void precondition(const Rows& rows) {
        if constexpr (P::requests.contains(Request::precondition)) {
            const Operands<T>& operands = memory_.operands;
            std::vector<BusyBlocks> busy(n_rows_ / tile_rows);
            for (const std::size_t row : rows) {
                busy[row / tile_rows][row % tile_rows / tile_block] = true;
            }
            const std::size_t of_tile = tile_rows * function_.size() * function_.size();
            const std::size_t share =
                std::max<std::size_t>(1, multiplications_per_thread / of_tile);
            spread(busy.size(), share, [&](std::size_t first_tile, std::size_t n_tiles) {
                for (std::size_t tile = first_tile; tile < first_tile + n_tiles; ++tile) {
                    const std::size_t first = tile * tile_rows;
                    multiply(operands.gradient.middle_rows(first, tile_rows), *inverse_,
                             operands.preconditioned.middle_rows(first, tile_rows), busy[tile]);
                }
            });
        }
    }

    const P& program_;
    const Function<T>& function_;
    const Search& search_;
    std::span<const std::size_t> starts_;
    const PackedMatrix* inverse_;
    std::size_t n_threads_;
    std::size_t n_rows_;
    std::size_t n_taken_ = 0;
    TileMemory bytes_;
    Memory memory_;
    Matrix<J> jacobians_;
    std::vector<Factorizer> factorizers_;
    std::vector<std::unique_ptr<LinearizedSlots>> linearized_;
    std::vector<LinearizedSlots*> linearized_at_;  ///< which of them each slot is at, if any
    SerialGroup group_;
};

}  // namespace nullcline::cpu
