// A cell along many sequences at once: its states forward, and covectors backward through its
// secants.
//
// Arrays are step after step, the n sequences side by side and the longest first: row t n + i is
// sequence i at step t, and `active[t]` sequences have a step t. Tiles have a fixed number of rows,
// so that no sequence's numbers depend on how many others there are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/secants.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline {

/// How many sequences have a step, for every step, and who computes.
struct Steps {
    std::span<const std::int64_t> active;
    std::size_t n_sequences;
    std::size_t n_threads;
    const Poll& poll;

    [[nodiscard]] std::size_t count() const { return active.size(); }
};

namespace detail {

inline constexpr std::size_t sequences_per_tile = 16;

/// A tile of sequences, of which the first go on at a step.
struct SequenceTile {
    const Steps& steps;
    std::size_t first, count;

    [[nodiscard]] std::size_t active(std::size_t t) const {
        const auto n = static_cast<std::size_t>(steps.active[t]);
        return std::min(n - std::min(n, first), count);
    }
    /// The first rows of what sequences have at a step.
    template <class T>
    [[nodiscard]] MatrixView<T> rows(MatrixView<T> all, std::size_t t, std::size_t n) const {
        return all.middle_rows(t * steps.n_sequences + first, n);
    }
};

template <class T>
void copy_rows(MatrixView<const T> from, MatrixView<T> to) {
    for (std::size_t i = 0; i < from.rows(); ++i) {
        std::ranges::copy(from.row(i), to.row(i).begin());
    }
}

template <class Use>
void for_each_sequence_tile(const Steps& steps, const Use& use) {
    for_each_tile(
        steps.n_sequences, sequences_per_tile, steps.n_threads,
        [&](std::size_t first, std::size_t count) { use(SequenceTile{steps, first, count}); },
        steps.poll);
}

/// The states and inputs of a tile's sequences at one step; rows without one keep what they have.
template <class T>
class TileRows {
  public:
    explicit TileRows(const Cell<T>& cell)
        : h_(sequences_per_tile, cell.state_size()), x_(sequences_per_tile, cell.input_size()) {}

    void load(MatrixView<const T> h, MatrixView<const T> x) {
        copy_rows(h, h_.view());
        copy_rows(x, x_.view());
    }
    [[nodiscard]] Rows<T> rows() const { return {h_.view(), x_.view()}; }
    [[nodiscard]] MatrixView<T> states() { return h_.view(); }
    [[nodiscard]] MatrixView<T> inputs() { return x_.view(); }

  private:
    Matrix<T> h_, x_;
};

}  // namespace detail

/// Fill `states`, (T + 1) n rows, from those before the first step, which it holds already. Beyond
/// its last step a sequence keeps its state.
template <class T>
void run_sequences(const Cell<T>& cell, MatrixView<const T> inputs, const Steps& steps,
                   MatrixView<T> states) {
    detail::for_each_sequence_tile(steps, [&](const detail::SequenceTile& tile) {
        const CellEquation<T> equation = update(cell.view());
        Linearization<T> change(equation);
        GateRows<T> gates(cell, detail::sequences_per_tile);
        detail::TileRows<T> at(cell);
        detail::copy_rows(MatrixView<const T>(tile.rows(states, 0, tile.count)), at.states());
        for (std::size_t t = 0; t < steps.count(); ++t) {
            const std::size_t n = tile.active(t);
            if (n > 0) {
                detail::copy_rows(tile.rows(inputs, t, n), at.inputs());
                gates.compute(cell, at.rows());
            }
            for (std::size_t i = 0; i < n; ++i) {
                const StatePoint<T> row = gates.row(i);
                equation.linearize(SerialGroup(), row.state, row.products, row.drive, change.out());
                add_scaled(T{1}, change.residual(), at.states().row(i));
            }
            detail::copy_rows(MatrixView<const T>(at.states()).middle_rows(0, tile.count),
                              tile.rows(states, t + 1, tile.count));
        }
    });
}

/// Two runs: that from which changes are counted may be one state at rest, with one input.
template <class T>
struct Runs {
    Rows<T> base, actual;

    [[nodiscard]] bool is_resting() const { return base.h.rows() == 1; }
};

/// Covectors of what comes out, and where those of what goes in are left.
template <class T>
struct PullBack {
    MatrixView<const T> outputs;   ///< of the outputs after each step, T n rows; or nothing
    MatrixView<const T> directly;  ///< the same, or one for all, not to be carried through steps
    MatrixView<T> covectors;       ///< of the states before the first step; at first of the last
    MatrixView<T> states;          ///< of the states after each step, T n rows; or nothing
    MatrixView<T> inputs;          ///< of the inputs of each step, T n rows
    MatrixView<T> direct_inputs;   ///< the same of `directly`
};

/// Pull covectors back through all steps.
template <class T>
void pull_back_sequences(const Cell<T>& cell, const Runs<T>& runs, const Steps& steps,
                         const PullBack<T>& of) {
    constexpr std::size_t size = detail::sequences_per_tile;
    detail::for_each_sequence_tile(steps, [&](const detail::SequenceTile& tile) {
        GateRows<T> from(cell, runs.is_resting() ? 1 : size);
        GateRows<T> to(cell, size);
        detail::TileRows<T> base(cell);
        detail::TileRows<T> actual(cell);
        SecantRows<T> secants(cell, size);
        Matrix<T> covectors(size, cell.state_size());
        Matrix<T> direct(size, cell.state_size());
        Matrix<T> pulled(size, cell.state_size());
        Matrix<T> pulled_input(size, cell.input_size());
        const auto own = of.covectors.middle_rows(tile.first, tile.count);
        detail::copy_rows(MatrixView<const T>(own), covectors.view());
        if (runs.is_resting()) {
            from.compute(cell, runs.base);
        }
        for (std::size_t t = steps.count(); t-- > 0;) {
            const std::size_t n = tile.active(t);
            if (n == 0) {
                continue;
            }
            const auto load = [&](const Rows<T>& rows, detail::TileRows<T>& at) {
                at.load(tile.rows(rows.h, t, n), tile.rows(rows.x, t, n));
            };
            if (!runs.is_resting()) {
                load(runs.base, base);
                from.compute(cell, base.rows());
            }
            load(runs.actual, actual);
            to.compute(cell, actual.rows());
            secants.compute(from, to);
            for (std::size_t i = 0; i < n && of.outputs.rows() > 0; ++i) {
                add_scaled(T{1}, tile.rows(of.outputs, t, n).row(i),
                           covectors.row(i).first(cell.size()));
            }
            const MatrixView<const T> u = covectors.view();
            if (of.states.rows() > 0) {
                detail::copy_rows(u.middle_rows(0, n), tile.rows(of.states, t, n));
            }
            secants.pull_input(u, pulled_input.view());
            detail::copy_rows(MatrixView<const T>(pulled_input.view()).middle_rows(0, n),
                              tile.rows(of.inputs, t, n));
            for (std::size_t i = 0; i < n; ++i) {
                const bool is_one = of.directly.rows() == 1;
                std::ranges::copy(is_one ? of.directly.row(0) : tile.rows(of.directly, t, n).row(i),
                                  direct.row(i).begin());
            }
            secants.pull_input(direct.view(), pulled_input.view());
            detail::copy_rows(MatrixView<const T>(pulled_input.view()).middle_rows(0, n),
                              tile.rows(of.direct_inputs, t, n));
            secants.pull(u, pulled.view());
            detail::copy_rows(MatrixView<const T>(pulled.view()).middle_rows(0, n),
                              covectors.view());
        }
        detail::copy_rows(MatrixView<const T>(covectors.view()).middle_rows(0, tile.count), own);
    });
}

}  // namespace nullcline
