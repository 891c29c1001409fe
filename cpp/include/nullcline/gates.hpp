// A GRU's gates at one state, unit after unit, vectorized for the CPU (see cells/gru_unit.hpp).
#pragma once

#include <span>

#include "nullcline/cells/gru_unit.hpp"

namespace nullcline {

/// The reduced residual n(h) − h, which is zero exactly where F(h) = h.
void gru_reduced(const GruPoint<double>& point, const Linearized<double>& out);
void gru_reduced(const GruPoint<float>& point, const Linearized<float>& out);

/// The whole update F(h) − h = (1 − z) ∘ (n(h) − h).
void gru_update(const GruPoint<double>& point, const Linearized<double>& out);
void gru_update(const GruPoint<float>& point, const Linearized<float>& out);

/// Σ_i weights_i ∂²f_i of the reduced residual, by unit a symmetric matrix over the products of the
/// blocks r and n: rows rr, rn, nn of `out`.
void gru_reduced_curvature(const GruPoint<double>& point, std::span<const double> weights,
                           std::span<double> out);
void gru_reduced_curvature(const GruPoint<float>& point, std::span<const float> weights,
                           std::span<float> out);

/// The same of the whole update, over the products of r, n and z and the state h itself: rows rr,
/// rn, rz, rh, nn, nz, nh, zz, zh, hh.
void gru_update_curvature(const GruPoint<double>& point, std::span<const double> weights,
                          std::span<double> out);
void gru_update_curvature(const GruPoint<float>& point, std::span<const float> weights,
                          std::span<float> out);

/// The scales of ∂F/∂x = Σ_k diag(scales_k) W_k over the input weights, blocks r, n, z.
void gru_input_scales(const GruPoint<double>& point, std::span<double> scales);
void gru_input_scales(const GruPoint<float>& point, std::span<float> scales);

/// The scales of ∂n/∂x; those of the last block are zero.
void gru_reduced_input_scales(const GruPoint<double>& point, std::span<double> scales);
void gru_reduced_input_scales(const GruPoint<float>& point, std::span<float> scales);

}  // namespace nullcline
