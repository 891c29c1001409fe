// The search over boxes: rounds of them in parallel, the same whatever the number of threads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/branch.hpp"
#include "nullcline/numerics/default_arithmetic.hpp"
#include "nullcline/parallel/pace.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline::enumeration {

/// When to stop, and what to tell meanwhile.
struct Limits {
    std::uint64_t most_boxes = 1'000'000;
    double patience = std::numeric_limits<double>::infinity();  ///< seconds
    double resolution = 1e-8;  ///< the largest width of a box that stays open
    std::size_t n_threads = 1;
    std::function<void(double)> progress;  ///< the share that is done; or nothing
    Poll poll = [] {};
};

/// Why a search ended.
enum class End : std::uint8_t { done, most_boxes, patience, most_open };

/// All zeros that are proved, in order, and the boxes in which there may be others.
struct Enumerated {
    std::vector<Root> roots;
    std::vector<Sides> open;
    std::uint64_t n_boxes = 0;
    End end = End::done;
};

namespace detail {

/// Boxes of one round. They are taken from the end of the list, so that it stays short.
inline constexpr std::size_t round_size = 128;
inline constexpr std::size_t tile_size = 8;
/// The latest zeros, whose boxes are compared with those still to be worked on.
inline constexpr std::size_t n_recent = 64;
/// Boxes at the resolution: with more of them, zeros are not isolated.
inline constexpr std::size_t most_open = 20'000;

/// A number that two boxes can share only by chance unless they meet.
[[nodiscard]] inline double fingerprint(const Sides& box) {
    double sum = 0;
    double weight = 1;
    for (const Interval& side : box) {
        sum += weight * side.middle();
        weight = std::fmod(weight * 1.6180339887498949, 1) + 0.5;
    }
    return sum;
}

/// Zeros that are one, merged. Those whose boxes cannot tell are left open.
inline void merge_roots(Enumerated& found) {
    std::vector<std::pair<double, Root>> all;
    double reach = 0;
    for (Root& root : found.roots) {
        reach = std::max(reach, largest_width(root.exists));
        const double at = fingerprint(root.exists);
        all.emplace_back(at, std::move(root));
    }
    std::ranges::sort(all, {}, [](const auto& one) { return one.first; });
    found.roots.clear();
    std::vector<std::pair<double, Root>> kept;
    for (auto& [at, root] : all) {
        const double window = 2 * reach * static_cast<double>(root.exists.size()) + 1e-12;
        bool is_new = true;
        for (auto other = kept.rbegin(); other != kept.rend() && at - other->first <= window;
             ++other) {
            if (!meet(other->second.exists, root.exists)) {
                continue;
            }
            if (!contains(other->second.unique, root.exists) &&
                !contains(root.unique, other->second.exists)) {
                found.open.push_back(hull(other->second.exists, root.exists));
            } else if (largest_width(root.exists) < largest_width(other->second.exists)) {
                other->second.exists = root.exists;
            }
            is_new = false;
            break;
        }
        if (is_new) {
            kept.emplace_back(at, std::move(root));
        }
    }
    for (auto& [at, root] : kept) {
        found.roots.push_back(std::move(root));
    }
    std::ranges::sort(found.roots, [](const Root& one, const Root& other) {
        return std::ranges::lexicographical_compare(
            one.exists, other.exists, {}, [](const Interval& side) { return side.low; },
            [](const Interval& side) { return side.low; });
    });
}

/// Open boxes that touch, as one.
[[nodiscard]] inline std::vector<Sides> clusters(std::vector<Sides> boxes, double resolution) {
    for (bool changed = true; changed;) {
        changed = false;
        std::vector<Sides> merged;
        for (Sides& box : boxes) {
            const auto near = std::ranges::find_if(merged, [&](const Sides& other) {
                return std::ranges::equal(box, other, [&](const Interval& a, const Interval& b) {
                    return a.low <= b.high + resolution && b.low <= a.high + resolution;
                });
            });
            if (near == merged.end()) {
                merged.push_back(std::move(box));
            } else {
                *near = hull(*near, box);
                changed = true;
            }
        }
        boxes = std::move(merged);
    }
    return boxes;
}

}  // namespace detail

/// Work through the trees below nodes. `settle(node)` gives a `Verdict`; it may run in any thread.
template <class Settle>
[[nodiscard]] Enumerated explore(std::vector<Node> waiting, const Limits& limits,
                                 const Settle& settle) {
    const DefaultArithmetic arithmetic;
    using Clock = std::chrono::steady_clock;
    const Clock::time_point begin = Clock::now();
    Enumerated found;
    double done = 0;
    Pace pace;
    while (!waiting.empty()) {
        if (found.n_boxes >= limits.most_boxes) {
            found.end = End::most_boxes;
        } else if (found.open.size() > detail::most_open) {
            found.end = End::most_open;
        } else if (std::chrono::duration<double>(Clock::now() - begin).count() > limits.patience) {
            found.end = End::patience;
        }
        if (found.end != End::done) {
            break;
        }
        const std::size_t room = static_cast<std::size_t>(
            std::min<std::uint64_t>(detail::round_size, limits.most_boxes - found.n_boxes));
        const std::size_t n = std::min(room, waiting.size());
        std::vector<Node> nodes(
            std::make_move_iterator(waiting.end() - static_cast<std::ptrdiff_t>(n)),
            std::make_move_iterator(waiting.end()));
        waiting.resize(waiting.size() - n);
        std::vector<Verdict> verdicts(n);
        const auto recent =
            std::span<const Root>(found.roots).last(std::min(found.roots.size(), detail::n_recent));
        for_each_tile(
            n, detail::tile_size, limits.n_threads,
            [&](std::size_t first, std::size_t count) {
                for (std::size_t i = first; i < first + count; ++i) {
                    const bool is_known = std::ranges::any_of(recent, [&](const Root& known) {
                        return contains(known.unique, nodes[i].box);
                    });
                    if (!is_known) {
                        verdicts[i] = settle(nodes[i]);
                    }
                }
            },
            limits.poll);
        found.n_boxes += n;
        for (std::size_t i = 0; i < n; ++i) {
            if (auto* parts = std::get_if<std::pair<Node, Node>>(&verdicts[i])) {
                waiting.push_back(std::move(parts->first));
                waiting.push_back(std::move(parts->second));
                continue;
            }
            done += nodes[i].share;
            if (auto* one = std::get_if<Root>(&verdicts[i])) {
                found.roots.push_back(std::move(*one));
            } else if (auto* open = std::get_if<Open>(&verdicts[i])) {
                found.open.push_back(std::move(open->box));
            }
        }
        if (pace.is_due()) {
            limits.poll();
            if (limits.progress) {
                limits.progress(done);
            }
        }
    }
    detail::merge_roots(found);
    found.open = detail::clusters(std::move(found.open), limits.resolution);
    for (Node& node : waiting) {
        found.open.push_back(std::move(node.box));
    }
    return found;
}

/// All zeros of n(x) − x in a box.
template <System S>
[[nodiscard]] Enumerated enumerate(const S& system, const Sides& box, const Limits& limits) {
    return explore({Node{box, 1}}, limits,
                   [&](const Node& node) { return settle(system, node, limits.resolution); });
}

}  // namespace nullcline::enumeration
