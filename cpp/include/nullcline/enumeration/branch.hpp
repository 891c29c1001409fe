// All zeros of n(x) − x in a box, by branch and prune: a box is contracted, proved to hold no zero
// or exactly one, or halved (Hansen and Walster, Global Optimization Using Interval Analysis, 2004,
// chapter 11).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/contraction.hpp"
#include "nullcline/enumeration/krawczyk.hpp"
#include "nullcline/enumeration/system.hpp"

namespace nullcline::enumeration {

/// What is known of a rectified linear unit.
enum class Unit : std::uint8_t { undecided, inactive, active };

/// A part of the space that may hold zeros, and its share of the search.
struct Node {
    Sides box;
    double share = 1;
    std::vector<Unit> pattern{};  ///< of rectified linear units; or nothing
};

/// What became of a node: nothing is left of it, a zero, two halves, or a box that stays open.
struct Settled {};
struct Open {
    Sides box;
};
using Verdict = std::variant<Settled, Root, std::pair<Node, Node>, Open>;

/// Two halves, by the unknown whose width moves n most: Kearfott's smear (Rigorous Global Search,
/// 1996, section 4.3.2). Not in the middle, where zeros of symmetric networks lie.
[[nodiscard]] inline std::pair<Node, Node> halves(const Node& node, const Slopes& slopes) {
    constexpr double largest_slope = 1e100;
    const std::size_t n = node.box.size();
    std::size_t widest = 0;
    double most = -1;
    for (std::size_t j = 0; j < n; ++j) {
        double moved = 0;
        for (std::size_t i = 0; i < n; ++i) {
            moved += slopes.radius(i, j);
        }
        // Where nothing is known of n, the widest.
        const double known = moved < largest_slope ? moved : largest_slope;
        const double smear = (2 * known + 0.02) * width(node.box[j]);
        if (smear > most) {
            most = smear;
            widest = j;
        }
    }
    std::pair<Node, Node> out{{node.box, node.share / 2}, {node.box, node.share / 2}};
    const Interval side = node.box[widest];
    const double cut = side.low + 0.4963 * width(side);
    out.first.box[widest].high = cut;
    out.second.box[widest].low = cut;
    return out;
}

/// One zero in or near a box, or none in it, if that can be proved.
///
/// The box that is looked at is wider: a zero may lie on a border, and neighbours that find it too
/// shall see that it is one. A small box is looked at as narrowly as rounding allows, too, which
/// may leave a kink outside.
template <System S>
[[nodiscard]] std::optional<Verdict> decide(const S& system, const Sides& box, double resolution) {
    const bool is_small = largest_width(box) <= resolution;
    for (const double margin : {0.01 * resolution, 8 * unit_roundoff}) {
        const Sides around = inflated(box, 1e-3, margin);
        const std::optional<Image> image = image_of(system, around);
        if (image && image->contraction < 1) {
            if (!meet(image->box, box)) {
                return Settled{};
            }
            if (std::optional<Root> root = prove_one(system, around, *image)) {
                return *root;
            }
        }
        if (!is_small) {
            break;
        }
    }
    return std::nullopt;
}

/// Work on one box.
///
/// `resolution`: the largest width of a box that stays open.
template <System S>
[[nodiscard]] Verdict settle(const S& system, Node node, double resolution) {
    Relaxation relaxed(system.size());
    constexpr int most_rounds = 20;
    for (int round = 0; round < most_rounds; ++round) {
        const Sides before = node.box;
        system.relax(node.box, relaxed);
        if (!contract(relaxed, node.box)) {
            return Settled{};
        }
        double left = 1;
        for (std::size_t i = 0; i < before.size(); ++i) {
            left *= (width(node.box[i]) + underflow) / (width(before[i]) + underflow);
        }
        if (left > 0.5) {
            break;
        }
    }
    if (std::optional<Verdict> verdict = decide(system, node.box, resolution)) {
        return *verdict;
    }
    if (largest_width(node.box) <= resolution) {
        return Open{node.box};
    }
    Slopes slopes(system.size());
    system.slopes(node.box, slopes);
    return halves(node, slopes);
}

}  // namespace nullcline::enumeration
