// A pass of a search over a map that its owner computes, for all waiting starts at once.
#pragma once

#include <algorithm>
#include <cstddef>
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
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::cpu {

/// A program's tile of slots, each with the Jacobian at its state, in one thread: the map's own
/// code may have more.
template <Program P, Starts<SerialGroup, typename P::T> Search>
class FunctionWorker {
  public:
    using T = typename P::T;

    FunctionWorker(const P& program, const Function<T>& function, const Search& search,
                   std::span<const std::size_t> starts)
        : program_(program),
          function_(function),
          search_(search),
          starts_(starts),
          n_rows_(rows_for(function.size(), starts.size())),
          bytes_(measure()),
          jacobians_(n_rows_ * function.size(), function.size()),
          dense_(function.size(), P::factors) {
        Arena arena(bytes_.data());
        memory_ = Memory(arena, shape());
        std::ranges::fill(memory_.scalars.elements(), typename P::Scalars());
    }

    /// Run until all starts are finished; `poll` may throw.
    void run(const Poll& poll) {
        while (occupy()) {
            poll();
            advance(Request::exact, [&](const Rows& rows) { serve_products(rows); });
            advance(Request::exact_transposed, [&](const Rows& rows) { serve_gradients(rows); });
            advance(Request::solve, [&](const Rows& rows) { serve_steps(rows); });
            advance(Request::backward, [&](const Rows& rows) { serve_descents(rows); });
        }
    }

  private:
    using Memory = typename P::Memory;
    using Slot = typename P::template Slot<SerialGroup, Search>;
    using Rows = std::vector<std::size_t>;

    /// The number of slots: as many as have their Jacobians in 256 MiB.
    static std::size_t rows_for(std::size_t size, std::size_t n_starts) {
        constexpr std::size_t most_numbers = std::size_t{1} << 25U;
        const std::size_t most = std::clamp<std::size_t>(most_numbers / (size * size), 1, 256);
        return std::min(most, n_starts);
    }

    [[nodiscard]] TileShape shape() const {
        return TileShape::of(program_.served(), n_rows_, function_.drive_size());
    }
    [[nodiscard]] std::size_t measure() const {
        Arena arena;
        static_cast<void>(Memory(arena, shape()));
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
        for (std::size_t i = 0; i < states.size(); ++i) {
            std::ranges::copy(next.row(i), memory_.operands.exact_product.row(states[i]).begin());
        }
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

    void serve_gradients(const Rows& rows) {
        if constexpr (P::requests.contains(Request::exact_transposed)) {
            update_jacobians(rows);
            for (const std::size_t row : rows) {
                blas::multiply_vector_by_transpose(
                    MatrixView<const T>(jacobian(row)),
                    std::span<const T>(memory_.operands.exact_scaled.row(row)),
                    memory_.operands.exact_gradient.row(row));
            }
        }
    }

    void serve_steps(const Rows& rows) {
        if constexpr (P::factors != Factors::none) {
            if constexpr (!P::requests.contains(Request::exact_transposed)) {
                update_jacobians(rows);
            }
            for (const std::size_t row : rows) {
                dense_.solve(memory_.solve, row, {jacobian(row), {}});
            }
        }
    }

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

    const P& program_;
    const Function<T>& function_;
    const Search& search_;
    std::span<const std::size_t> starts_;
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
