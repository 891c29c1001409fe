// How a worker goes through the starts: one after the other, or a tile of them at a time.
#pragma once

#include <algorithm>
#include <cstddef>

#include "nullcline/cancellation.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/packed_matrix.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/state.hpp"

namespace nullcline {

/// Bring start after start to its end. `descend(limit, iterations)` works on `state`, counts its
/// iterations and says how it ended; what it leaves when the search is cancelled is dropped.
template <Equation E, class Descend>
void solve_one_by_one(State<E>& state, const Search<typename E::Scalar>& search, Queue& queue,
                      const Cancellation& cancellation, const Descend& descend) {
    for (auto start = queue.take(); start; start = queue.take()) {
        search.drive(*start, state.drive());
        std::ranges::copy(search.outcomes.h.row(*start), state.h().begin());
        std::size_t iterations = 0;
        const End end = descend(search.iterations_left(*start), iterations);
        if (cancellation.requested()) {
            return;
        }
        std::ranges::copy(state.h(), search.outcomes.h.row(*start).begin());
        search.finish(*start, iterations, end);
    }
}

/// Advance all slots of a tile together until no start is left. `occupy(i)` gives slot i a start if
/// it has none, and is false where there is none to give.
template <class Occupy, class Advance>
void solve_tile(std::size_t n_slots, const Cancellation& cancellation, const Occupy& occupy,
                const Advance& advance) {
    while (!cancellation.requested()) {
        bool busy = false;
        for (std::size_t i = 0; i < n_slots; ++i) {
            busy = occupy(i) || busy;
        }
        if (!busy) {
            return;
        }
        advance();
    }
}

/// The blocks of a tile that hold a slot for which `is_busy(i)`.
template <class IsBusy>
[[nodiscard]] BusyBlocks busy_blocks(const IsBusy& is_busy) {
    BusyBlocks busy{};
    for (std::size_t i = 0; i < tile_rows; ++i) {
        busy[i / tile_block] = busy[i / tile_block] || is_busy(i);
    }
    return busy;
}

}  // namespace nullcline
