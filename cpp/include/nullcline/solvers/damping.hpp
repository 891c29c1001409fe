// How Levenberg–Marquardt's damping follows the agreement between model and function.
#pragma once

#include <algorithm>

namespace nullcline {

/// The damping, in units of `TermNorm`² / H, which is near the mean squared singular value of J.
///
/// After an accepted step it is multiplied by 2 (1 − ratio), within limits, where ratio is actual
/// over predicted decrease. Near a minimum with a non-zero residual, where Gauss–Newton leaves out
/// a curvature k, a step damped by μ has ratio 1 − k / 2μ: the rule then sets μ = k, which is
/// Newton's step, where the usual rules settle for a fixed fraction of it. (Nielsen's rule, IMM
/// report 1999-05, has the same balance point, ratio 1/2, but tends to it slowly.)
class Damping {
  public:
    static constexpr double acceptable_ratio = 1e-4;

    [[nodiscard]] constexpr double value() const { return value_; }

    constexpr void accept(double ratio) {
        value_ = std::max(value_ * std::clamp(2 * (1 - ratio), 0.1, 2.0), smallest);
        growth_ = first_growth;
    }

    /// False when steps have become too short to matter.
    [[nodiscard]] constexpr bool reject() {
        value_ *= growth_;
        growth_ *= 2;
        return value_ < largest;
    }

  private:
    static constexpr double initial = 1e-3;
    static constexpr double smallest = 1e-14;
    static constexpr double largest = 1e12;
    static constexpr double first_growth = 4;

    double value_ = initial;
    double growth_ = first_growth;
};

}  // namespace nullcline
