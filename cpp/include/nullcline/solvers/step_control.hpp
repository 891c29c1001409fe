// Which trial steps are accepted, and how long the next one may be.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

/// What becomes of a trial step.
enum class StepOutcome : std::uint8_t {
    accepted,
    shorter,    ///< rejected: a shorter step from the same state is to be tried
    exhausted,  ///< rejected: no shorter step gains more than rounding
    limit,      ///< rejected, and the limit of iterations is reached
};

/// The decrease of ‖f‖² / 2, in units of ‖f‖² before the step.
[[nodiscard]] constexpr double actual_reduction(double norm_before, double norm_after) {
    const double ratio = norm_after / norm_before;
    return (1 - ratio) * (1 + ratio) / 2;
}

/// What bounds steps: a trust region's radius or Levenberg and Marquardt's damping. Both adapt to
/// the gain ratio, which is actual over predicted reduction; `reject` is false once steps have
/// become too short to matter.
template <class Region>
concept StepRegion = requires(Region& region, double gain_ratio) {
    region.accept(gain_ratio);
    { region.reject(gain_ratio) } -> std::same_as<bool>;
};

/// The policy that all methods with a quadratic model share. Reductions are those of ‖f‖² / 2 in
/// units of ‖f‖².
template <class T, StepRegion Region>
struct StepControl {
    Region region;
    double predicted = 0;  ///< the reduction that the model predicts of the trial step

    /// Accept the trial step where it keeps enough of what the model predicts.
    [[nodiscard]] NULLCLINE_HOST_DEVICE StepOutcome accept_or_reject(double actual,
                                                                     std::size_t& iterations,
                                                                     std::size_t limit) {
        const double gain_ratio = actual / predicted;
        if (predicted > 0 && gain_ratio > acceptable_gain_ratio) {
            region.accept(gain_ratio);
            ++iterations;
            return StepOutcome::accepted;
        }
        return reject(gain_ratio, iterations, limit);
    }

    /// Reject it. Where steps are exhausted no iteration is counted.
    [[nodiscard]] NULLCLINE_HOST_DEVICE StepOutcome reject(double gain_ratio,
                                                           std::size_t& iterations,
                                                           std::size_t limit) {
        const bool may_be_shorter = region.reject(gain_ratio);
        if (!may_be_shorter || (predicted >= 0 && predicted < smallest_reduction)) {
            return StepOutcome::exhausted;
        }
        ++iterations;
        return iterations < limit ? StepOutcome::shorter : StepOutcome::limit;
    }

  private:
    /// So small that nearly all descent is accepted (Dennis and Schnabel, Numerical Methods for
    /// Unconstrained Optimization and Nonlinear Equations, 1983, algorithm A6.4.5).
    static constexpr double acceptable_gain_ratio = 1e-4;
    /// Below this a reduction drowns in the rounding of ‖f‖², a sum of squares that are each within
    /// a few units of rounding.
    static constexpr double smallest_reduction =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());
};

}  // namespace nullcline
