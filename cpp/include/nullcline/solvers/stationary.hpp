// When a state counts as a minimum of ‖f‖, for the solvers and for the judge, and how a start
// leaves one that is none.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

/// When a residual counts as stationary: ‖P Jᵀf‖ <= tolerance ‖J‖ ‖f‖, ‖J‖ being `TermNorm` and P
/// leaving out the units that the box's face holds. Sixty units of rounding would do in exact
/// products; the rest is room for products in single precision and for ends of long valleys.
template <class T>
inline constexpr double stationary_tolerance = 1e-6;

template <>
inline constexpr double stationary_tolerance<float> = 1e-4;

/// Whether a solver may stop: half the tolerance, so that the judge agrees.
template <class T>
[[nodiscard]] constexpr bool is_stationary(double gradient_norm, double scale,
                                           double residual_norm) {
    return gradient_norm <= stationary_tolerance<T> / 2 * scale * residual_norm;
}

/// Move a state by a little and in no direction of note. A start may stand where the gradient
/// vanishes and ‖f‖ has no minimum; once off, nothing leads back there.
template <class Group, class T>
NULLCLINE_DEVICE void nudge(const Group& group, std::span<T> h) {
    constexpr T size = static_cast<T>(1e-3);
    constexpr double golden_ratio = 0.6180339887498949;
    T* const value = h.data();
    group.for_each(h.size(), [=](std::size_t i) {
        const double place = golden_ratio * static_cast<double>(i + 1);
        value[i] += size * static_cast<T>(2 * (place - std::floor(place)) - 1);
    });
}

}  // namespace nullcline
