// What a relaxed equation leaves of a box.
//
// With δ = x − m, all zeros in the box satisfy (I − S) δ = offset ± error: one equation a row,
// whose unknowns can be bounded one by one, and after multiplication by an approximate inverse a
// second system whose matrix is nearly I (Neumaier, Interval Methods for Systems of Equations,
// 1990, chapters 4 and 5; Hansen and Sengupta, BIT 21 (1981) 203, for an interval matrix).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <vector>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "nullcline/enumeration/system.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// A row Σ_j a_j δ_j of a linear system: bound every δ_j by the others. False where none is left.
[[nodiscard]] inline bool tighten_row(const double* a, const double* a_error, std::size_t n,
                                      const Interval& right, Sides& delta) {
    double low = 0;
    double high = 0;
    double size = 0;
    for (std::size_t j = 0; j < n; ++j) {
        const double from = a[j] * delta[j].low;
        const double to = a[j] * delta[j].high;
        low += std::min(from, to);
        high += std::max(from, to);
        const double reach = std::max(std::abs(delta[j].low), std::abs(delta[j].high));
        size += std::abs(a[j]) * reach;
        if (a_error != nullptr) {
            const double spread = a_error[j] * reach;
            low -= spread;
            high += spread;
            size += spread;
        }
    }
    const double slack = sum_bound(relative_error(2 * n + 2) * size);
    low -= slack;
    high += slack;
    if (down(low) > right.high || up(high) < right.low) {
        return false;
    }
    for (std::size_t j = 0; j < n; ++j) {
        const double magnitude = std::abs(a[j]);
        const double spread = a_error == nullptr ? 0 : a_error[j];
        if (magnitude <= 2 * spread || magnitude < 1e-12) {
            continue;
        }
        const double reach = std::max(std::abs(delta[j].low), std::abs(delta[j].high));
        const double from = a[j] * delta[j].low;
        const double to = a[j] * delta[j].high;
        // a_j δ_j, once the others have taken what they can; its own error stays with the others.
        const Interval own{down(right.low - (high - std::max(from, to))),
                           up(right.high - (low - std::min(from, to)))};
        const double margin = sum_bound(slack + relative_error(6) * (size + reach));
        const Interval share = Interval(own.low - margin, own.high + margin) / Interval(a[j]);
        delta[j] = common(delta[j], share);
        if (is_empty(delta[j])) {
            return false;
        }
    }
    return true;
}

/// I − S, exactly but for a rounding that `error` takes up.
[[nodiscard]] inline Square minus_identity(const Square& slopes) {
    Square a(slopes.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        for (std::size_t j = 0; j < a.size(); ++j) {
            a(i, j) = (i == j ? 1 : 0) - slopes(i, j);
        }
    }
    return a;
}

/// Shrink a box to what the relaxation over it allows; false where it holds no zero.
[[nodiscard]] inline bool contract(const Relaxation& relaxed, Sides& box) {
    const std::size_t n = box.size();
    const Balls x = balls_of(box);
    Sides delta(n);
    Sides right(n);
    for (std::size_t i = 0; i < n; ++i) {
        delta[i] = common(box[i], relaxed.range[i]) - Interval(x[i].middle);
        if (is_empty(common(box[i], relaxed.range[i]))) {
            return false;
        }
        const double rounding = unit_roundoff * (1 + std::abs(relaxed.slopes(i, i))) * x[i].radius;
        right[i] = Ball{relaxed.offset[i], sum_bound(relaxed.error[i] + rounding)}.interval();
    }
    const Square a = minus_identity(relaxed.slopes);
    for (std::size_t i = 0; i < n; ++i) {
        if (!tighten_row(a.row(i), nullptr, n, right[i], delta)) {
            return false;
        }
    }
    if (const std::optional<Inverse> inverse = invert(a)) {
        const Square error = defect(inverse->matrix, a, Square(n));
        std::vector<double> unit(n);
        for (std::size_t i = 0; i < n; ++i) {
            const double* c = inverse->matrix.row(i);
            double middle = 0;
            double radius = 0;
            double size = 0;
            for (std::size_t k = 0; k < n; ++k) {
                const Ball part = ball_of(right[k]);
                middle += c[k] * part.middle;
                size += std::abs(c[k] * part.middle);
                radius += std::abs(c[k]) * part.radius;
            }
            const Interval preconditioned =
                Ball{middle, sum_bound(radius + relative_error(n + 2) * size)}.interval();
            std::ranges::fill(unit, 0.0);
            unit[i] = 1;
            if (!tighten_row(unit.data(), error.row(i), n, preconditioned, delta)) {
                return false;
            }
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        box[i] = common(box[i], Interval(x[i].middle) + delta[i]);
        if (is_empty(box[i])) {
            return false;
        }
    }
    return true;
}

}  // namespace nullcline::enumeration
