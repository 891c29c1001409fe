// A pass of a program over starts: threads, each with a tile of them at a time.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <span>

#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cpu/tile_worker.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/parallel/cancellation.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::cpu {

/// The fixed matrices of a program, packed; `inverse` is the preconditioner's, if there is one.
template <Program P>
[[nodiscard]] PackedMatrices packed_matrices(const P& program, const PackedMatrix* inverse) {
    PackedMatrices matrices;
    if constexpr (P::requests.contains(Request::forward)) {
        matrices.weights.emplace(plain_weights(program.served()));
        if (program.served().n_gated() > 0) {
            matrices.gated.emplace(gated_weights(program.served()));
        }
    }
    if constexpr (P::requests.contains(Request::precondition)) {
        matrices.inverse = program.has_inverse ? inverse : nullptr;
    }
    return matrices;
}

/// Run a program from all of these starts.
template <Program P, Starts<SerialGroup, typename P::T> Search>
void run_tiles(const P& program, const PackedMatrix* inverse, const Search& search,
               std::size_t drive_size, std::span<const std::size_t> starts, std::size_t n_threads,
               std::atomic<std::size_t>& n_products, const Poll& poll) {
    const PackedMatrices matrices = packed_matrices(program, inverse);
    Queue queue(starts);
    const auto work = [&](const Cancellation& cancellation) {
        TileWorker(program, matrices, search, drive_size, queue, n_products).run(cancellation);
    };
    run_workers(std::min(n_threads, starts.size()), work, poll);
}

}  // namespace nullcline::cpu
