// A pass of a search over a map that its owner computes, for all waiting starts at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/cells/function.hpp"
#include "nullcline/cpu/dense_steps.hpp"
#include "nullcline/cpu/tile_memory.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::cpu {

/// A program's tile of slots in one thread: the map's own code may have more. Each kind of product
/// is one call of the map, for all slots that wait for it. Where steps are solved with dense
/// factors, each slot has the Jacobian at its state.
template <Program P, Starts<SerialGroup, typename P::T> Search>
class FunctionWorker {
  public:
    using T = typename P::T;

    FunctionWorker(const P& program, const Function<T>& function, const Search& search,
                   std::span<const std::size_t> starts, const PackedMatrix* inverse)
        : program_(program),
          function_(function),
          search_(search),
          starts_(starts),
          inverse_(inverse),
          n_rows_(rows_for(starts.size())),
          bytes_(measure(n_rows_)),
          jacobians_(P::factors == Factors::none ? 0 : n_rows_ * function.size(), function.size()),
          dense_(function.size(), P::factors) {
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
            advance(Request::forward, [&](const Rows& rows) { serve_directions(rows); });
            advance(Request::backward, [&](const Rows& rows) { serve_descents(rows); });
            advance(Request::precondition, [&](const Rows& rows) { precondition(rows); });
        }
    }

  private:
    using Memory = typename P::Memory;
    using Slot = typename P::template Slot<SerialGroup, Search>;
    using Rows = std::vector<std::size_t>;

    /// Memory for slots, and the most of them: a call for more takes no less time for each.
    static constexpr std::size_t most_bytes = std::size_t{1} << 28U;
    static constexpr std::size_t most_rows = 12 * tile_rows;

    /// The number of slots: whole tiles, where there is a product for such.
    [[nodiscard]] std::size_t rows_for(std::size_t n_starts) const {
        const std::size_t matrix =
            P::factors == Factors::none ? 0 : function_.size() * function_.size() * sizeof(T);
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

    template <class Act>
    void with_slot(std::size_t row, const Act& act) {
        Slot slot(group_, program_, memory_, row, search_, work_);
        act(slot);
        slot.store();
    }

    /// Give idle slots starts; false if none is busy.
    bool occupy() {
        bool busy = false;
        for (std::size_t row = 0; row < n_rows_; ++row) {
            while (request(row) == Request::none && n_taken_ < starts_.size()) {
                with_slot(row, [&](Slot& slot) { slot.take(starts_[n_taken_++]); });
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
        for (const std::size_t row : rows) {
            with_slot(row, [](Slot& slot) { slot.advance(); });
        }
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

    [[nodiscard]] MatrixView<T> jacobian(std::size_t row) {
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
                blas::multiply_vector(MatrixView<const T>(jacobian(row)),
                                      std::span<const T>(memory_.operands.exact.row(row)),
                                      memory_.operands.exact_product.row(row));
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

    /// Compute ∂F/∂h at the states whose products were last requested.
    void update_jacobians(const Rows& rows) {
        const Matrix<T> h = gathered(memory_.operands.exact, rows);
        const Matrix<T> x = gathered(memory_.drives, rows);
        Matrix<T> found(rows.size() * h.cols(), h.cols());
        function_.jacobian(h.view(), x.view(), found.view());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            std::ranges::copy(found.view().middle_rows(i * h.cols(), h.cols()).elements(),
                              jacobian(rows[i]).elements().begin());
        }
    }

    /// Products uᵀ ∂F/∂h at the states whose products were last requested.
    void serve_gradients(const Rows& rows) {
        if constexpr (P::factors != Factors::none &&
                      P::requests.contains(Request::exact_transposed)) {
            update_jacobians(rows);
            for (const std::size_t row : rows) {
                blas::multiply_vector_by_transpose(
                    MatrixView<const T>(jacobian(row)),
                    std::span<const T>(memory_.operands.exact_scaled.row(row)),
                    memory_.operands.exact_gradient.row(row));
            }
        } else if constexpr (P::requests.contains(Request::exact_transposed)) {
            const Matrix<T> h = gathered(memory_.operands.exact, rows);
            const Matrix<T> x = gathered(memory_.drives, rows);
            const Matrix<T> u = gathered(memory_.operands.exact_scaled, rows);
            Matrix<T> found(h.rows(), h.cols());
            function_.vjp(h.view(), x.view(), u.view(), found.view());
            scatter(found, rows, memory_.operands.exact_gradient);
        }
    }

    void serve_steps(const Rows& rows) {
        if constexpr (P::factors != Factors::none) {
            if constexpr (!P::requests.contains(Request::exact_transposed)) {
                update_jacobians(rows);
            }
            for (const std::size_t row : rows) {
                dense_.solve(memory_.solve, row, MatrixView<const T>(jacobian(row)));
            }
        }
    }

    /// The states that slots are at: one that is tried may be the last whose products were made.
    [[nodiscard]] Matrix<T> states_of(const Rows& rows) const {
        if constexpr (requires { memory_.states.sides; }) {
            Matrix<T> h(rows.size(), function_.size());
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const bool side = memory_.scalars(rows[i], 0).side;
                std::ranges::copy(memory_.states.at(rows[i], side).h, h.row(i).begin());
            }
            return h;
        } else {
            return gathered(memory_.states.h, rows);
        }
    }

    void serve_directions(const Rows& rows) {
        if constexpr (P::requests.contains(Request::forward) && !is_descent) {
            const Matrix<T> h = states_of(rows);
            const Matrix<T> x = gathered(memory_.drives, rows);
            const Matrix<float> v = gathered(memory_.operands.direction, rows);
            Matrix<float> found(h.rows(), h.cols());
            function_.forward(h.view(), x.view(), v.view(), found.view());
            scatter(found, rows, memory_.operands.product);
            serve_curvatures(rows);
        }
    }

    /// The products of directions with second derivatives, for slots whose models have them.
    void serve_curvatures(const Rows& of) {
        Rows rows;
        std::ranges::copy_if(of, std::back_inserter(rows), [&](std::size_t row) {
            return P::is_curved(memory_.scalars(row, 0));
        });
        if (rows.empty()) {
            return;
        }
        const Matrix<T> h = states_of(rows);
        const Matrix<T> x = gathered(memory_.drives, rows);
        const Matrix<T> u = gathered(memory_.hessians, rows);
        const Matrix<float> v = gathered(memory_.operands.direction, rows);
        Matrix<float> found(h.rows(), h.cols());
        function_.curvature(h.view(), x.view(), u.view(), v.view(), found.view());
        scatter(found, rows, memory_.curved_products);
    }

    void serve_descents(const Rows& rows) {
        if constexpr (P::requests.contains(Request::backward)) {
            const Matrix<T> h = states_of(rows);
            const Matrix<T> x = gathered(memory_.drives, rows);
            const Matrix<float> u = gathered(memory_.operands.scaled, rows);
            Matrix<float> found(h.rows(), h.cols());
            function_.backward(h.view(), x.view(), u.view(), found.view());
            scatter(found, rows, memory_.operands.gradient);
        }
    }

    void precondition(const Rows& rows) {
        if constexpr (P::requests.contains(Request::precondition)) {
            const Operands<T>& operands = memory_.operands;
            std::vector<BusyBlocks> busy(n_rows_ / tile_rows);
            for (const std::size_t row : rows) {
                busy[row / tile_rows][row % tile_rows / tile_block] = true;
            }
            for (std::size_t tile = 0; tile < busy.size(); ++tile) {
                const std::size_t first = tile * tile_rows;
                multiply(operands.gradient.middle_rows(first, tile_rows), *inverse_,
                         operands.preconditioned.middle_rows(first, tile_rows), busy[tile]);
            }
        }
    }

    /// Whether steps go down the gradient alone, so that no direction is multiplied.
    static constexpr bool is_descent =
        !requires(typename P::Scalars scalars) { P::is_curved(scalars); };

    const P& program_;
    const Function<T>& function_;
    const Search& search_;
    std::span<const std::size_t> starts_;
    const PackedMatrix* inverse_;
    std::size_t n_rows_;
    std::size_t n_taken_ = 0;
    TileMemory bytes_;
    Memory memory_;
    Matrix<T> jacobians_;
    typename P::Workspace work_;
    DenseSteps<T> dense_;
    SerialGroup group_;
};

}  // namespace nullcline::cpu
