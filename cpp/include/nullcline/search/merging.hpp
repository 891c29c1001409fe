// Merging of starts that have come to nearly the same state.
//
// Hundreds of starts finish a first pass at one minimum, to within its tolerance, and would all pay
// for the same second pass. Instead each moves to the centre of its cell of a fixed grid. Of the
// starts that are then in one cell, with one input, one goes on, the *leader*; the others, its
// *followers*, later take its result. Since a start's cell depends on its own state alone, so
// does its result: merging saves work and changes nothing.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/search/backend.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// Side of a cell, from the norms of the rows of the weights that the reduced equation has: so
/// short that a move across it changes the gates' sums by little, and still far above the scatter
/// of starts about one minimum (about 1e-5 on trained networks), so that few of them are separated
/// by a cell's face. A power of two, for exact centres.
template <class T>
[[nodiscard]] double cell_side(std::span<const T> row_norms) {
    const double largest = static_cast<double>(*std::ranges::max_element(row_norms));
    return std::exp2(std::floor(std::log2(tuning.largest_change / std::max(largest, 1.0))));
}

/// Move a state to the centre of its cell, which may be outside of the box.
template <ThreadGroup Group, class T>
NULLCLINE_DEVICE void move_to_cell_centre(const Group& group, std::span<T> h, double side) {
    if (side < 0x1p-50) {  // weights so large that cells are no larger than rounding
        return;
    }
    T* const value = h.data();
    group.for_each(h.size(), [=](std::size_t i) {
        const double index = std::floor(static_cast<double>(value[i]) / side);
        if (std::abs(index) < 0x1p50) {  // else a cell is no larger than rounding there
            value[i] = static_cast<T>((index + 0.5) * side);
        }
    });
}

/// A hash of values.
template <ThreadGroup Group, class T>
[[nodiscard]] NULLCLINE_DEVICE std::uint64_t key_of(const Group& group, std::span<const T> values) {
    return group.sum(values.size(), [&](std::size_t i) {
        const double value = static_cast<double>(values[i]) + 0.0;  // −0 becomes 0
        // As SplitMix64 mixes (Steele, Lea and Flood 2014).
        std::uint64_t bits = std::bit_cast<std::uint64_t>(value) + (i + 1) * 0x9e3779b97f4a7c15U;
        bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
        bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
        return bits ^ (bits >> 31U);
    });
}

using Clusters = std::vector<std::vector<std::size_t>>;

/// Clusters of those of these starts that are at the same state with the same input.
template <SearchBackend Backend>
[[nodiscard]] Clusters cluster_equal(Backend& backend, std::vector<std::size_t> starts) {
    Clusters clusters;
    while (!starts.empty()) {
        const std::vector<std::uint64_t> keys = backend.keys(starts);
        std::unordered_map<std::uint64_t, std::size_t> cluster_of;
        Followers alike;
        std::vector<std::size_t> clusters_of_alike;
        for (std::size_t i = 0; i < starts.size(); ++i) {
            const auto [found, is_new] = cluster_of.try_emplace(keys[i], clusters.size());
            if (is_new) {
                clusters.push_back({starts[i]});
            } else {
                alike.add(starts[i], clusters[found->second].front());
                clusters_of_alike.push_back(found->second);
            }
        }
        starts.clear();
        const std::vector<std::uint8_t> equal = backend.are_equal(alike);
        for (std::size_t i = 0; i < equal.size(); ++i) {
            if (equal[i] != 0) {
                clusters[clusters_of_alike[i]].push_back(alike.starts[i]);
            } else {  // another state with the same key: again, without those that have a cluster
                starts.push_back(alike.starts[i]);
            }
        }
    }
    return clusters;
}

/// Move these starts' states to the centres of their cells; return them cell by cell, in each the
/// one with the most iterations left first.
template <SearchBackend Backend>
[[nodiscard]] Clusters cluster_nearby(Backend& backend, const std::vector<std::size_t>& starts) {
    backend.move_to_cell_centres(starts);
    Clusters clusters = cluster_equal(backend, starts);
    for (auto& cluster : clusters) {
        std::iter_swap(cluster.begin(),
                       std::ranges::max_element(cluster, {}, [&](std::size_t start) {
                           return backend.iterations_left(start);
                       }));
    }
    return clusters;
}

}  // namespace nullcline
