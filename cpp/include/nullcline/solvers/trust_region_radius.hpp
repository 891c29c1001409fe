// How a trust region's radius follows the agreement between model and function.
#pragma once

#include <algorithm>
#include <limits>

#include "nullcline/solvers/step_control.hpp"

namespace nullcline {

/// A trust region's radius. Its thresholds and factors are the usual ones (Nocedal and Wright,
/// Numerical Optimization, 2nd edition, 2006, algorithm 4.1; Conn, Gould and Toint, Trust-Region
/// Methods, 2000, section 17.1), except where a step is shorter than the radius: it is the rejected
/// step that is halved, or quartered where ‖f‖ has grown.
template <class T>
struct TrustRegionRadius {
    double radius = 0;
    double step_norm = 0;  ///< of the trial step

    constexpr void accept(double gain_ratio) {
        if (gain_ratio < poor) {
            radius = step_norm / 2;
        } else if (gain_ratio > good) {
            radius = std::max(radius, 2 * step_norm);
        }
    }

    [[nodiscard]] constexpr bool reject(double gain_ratio) {
        radius = step_norm * (gain_ratio > 0 ? 0.5 : 0.25);
        return radius > smallest;
    }

  private:
    static constexpr double poor = 0.25;
    static constexpr double good = 0.75;
    /// Outputs are of the order of 1, and do not change by less.
    static constexpr double smallest = static_cast<double>(std::numeric_limits<T>::epsilon());
};

static_assert(StepRegion<TrustRegionRadius<double>>);

}  // namespace nullcline
