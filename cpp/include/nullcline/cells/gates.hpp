// A cell's gates at one state, unit after unit, vectorized for the CPU (see cells/unit.hpp).
#pragma once

#include <span>

#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/unit.hpp"

namespace nullcline::gates {

/// A residual and its Jacobian's scales.
void linearize(CellKind kind, Residual which, const UnitPoint<double>& point,
               const Linearized<double>& out);
void linearize(CellKind kind, Residual which, const UnitPoint<float>& point,
               const Linearized<float>& out);

/// The input of a gated block.
void gated_input(CellKind kind, const UnitPoint<double>& point, std::span<double> out);
void gated_input(CellKind kind, const UnitPoint<float>& point, std::span<float> out);

/// The scales of a residual's derivative by the input, over all blocks, for each part.
void input_scales(CellKind kind, Residual which, const UnitPoint<double>& point,
                  std::span<double> scales);
void input_scales(CellKind kind, Residual which, const UnitPoint<float>& point,
                  std::span<float> scales);

/// The secants of the update from one point to another, in place of a Jacobian's scales, and those
/// of its change with the input (see numerics/secant.hpp).
void secants(CellKind kind, const UnitPoint<double>& base, const UnitPoint<double>& actual,
             const Linearized<double>& out, std::span<double> input_scales);
void secants(CellKind kind, const UnitPoint<float>& base, const UnitPoint<float>& actual,
             const Linearized<float>& out, std::span<float> input_scales);

/// Σ_i weights_i ∂²f_i, per unit a symmetric matrix over its fields (see `Equation`).
void curvature(CellKind kind, Residual which, const UnitPoint<double>& point,
               std::span<const double> weights, std::span<const double> gated_input_weights,
               std::span<double> out);
void curvature(CellKind kind, Residual which, const UnitPoint<float>& point,
               std::span<const float> weights, std::span<const float> gated_input_weights,
               std::span<float> out);

}  // namespace nullcline::gates
