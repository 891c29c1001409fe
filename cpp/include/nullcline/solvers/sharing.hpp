// Starts that have come to nearly the same state go on as one.
//
// Hundreds of starts end a first pass at one minimum, to within its tolerance, and would all pay
// for the same second pass. Instead each moves to the centre of its cell of a fixed grid, and
// whoever finds itself in one cell, with one input, shares the way from there. Since a start's cell
// depends on its own state alone, so does its end: company saves work and changes nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

#include "nullcline/cells/gru.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/problem.hpp"

namespace nullcline {

/// The most by which a move across a cell may change a gate's sum, unit by unit.
inline constexpr double largest_change = 0x1p-8;

/// Side of a cell: so short that a move across it changes the gates' sums by little, and still far
/// above the scatter of ends at one minimum (about 1e-5 on trained networks), so that few of them
/// are parted by a cell's face. A power of two, for exact centres.
template <class T>
[[nodiscard]] double cell_side(const Gru<T>& cell) {
    double largest = 1;
    for (const auto norms : {cell.norms_r(), cell.norms_n()}) {
        largest = std::max(largest, static_cast<double>(*std::ranges::max_element(norms)));
    }
    return std::exp2(std::floor(std::log2(largest_change / largest)));
}

/// Move a state to the centre of its cell.
template <class T>
void to_centre(std::span<T> h, double side) {
    if (side < 0x1p-50) {  // weights so large that cells are no larger than rounding
        return;
    }
    for (T& value : h) {
        const double index = std::floor(static_cast<double>(value) / side);
        value = static_cast<T>((index + 0.5) * side);
    }
    project_into_cube(h);
}

/// A number that is the same for the same state and input, and rarely for others.
template <class T>
[[nodiscard]] std::size_t hash(std::span<const T> h, std::span<const T> x) {
    std::size_t sum = 0;
    for (const auto values : {h, x}) {
        for (const T value : values) {
            // As boost::hash_combine mixes.
            sum ^= std::hash<T>{}(value) + 0x9e3779b97f4a7c15U + (sum << 6U) + (sum >> 2U);
        }
    }
    return sum;
}

/// Those of these starts that are at one state with one input, group by group.
template <class T>
std::vector<std::vector<std::size_t>> group_equal(const Search<T>& search,
                                                  std::span<const std::size_t> starts) {
    const auto state = [&](std::size_t start) {
        return std::span<const T>(search.outcomes.h.row(start));
    };
    std::vector<std::vector<std::size_t>> groups;
    std::unordered_multimap<std::size_t, std::size_t> group_of;
    for (const std::size_t start : starts) {
        const auto x = search.inputs.row(start);
        const std::size_t key = hash(state(start), x);
        const auto [first, last] = group_of.equal_range(key);
        const auto found = std::find_if(first, last, [&](const auto& entry) {
            const std::size_t other = groups[entry.second].front();
            return std::ranges::equal(state(other), state(start)) &&
                   std::ranges::equal(search.inputs.row(other), x);
        });
        if (found != last) {
            groups[found->second].push_back(start);
        } else {
            group_of.emplace(key, groups.size());
            groups.push_back({start});
        }
    }
    return groups;
}

/// Move these starts' states to the centres of their cells; return them cell by cell, in each the
/// one with the most iterations left first.
template <class T>
std::vector<std::vector<std::size_t>> gather(const Search<T>& search,
                                             std::span<const std::size_t> starts) {
    const double side = cell_side(search.cell);
    for (const std::size_t start : starts) {
        to_centre(search.outcomes.h.row(start), side);
    }
    auto groups = group_equal(search, starts);
    for (auto& group : groups) {
        std::iter_swap(group.begin(), std::ranges::max_element(group, {}, [&](std::size_t start) {
                           return search.iterations_left(start);
                       }));
    }
    return groups;
}

}  // namespace nullcline
