// The gates of one unit of a GRU: the mathematics that the CPU's loops and the GPU's kernels share.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/elementary.hpp"
#include "nullcline/host_device.hpp"

namespace nullcline {

/// What the gates of one state are computed from. Blocks of H stand in the order r, n, z.
template <class T>
struct GruPoint {
    std::span<const T> h;         ///< the state, H
    std::span<const T> products;  ///< W_hh h without bias, 2H (r, n) or 3H (r, n, z)
    std::span<const T> drive;     ///< all that the input and the outer biases add, 3H
    std::span<const T> bias_n;    ///< the bias inside r ∘ (W_hn h + bias), H
};

/// A residual and its Jacobian Σ_k diag(scales_k) W_k − diag(identity).
template <class T>
struct Linearized {
    std::span<T> residual;  ///< H
    std::span<T> scales;    ///< one block of H for each block of weights
    std::span<T> identity;  ///< H
};

/// The two residuals whose zeros are the fixed points: n(h) − h and F(h) − h.
enum class GruForm { reduced, update };

/// The arrays of a point without their lengths, which loops over units do not need.
template <class T>
struct GruArrays {
    constexpr explicit GruArrays(const GruPoint<T>& point)
        : size(point.h.size()),
          h(point.h.data()),
          products(point.products.data()),
          drive(point.drive.data()),
          bias_n(point.bias_n.data()) {}

    std::size_t size;
    const T* h;
    const T* products;
    const T* drive;
    const T* bias_n;
};

/// r, n and their slopes at one unit.
template <class T>
struct GruGates {
    [[gnu::always_inline]] constexpr GruGates(const GruArrays<T>& at, std::size_t i)
        : r(elementary::logistic(at.products[i] + at.drive[i])),
          inner(at.products[at.size + i] + at.bias_n[i]),
          n(elementary::tanh(at.drive[at.size + i] + r.value * inner)),
          slope((T{1} - n) * (T{1} + n)),
          slope_r(r.value * r.complement) {}

    elementary::Logistic<T> r;
    T inner;    ///< what r multiplies
    T n;        ///< the candidate
    T slope;    ///< 1 − n²
    T slope_r;  ///< r (1 − r)
};

template <class T>
[[gnu::always_inline]] constexpr elementary::Logistic<T> gru_z(const GruArrays<T>& at,
                                                               std::size_t i) {
    return elementary::logistic(at.products[2 * at.size + i] + at.drive[2 * at.size + i]);
}

/// Residual and scales of unit i.
template <GruForm form, class T>
[[gnu::always_inline]] constexpr void gru_linearize_unit(const GruArrays<T>& at, std::size_t i,
                                                         T* residual, T* scales, T* identity) {
    const GruGates<T> gates(at, i);
    const T g = gates.n - at.h[i];
    const T scale_r = gates.slope * gates.inner * gates.slope_r;
    const T scale_n = gates.slope * gates.r.value;
    if constexpr (form == GruForm::reduced) {
        residual[i] = g;
        scales[i] = scale_r;
        scales[at.size + i] = scale_n;
        identity[i] = T{1};
    } else {
        const auto z = gru_z(at, i);
        residual[i] = z.complement * g;
        scales[i] = z.complement * scale_r;
        scales[at.size + i] = z.complement * scale_n;
        scales[2 * at.size + i] = -(z.value * z.complement) * g;
        identity[i] = z.complement;
    }
}

/// The scales of ∂F/∂x or ∂n/∂x of unit i, in three blocks.
template <GruForm form, class T>
[[gnu::always_inline]] constexpr void gru_input_scales_unit(const GruArrays<T>& at, std::size_t i,
                                                            T* scales) {
    const GruGates<T> gates(at, i);
    T slope = gates.slope;
    T scale_z = 0;
    if constexpr (form == GruForm::update) {
        const auto z = gru_z(at, i);
        slope *= z.complement;
        scale_z = -(z.value * z.complement) * (gates.n - at.h[i]);
    }
    scales[i] = slope * gates.inner * gates.slope_r;
    scales[at.size + i] = slope;
    scales[2 * at.size + i] = scale_z;
}

/// weight ∂²f_i over the fields of unit i: rows rr, rn, nn for the reduced residual, over the
/// products of r and n; rr, rn, rz, rh, nn, nz, nh, zz, zh, hh for the update.
template <GruForm form, class T>
[[gnu::always_inline]] constexpr void gru_curvature_unit(const GruArrays<T>& at, std::size_t i,
                                                         T weight, T* to) {
    const std::size_t size = at.size;
    const GruGates<T> gates(at, i);
    // n = tanh(u): along products a of r and b of n, u' = s a + r b and u'' = s₂ a² + 2 r' a b.
    const T bend = -2 * gates.n * gates.slope;
    const T s = gates.slope_r * gates.inner;
    T factor = weight;
    if constexpr (form == GruForm::update) {
        const auto z = gru_z(at, i);
        const T by_z = weight * (z.value * z.complement);
        to[2 * size + i] = -by_z * gates.slope * s;              // rz
        to[3 * size + i] = 0;                                    // rh
        to[5 * size + i] = -by_z * gates.slope * gates.r.value;  // nz
        to[6 * size + i] = 0;                                    // nh
        to[7 * size + i] = -by_z * (z.complement - z.value) * (gates.n - at.h[i]);
        to[8 * size + i] = by_z;  // zh
        to[9 * size + i] = 0;     // hh
        factor *= z.complement;
    }
    constexpr std::size_t nn = form == GruForm::update ? 4 : 2;
    to[i] = factor * (bend * s * s + gates.slope * s * (gates.r.complement - gates.r.value));
    to[size + i] = factor * (bend * s * gates.r.value + gates.slope * gates.slope_r);
    to[nn * size + i] = factor * bend * gates.r.value * gates.r.value;
}

/// How far from zero the residual of unit i may come out at a true zero, by rounding alone;
/// `norm_r` and `norm_n` are the Euclidean norms of its rows of W_hr and W_hn, `length` is ‖h‖.
///
/// An inner product of length H errs by less than eps H Σ|W_ij||h_j|; blocked and fused, it errs by
/// a few eps in practice, and Σ|W_ij||h_j| <= ‖W_i‖ ‖h‖. The error goes through r and tanh with the
/// slopes that the Jacobian has too. The margin is for the sums, products and elementary functions
/// (3 ulp) on the way.
template <GruForm form, class T>
[[nodiscard]] NULLCLINE_SHARED T gru_rounding_unit(const GruArrays<T>& at, std::size_t i, T norm_r,
                                                   T norm_n, T length) {
    constexpr T margin = 8 * std::numeric_limits<T>::epsilon();
    const T outer = at.drive[i];
    const T r = T{1} / (T{1} + std::exp(-(at.products[i] + outer)));
    const T inner = at.products[at.size + i] + at.bias_n[i];
    const T n = std::tanh(at.drive[at.size + i] + r * inner);
    const T error_r = norm_r * length + std::abs(outer);
    const T error_n = norm_n * length + std::abs(at.bias_n[i]);
    const T error_sum =
        r * error_n + std::abs(inner) * r * (T{1} - r) * error_r + std::abs(at.drive[at.size + i]);
    const T bound = margin * ((T{1} - n * n) * error_sum + T{1});
    if constexpr (form == GruForm::update) {  // F(h) − h has the factor 1 − z
        return bound / (T{1} + std::exp(at.products[2 * at.size + i] + at.drive[2 * at.size + i]));
    }
    return bound;
}

}  // namespace nullcline
