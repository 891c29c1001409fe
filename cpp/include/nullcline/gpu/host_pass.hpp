// A pass over a few starts, on the CPU: it is through before a GPU has launched its kernels.
//
// A search ends in passes over the leaders of clusters (search/merging.hpp), two or three of them
// maybe, of hundreds of rounds each. A round takes a GPU the same time for one start as for a
// thousand, and the CPU little for one. The programs are the same, and so are their answers to
// rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::gpu {

/// Some starts of a search, copied from a device: the k-th of them is at place k.
template <class T>
struct HostStarts {
    HostStarts(const Options& its_options, std::size_t n)
        : options(its_options), iterations(n), terminations(n), kinds(n), reasons(n), q(n) {}

    [[nodiscard]] std::size_t size() const { return iterations.size(); }

    Options options;
    std::vector<T> h, drives;  // row by row
    std::vector<std::int32_t> iterations;
    std::vector<Termination> terminations;
    std::vector<Kind> kinds;
    std::vector<Reason> reasons;
    std::vector<double> q;
};

/// A program on a cell that lies elsewhere.
template <Program P>
[[nodiscard]] P moved_to(P program, const CellView<typename P::T>& cell) {
    if constexpr (requires { program.equation; }) {
        program.equation = program.equation.of(cell);
    } else {
        program.reduced = program.reduced.of(cell);
        program.update = program.update.of(cell);
    }
    return program;
}

/// Whether a program has nothing on a device but its cell.
template <Program P>
[[nodiscard]] bool can_move(const P& program) {
    if constexpr (requires { program.has_inverse; }) {
        return !program.has_inverse;
    } else if constexpr (requires { program.deflation; }) {
        return program.deflation.empty();
    } else {
        return true;
    }
}

/// How long a round takes a device, at the least: its launches, and what one block does alone.
template <Program P>
[[nodiscard]] double device_round_seconds(const P& program, const Costs& costs) {
    const double n_halves = program.served().n_gated() > 0 ? 2 : 1;
    double n_products = 0;
    for (const Request wanted : round_order) {
        n_products += P::requests.contains(wanted) && full_request(wanted) == wanted ? 1 : 0;
    }
    const auto size = static_cast<double>(program.served().size());
    double of_one_block = 0;
    if constexpr (requires { program.patience; }) {  // Krylov-Newton
        of_one_block = Costs::small_matrices;
    } else if constexpr (P::factors != Factors::none) {
        of_one_block = size * size * size / 3 * Costs::block_multiplication;
    }
    return 2 * n_halves * n_products * costs.launch + of_one_block;
}

/// How long it takes the CPU for so many starts, on so many threads.
template <Program P>
[[nodiscard]] double host_round_seconds(const P& program, std::size_t n_starts,
                                        std::size_t n_threads) {
    const std::size_t n = (n_starts + n_threads - 1) / n_threads;  // of one thread
    const auto size = static_cast<double>(program.served().size());
    const auto weights = static_cast<double>(program.served().weights().size());
    if constexpr (P::requests.contains(Request::forward)) {
        const std::size_t n_multiplied = (n + tile_block - 1) / tile_block * tile_block;
        return static_cast<double>(n_multiplied) * 2 * weights * Costs::host_multiplication;
    }
    const double factors = P::factors == Factors::none     ? 0
                           : P::factors == Factors::normal ? size * size * size * 4 / 3
                                                           : size * size * size / 3;
    return static_cast<double>(n) * (2 * weights + factors) * 2 * Costs::host_multiplication;
}

/// Run a program, on a cell of the host's, for all of these starts; returns how many products it
/// took. It is compiled for all programs in src/host_pass.cpp: to nvcc, slots are a GPU's alone.
template <Program P>
[[nodiscard]] std::size_t run_on_host(const P& program, HostStarts<typename P::T>& starts,
                                      std::size_t n_threads, const Poll& poll);

}  // namespace nullcline::gpu
