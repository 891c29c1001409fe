// Proofs that a box holds exactly one zero, or none (Krawczyk, Computing 4 (1969) 187; Moore, SIAM
// J. Numer. Anal. 14 (1977) 611).
//
// With C ≈ (I − S)⁻¹ and m the box's middle, K = m + C (n(m) − m) + (I − C (I − S)) (X − m) holds
// every zero in X. Where K lies inside X there is exactly one; I − S is then regular for all slopes
// S over X, so that sign det(I − Dn) is one and the same, and that of det C.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/contraction.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "nullcline/enumeration/system.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// Krawczyk's operator on one box.
struct Image {
    Sides box;
    double contraction = 0;      ///< ‖I − C (I − S)‖ in a norm; below 1 there is one zero at most
    int index = 0;               ///< sign det(I − S), or 0
    std::vector<double> newton;  ///< m + C (n(m) − m)
    Slopes slopes;
};

/// Nothing where I − S is singular to rounding, or overflows.
template <System S>
[[nodiscard]] std::optional<Image> image_of(const S& system, const Sides& box) {
    const std::size_t n = box.size();
    const Balls x = balls_of(box);
    std::vector<double> middle(n);
    std::ranges::transform(x, middle.begin(), [](const Ball& ball) { return ball.middle; });
    Image image{Sides(n), 0, 0, middle, Slopes(n)};
    system.slopes(box, image.slopes);
    const Square a = minus_identity(image.slopes.middle);
    for (std::size_t i = 0; i < n; ++i) {  // what the subtraction rounded
        image.slopes.radius(i, i) =
            sum_bound(image.slopes.radius(i, i) + unit_roundoff * std::abs(a(i, i)));
    }
    const std::optional<Inverse> inverse = invert(a);
    if (!inverse) {
        return std::nullopt;
    }
    const Balls residual = system.residual(middle);
    const Square error = defect(inverse->matrix, a, image.slopes.radius);
    double largest = 0;
    double weighted = 0;
    double norm = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double* c = inverse->matrix.row(i);
        double step = 0;
        double size = 0;
        double radius = 0;
        double blur = 0;
        double row = 0;
        double defects = 0;
        for (std::size_t k = 0; k < n; ++k) {
            step += c[k] * residual[k].middle;
            size += std::abs(c[k] * residual[k].middle);
            radius += std::abs(c[k]) * residual[k].radius;
            blur += error(i, k) * x[k].radius;
            row += std::abs(c[k]);
            defects += error(i, k);
        }
        image.newton[i] = middle[i] + step;
        if (!std::isfinite(image.newton[i]) || !std::isfinite(radius + blur + size + defects)) {
            return std::nullopt;  // NaN is neither within a box nor outside of it
        }
        norm = std::max(norm, sum_bound(defects));
        weighted = std::max(weighted, sum_bound(blur) / x[i].radius);
        largest = std::max(largest, row);
        image.box[i] = Ball{image.newton[i],
                            sum_bound(radius + blur + relative_error(n + 2) * size +
                                      2 * unit_roundoff * (std::abs(middle[i]) + std::abs(step)))}
                           .interval();
    }
    image.contraction = std::min(weighted, norm);
    // C (A + E), with det(A + E) of a known sign, is then as regular as C A.
    const double detour = largest * inverse->backward_error * static_cast<double>(n);
    image.index = sum_bound(norm + detour) < 1 ? inverse->sign : 0;
    return image;
}

/// A box somewhat larger, as Rump's epsilon-inflation has it (Numer. Math. 79 (1998), section 4):
/// by a part of each side, and at least by `margin` beside 1 or the side's size.
[[nodiscard]] inline Sides inflated(const Sides& box, double factor, double margin) {
    Sides out(box.size());
    std::ranges::transform(box, out.begin(), [&](const Interval& side) {
        const double more = factor * (side.high - side.low) + margin * (1 + side.magnitude());
        return Interval{side.low - more, side.high + more};
    });
    return out;
}

/// The one zero of a box in which there is one: the tightest box that is proved to hold it.
template <System S>
[[nodiscard]] Root tightest(const S& system, const Sides& unique, const Image& image) {
    Root root{image.box, unique, image.index};
    for (int i = 0; i < 30; ++i) {
        const std::optional<Image> next = image_of(system, root.exists);
        if (!next) {
            break;
        }
        root.index = root.index == 0 ? next->index : root.index;
        Sides smaller(unique.size());
        std::ranges::transform(root.exists, next->box, smaller.begin(),
                               [](const Interval& a, const Interval& b) { return common(a, b); });
        // The zero lies in both; that they do not meet cannot be.
        const double before = largest_width(root.exists);
        const double after = largest_width(smaller);
        if (is_empty(smaller) || !(after < 0.9 * before)) {
            break;
        }
        root.exists = smaller;
    }
    return root;
}

/// A zero in or near a box, with a box around both in which it is the only one.
template <System S>
[[nodiscard]] std::optional<Root> prove_one(const S& system, const Sides& box, Image image) {
    Sides around = box;
    for (int i = 0; i < 4; ++i) {
        if (contains_inside(around, image.box)) {
            return tightest(system, around, image);
        }
        around = inflated(hull(around, image.box), i == 0 ? 1e-3 : 0.1, 8 * unit_roundoff);
        std::optional<Image> next = image_of(system, around);
        if (!next || !(next->contraction < 1)) {
            return std::nullopt;
        }
        image = std::move(*next);
    }
    return std::nullopt;
}

}  // namespace nullcline::enumeration
