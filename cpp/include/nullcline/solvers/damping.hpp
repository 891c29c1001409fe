// How Levenberg–Marquardt's damping follows the agreement between model and function.
#pragma once

#include <algorithm>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/solvers/step_control.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// The damping, in units of `term_norm`² / H, which is near the mean squared singular value of J.
///
/// After an accepted step it is multiplied by 2 (1 − gain ratio), within limits. Near a minimum
/// with a non-zero residual, where Gauss–Newton leaves out a curvature k, a step damped by μ has
/// ratio 1 − k / 2μ: the rule then sets μ = k, which is Newton's step, where the usual rules settle
/// for a fixed fraction of it. (Nielsen's rule, IMM report 1999-05, has the same balance point,
/// ratio 1/2, but tends to it slowly.) After rejected steps it grows as in Nielsen's rule, faster
/// each time.
class Damping {
  public:
    [[nodiscard]] constexpr double value() const { return value_; }

    NULLCLINE_HOST_DEVICE void accept(double gain_ratio) {
        const double factor =
            std::clamp(2 * (1 - gain_ratio), double{tuning.damping_decrease}, 2.0);
        value_ = std::max(value_ * factor, double{smallest});
        growth_ = tuning.damping_growth;
    }

    [[nodiscard]] NULLCLINE_HOST_DEVICE bool reject(double /*gain_ratio*/) {
        value_ *= growth_;
        growth_ *= 2;
        return value_ < largest;
    }

  private:
    /// Below `smallest` μ does not change JᵀJ, above `largest` the step does not change the state.
    static constexpr double smallest = 1e-14;
    static constexpr double largest = 1e12;

    double value_ = tuning.first_damping;
    double growth_ = tuning.damping_growth;
};

static_assert(StepRegion<Damping>);

}  // namespace nullcline
