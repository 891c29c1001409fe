// When a state counts as a minimum of ‖f‖, for the solvers and for the classifier, and how a
// start leaves a state that is none.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// When a residual counts as stationary: ‖P Jᵀf‖ <= tolerance ‖J‖ ‖f‖, ‖J‖ being `term_norm` and P
/// leaving out the units that a face of the box keeps from descending.
template <class T>
[[nodiscard]] constexpr double stationary_tolerance() {
    return std::is_same_v<T, float> ? tuning.stationary_tolerance_single
                                    : tuning.stationary_tolerance;
}

/// Whether a solver may stop: half the tolerance, so that the classifier agrees.
template <class T>
[[nodiscard]] constexpr bool is_stationary(double gradient_norm, double scale,
                                           double residual_norm) {
    return gradient_norm <= stationary_tolerance<T>() / 2 * scale * residual_norm;
}

/// How far a state is perturbed: not calibrated, far above rounding, far below 1.
inline constexpr double nudge_size = 1e-3;

/// Perturb a state a little, in no particular direction. A start may lie where the gradient
/// vanishes and ‖f‖ has no minimum; once it has left, descent does not lead back.
template <ThreadGroup Group, class T>
NULLCLINE_DEVICE void nudge(const Group& group, std::span<T> h, double most = nudge_size) {
    const T size = static_cast<T>(most);
    constexpr double golden_ratio = 0.6180339887498949;
    T* const value = h.data();
    group.for_each(h.size(), [=](std::size_t i) {
        const double place = golden_ratio * static_cast<double>(i + 1);
        value[i] += size * static_cast<T>(2 * (place - std::floor(place)) - 1);
    });
}

}  // namespace nullcline
