// When a state counts as a minimum of ‖f‖, for the solvers and for the judge.
#pragma once

namespace nullcline {

/// When a residual counts as stationary: ‖P Jᵀf‖ <= tolerance ‖J‖ ‖f‖, ‖J‖ being `TermNorm` and P
/// leaving out the units that the cube's face holds. Sixty units of rounding would do in exact
/// products; the rest is room for products in single precision and for ends of long valleys.
template <class T>
inline constexpr double stationary_tolerance = 1e-6;

template <>
inline constexpr double stationary_tolerance<float> = 1e-4;

}  // namespace nullcline
