// Boxes of unknowns, and the zeros that are proved to lie in some.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "nullcline/numerics/interval.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// An interval for every unknown.
using Sides = std::vector<Interval>;

[[nodiscard]] inline double width(const Interval& x) { return x.high - x.low; }
[[nodiscard]] inline bool is_empty(const Interval& x) { return !(x.low <= x.high); }
[[nodiscard]] inline Interval common(const Interval& a, const Interval& b) {
    return {std::max(a.low, b.low), std::min(a.high, b.high)};
}
[[nodiscard]] inline Interval hull(const Interval& a, const Interval& b) {
    return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

[[nodiscard]] inline bool is_empty(const Sides& box) {
    return std::ranges::any_of(box, [](const Interval& side) { return is_empty(side); });
}
[[nodiscard]] inline bool contains(const Sides& outer, const Sides& inner) {
    return std::ranges::equal(outer, inner, [](const Interval& a, const Interval& b) {
        return a.low <= b.low && b.high <= a.high;
    });
}
[[nodiscard]] inline bool contains_inside(const Sides& outer, const Sides& inner) {
    return std::ranges::equal(outer, inner, [](const Interval& a, const Interval& b) {
        return a.low < b.low && b.high < a.high;
    });
}
[[nodiscard]] inline bool meet(const Sides& one, const Sides& other) {
    return std::ranges::equal(one, other, [](const Interval& a, const Interval& b) {
        return a.low <= b.high && b.low <= a.high;
    });
}
[[nodiscard]] inline double largest_width(const Sides& box) {
    double largest = 0;
    for (const Interval& side : box) {
        largest = std::max(largest, width(side));
    }
    return largest;
}
[[nodiscard]] inline Balls balls_of(const Sides& box) {
    Balls balls(box.size());
    std::ranges::transform(box, balls.begin(), [](const Interval& side) { return ball_of(side); });
    return balls;
}
[[nodiscard]] inline Sides hull(const Sides& one, const Sides& other) {
    Sides both(one.size());
    std::ranges::transform(one, other, both.begin(),
                           [](const Interval& a, const Interval& b) { return hull(a, b); });
    return both;
}

/// A zero that is proved: one and only one lies in `unique`, and it lies in `exists`.
struct Root {
    Sides exists;
    Sides unique;
    int index = 0;  ///< sign det(I − Dn), or 0 where it is not proved
};

}  // namespace nullcline::enumeration
