// All fixed points of a network of rectified linear units, h = max(W h + b, 0), by its linear
// regions: a linear complementarity problem (Cottle, Pang and Stone, The Linear Complementarity
// Problem, 1992), searched depth first over which units are active.
//
// A node knows some units to be active (h_i = u_i, u = W h + b), some inactive (h_i = 0, u_i <= 0)
// and bounds of all. Active units are eliminated from every row by an approximate inverse, whose
// errors are bounded, and what the rows then say of the others excludes the node or decides units.
// SCYFI (Eisenmann, Monfared, Göring and Durstewitz, NeurIPS 2023) walks between regions at random;
// this leaves none out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/cells/rnn.hpp"
#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/branch.hpp"
#include "nullcline/enumeration/cell_system.hpp"
#include "nullcline/enumeration/contraction.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "nullcline/enumeration/enumerate.hpp"
#include "nullcline/enumeration/krawczyk.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

class ReluRegions {
  public:
    /// `weights` of an `Rnn` whose units are all rectified linear.
    explicit ReluRegions(const CellWeights& weights) : weights_(weights), system_(weights) {}

    [[nodiscard]] std::size_t size() const { return weights_.recurrent.cols(); }

    /// Work on one node; with `may_prove` a single zero in it is proved.
    [[nodiscard]] Verdict settle(Node node, double resolution, bool may_prove) const {
        const std::size_t most_rounds = size() + 10;  // each may decide but one unit
        for (std::size_t round = 0; round < most_rounds; ++round) {
            const Sides before = node.box;
            const std::vector<Unit> units = node.pattern;
            if (!contract(node)) {
                return Settled{};
            }
            double left = 1;
            for (std::size_t i = 0; i < size(); ++i) {
                left *= (width(node.box[i]) + underflow) / (width(before[i]) + underflow);
            }
            if (left > 0.5 && units == node.pattern) {
                break;
            }
        }
        if (may_prove) {
            if (std::optional<Verdict> verdict = decide(system_, node.box, resolution)) {
                return *verdict;
            }
        }
        const std::optional<std::size_t> unit = undecided(node);
        if (!unit || largest_width(node.box) <= resolution) {
            return Open{node.box};
        }
        std::pair<Node, Node> parts{node, node};
        parts.first.share = parts.second.share = node.share / 2;
        parts.first.pattern[*unit] = Unit::inactive;
        parts.second.pattern[*unit] = Unit::active;
        return parts;
    }

  private:
    [[nodiscard]] const double* row(std::size_t i) const {
        return weights_.recurrent.row(i).data();
    }

    /// The undecided unit whose two lines leave the widest gap, times what it moves.
    [[nodiscard]] std::optional<std::size_t> undecided(const Node& node) const {
        const Balls x = balls_of(node.box);
        std::optional<std::size_t> best;
        double most = -1;
        for (std::size_t i = 0; i < size(); ++i) {
            if (node.pattern[i] != Unit::undecided) {
                continue;
            }
            const Interval u = argument(i, x);
            double moves = 1e-3;
            for (std::size_t k = 0; k < size(); ++k) {
                moves += std::abs(row(k)[i]);
            }
            const double gap = -u.low * u.high / (u.high - u.low) * moves;
            if (gap > most || !best) {
                most = gap;
                best = i;
            }
        }
        return best;
    }

    [[nodiscard]] Interval argument(std::size_t i, const Balls& x) const {
        const Affine u = dot(weights_.recurrent.row(i), x, weights_.drive[i]);
        return Ball{u.middle, sum_bound(u.linear + u.rounding + weights_.drive_error[i])}
            .interval();
    }

    /// Σ_j a_j h_j + constant, all a_j and the constant known to within errors.
    struct Row {
        std::vector<double> a, a_error;
        double constant = 0, constant_error = 0;

        explicit Row(std::size_t n) : a(n), a_error(n) {}
    };

    /// u_i as it is by its own weights.
    [[nodiscard]] Row own_row(std::size_t i) const {
        Row out(size());
        std::copy_n(row(i), size(), out.a.begin());
        out.constant = weights_.drive[i];
        out.constant_error = weights_.drive_error[i];
        return out;
    }

    /// A row plus Σ_a z_a (u_a − h_a), which is zero, over the active units.
    void eliminate(Row& out, std::span<const std::size_t> active, std::span<const double> z) const {
        const std::size_t n = size();
        std::vector<double> sizes(n);
        double constant_size = std::abs(out.constant);
        for (std::size_t j = 0; j < n; ++j) {
            sizes[j] = std::abs(out.a[j]);
        }
        for (std::size_t k = 0; k < active.size(); ++k) {
            const double* w = row(active[k]);
            const double magnitude = std::abs(z[k]);
            for (std::size_t j = 0; j < n; ++j) {
                out.a[j] += z[k] * w[j];
                sizes[j] += magnitude * std::abs(w[j]);
            }
            out.a[active[k]] -= z[k];
            sizes[active[k]] += magnitude;
            out.constant += z[k] * weights_.drive[active[k]];
            constant_size += magnitude * std::abs(weights_.drive[active[k]]);
            out.constant_error += magnitude * weights_.drive_error[active[k]];
        }
        const double rounding = relative_error(2 * active.size() + 4);
        for (std::size_t j = 0; j < n; ++j) {
            out.a_error[j] = sum_bound(out.a_error[j] + rounding * sizes[j]);
        }
        out.constant_error = sum_bound(out.constant_error + rounding * constant_size);
    }

    /// Bound the unknowns by: the row lies in `range`.
    [[nodiscard]] bool tighten(const Row& row_of, const Interval& range, Sides& box) const {
        const Interval constant = Ball{row_of.constant, row_of.constant_error}.interval();
        return tighten_row(row_of.a.data(), row_of.a_error.data(), size(), range - constant, box);
    }

    /// What a row says of a unit, `row_of` being u_i: false where the node holds no zero.
    [[nodiscard]] bool use(std::size_t i, Row row_of, Node& node) const {
        Sides& box = node.box;
        const Interval u = range_of(row_of, box);
        if (node.pattern[i] == Unit::undecided) {
            if (u.high < 0) {
                node.pattern[i] = Unit::inactive;
            } else if (u.low > 0) {
                node.pattern[i] = Unit::active;
            }
        }
        if (node.pattern[i] == Unit::inactive) {
            box[i] = common(box[i], Interval(0));
            return !is_empty(box[i]) && tighten(row_of, {-largest, 0}, box);
        }
        // h_i − u_i, which is zero where the unit is active, and never negative
        if (node.pattern[i] == Unit::undecided) {
            box[i] = common(box[i], {0, std::max(u.high, 0.0)});
            if (is_empty(box[i])) {
                return false;
            }
        }
        for (double& a : row_of.a) {
            a = -a;
        }
        row_of.constant = -row_of.constant;
        const double before = row_of.a[i];
        row_of.a[i] += 1;
        row_of.a_error[i] = sum_bound(row_of.a_error[i] + unit_roundoff * (1 + std::abs(before)));
        const bool is_active = node.pattern[i] == Unit::active;
        if (is_active) {
            box[i] = common(box[i], {0, largest});
        }
        return !is_empty(box[i]) && tighten(row_of, {0, is_active ? 0 : largest}, box);
    }

    [[nodiscard]] Interval range_of(const Row& row_of, const Sides& box) const {
        Interval sum = Ball{row_of.constant, row_of.constant_error}.interval();
        for (std::size_t j = 0; j < size(); ++j) {
            sum = sum + Ball{row_of.a[j], row_of.a_error[j]}.interval() * box[j];
        }
        return sum;
    }

    [[nodiscard]] bool contract(Node& node) const {
        const std::size_t n = size();
        for (std::size_t i = 0; i < n; ++i) {
            if (!use(i, own_row(i), node)) {
                return false;
            }
        }
        std::vector<std::size_t> active;
        for (std::size_t i = 0; i < n; ++i) {
            if (node.pattern[i] == Unit::active) {
                active.push_back(i);
            }
        }
        Square a(active.size());
        for (std::size_t k = 0; k < active.size(); ++k) {
            for (std::size_t l = 0; l < active.size(); ++l) {
                a(k, l) = (k == l ? 1 : 0) - row(active[k])[active[l]];
            }
        }
        const std::optional<Inverse> inverse = invert(a);
        if (!inverse) {
            return true;
        }
        std::vector<double> z(active.size());
        for (std::size_t k = 0; k < active.size(); ++k) {
            Row own(n);
            std::copy_n(inverse->matrix.row(k), active.size(), z.begin());
            eliminate(own, active, z);
            if (!tighten(own, {0, 0}, node.box)) {
                return false;
            }
        }
        for (std::size_t i = 0; i < n; ++i) {
            if (std::ranges::binary_search(active, i)) {
                continue;
            }
            std::ranges::fill(z, 0.0);
            for (std::size_t k = 0; k < active.size(); ++k) {
                for (std::size_t l = 0; l < active.size(); ++l) {
                    z[l] += row(i)[active[k]] * inverse->matrix(k, l);
                }
            }
            Row others = own_row(i);
            eliminate(others, active, z);
            if (!use(i, std::move(others), node)) {
                return false;
            }
        }
        return true;
    }

    static constexpr double largest = 1e300;

    CellWeights weights_;
    CellSystem<Rnn> system_;
};

/// All zeros with h <= bound.
[[nodiscard]] inline Enumerated enumerate_relu(const CellWeights& weights, double bound,
                                               const Limits& limits) {
    const ReluRegions regions(weights);
    const std::size_t n = regions.size();
    const Node root{Sides(n, Interval(0, bound)), 1, std::vector<Unit>(n)};
    return explore({root}, limits,
                   [&](const Node& node) { return regions.settle(node, limits.resolution, true); });
}

/// The zeros that may be beyond the bound: none where all boxes are settled. One of them, h = d / t
/// with max d = 1 and t <= 1 / bound, would solve d = max(W d + t b, 0): the same search, with a
/// drive between 0 and b / bound.
[[nodiscard]] inline Enumerated beyond_relu(const CellWeights& weights, double bound,
                                            const Limits& limits) {
    const std::size_t n = weights.recurrent.cols();
    std::vector<double> middle(n);
    std::vector<double> radius(n);
    for (std::size_t i = 0; i < n; ++i) {
        middle[i] = weights.drive[i] / bound / 2;
        radius[i] = sum_bound(std::abs(middle[i]) + weights.drive_error[i] / bound);
    }
    const ReluRegions regions({weights.recurrent, middle, radius, weights.parameters});
    std::vector<Node> roots;
    for (std::size_t k = 0; k < n; ++k) {
        Node root{Sides(n, Interval(0, 1)), 1 / static_cast<double>(n), std::vector<Unit>(n)};
        root.box[k] = Interval(1);
        root.pattern[k] = Unit::active;
        roots.push_back(std::move(root));
    }
    return explore(std::move(roots), limits, [&](const Node& node) {
        return regions.settle(node, limits.resolution, false);
    });
}

}  // namespace nullcline::enumeration
