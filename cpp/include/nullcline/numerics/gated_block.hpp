// A block of weights that multiplies the state through a gate.
//
// In the GRU of 2014 the block W_0 multiplies r ∘ h and not h. Its input m(h) is computed per unit
// from h and the product W_1 h, so that the input's Jacobian is M = diag(a) W_1 + diag(b); `gate`
// stores a (`by_product` below) and b (`by_state`). Products with W_0 M take two steps, one with
// each block: forward, W_1 first; transposed, W_0 first. Where W_0 is the only block, m depends on
// h alone: M = diag(b).
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// out = M v, given the products of v with all blocks but W_0.
template <class Group, class T>
NULLCLINE_DEVICE void gate_jvp(const Group& group, std::span<const T> gate,
                               std::span<const T> products, std::span<const T> v,
                               std::span<T> out) {
    const std::size_t units = out.size();
    const T* const by_product = gate.data();
    const T* const by_state = by_product + units;
    const T* const product = products.data() + units;
    const T* const x = v.data();
    T* const to = out.data();
    if (products.size() == units) {
        return group.for_each(units, [=](std::size_t i) { to[i] = by_state[i] * x[i]; });
    }
    group.for_each(units,
                   [=](std::size_t i) { to[i] = by_product[i] * product[i] + by_state[i] * x[i]; });
}

/// Begin Mᵀ w: add a ∘ w to the part of `scaled` that W_1ᵀ is applied to next.
template <class Group, class T>
NULLCLINE_DEVICE void begin_gate_vjp(const Group& group, std::span<const T> gate,
                                     std::span<const T> w, std::span<T> scaled) {
    if (scaled.size() == w.size()) {
        return group.sync();  // as after every loop: no thread writes what another is still to read
    }
    const T* const by_product = gate.data();
    const T* const from = w.data();
    T* const to = scaled.data() + w.size();
    group.for_each(w.size(), [=](std::size_t i) { to[i] += by_product[i] * from[i]; });
}

/// Finish Mᵀ w: add b ∘ w to `out`.
template <class Group, class T>
NULLCLINE_DEVICE void finish_gate_vjp(const Group& group, std::span<const T> gate,
                                      std::span<const T> w, std::span<T> out) {
    const T* const by_state = gate.data() + w.size();
    const T* const from = w.data();
    T* const to = out.data();
    group.for_each(w.size(), [=](std::size_t i) { to[i] += by_state[i] * from[i]; });
}

/// ‖M‖² / H in Frobenius norms of M's two terms, from the norms of the weights' rows.
template <class Group, class T>
[[nodiscard]] NULLCLINE_DEVICE T gate_square(const Group& group, std::span<const T> gate,
                                             std::span<const T> row_norms) {
    const std::size_t units = gate.size() / 2;
    const T* const by_product = gate.data();
    const T* const by_state = by_product + units;
    const T* const norms = row_norms.data() + units;
    const bool has_product = row_norms.size() > units;
    const T sum = group.sum(units, [=](std::size_t i) {
        const T term = has_product ? by_product[i] * norms[i] : T{0};
        return term * term + by_state[i] * by_state[i];
    });
    return sum / static_cast<T>(units);
}

/// out = W diag(b).
template <class T>
void scale_columns(MatrixView<const T> weights, std::span<const T> b, MatrixView<T> out) {
    for (std::size_t i = 0; i < weights.rows(); ++i) {
        for (std::size_t j = 0; j < weights.cols(); ++j) {
            out(i, j) = weights(i, j) * b[j];
        }
    }
}

/// The weights with W_0 M in place of W_0, which a Jacobian is a row-scaled sum of.
template <class T>
[[nodiscard]] Matrix<T> effective_weights(std::span<const T> gate, MatrixView<const T> weights) {
    const std::size_t units = weights.cols();
    Matrix<T> effective(weights.rows(), units);
    if (weights.rows() == units) {
        scale_columns(weights, gate.subspan(units), effective.view());
        return effective;
    }
    Matrix<T> gated(units, units);
    const MatrixView<T> m = gated.view();
    for (std::size_t i = 0; i < units; ++i) {
        for (std::size_t j = 0; j < units; ++j) {
            m(i, j) = gate[i] * weights(units + i, j);
        }
        m(i, i) += gate[units + i];
    }
    blas::multiply(weights.middle_rows(0, units), MatrixView<const T>(m),
                   effective.view().middle_rows(0, units));
    const auto plain = weights.elements().subspan(units * units);
    std::ranges::copy(plain, effective.elements().subspan(units * units).begin());
    return effective;
}

}  // namespace nullcline
