// Jacobians of the form Σ_k diag(c_k) W_k − diag(d): those of every gated recurrent cell.
//
// The W_k are the blocks of one fixed matrix of weights, so that a Jacobian is a few vectors; its
// products with vectors are one product with the weights, for a whole tile of states at once, and
// these loops before or after it.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"

namespace nullcline {

/// The scales of one Jacobian: `blocks` of them over the weights, one over the identity.
template <class T>
struct RowScales {
    std::span<const T> scales;    ///< c, blocks x H
    std::span<const T> identity;  ///< d, H
};

/// out = J v, given products = W v.
template <class Team, class T>
NULLCLINE_TEAM void finish_jvp(const Team& team, const RowScales<T>& jacobian,
                               std::span<const T> products, std::span<const T> v,
                               std::span<T> out) {
    const std::size_t size = v.size();
    const std::size_t blocks = jacobian.scales.size() / size;
    const T* const scale = jacobian.scales.data();
    const T* const product = products.data();
    const T* const identity = jacobian.identity.data();
    const T* const x = v.data();
    T* const y = out.data();
    team.for_each(size, [=](std::size_t i) {
        T sum = -identity[i] * x[i];
        for (std::size_t k = 0; k < blocks; ++k) {
            sum += scale[k * size + i] * product[k * size + i];
        }
        y[i] = sum;
    });
}

/// scaled = c ∘ u in every block: what Wᵀ is to be applied to for Jᵀ u.
template <class Team, class T>
NULLCLINE_TEAM void begin_vjp(const Team& team, const RowScales<T>& jacobian, std::span<const T> u,
                              std::span<T> scaled) {
    const std::size_t size = u.size();
    const T* const x = u.data();
    for (std::size_t first = 0; first < jacobian.scales.size(); first += size) {
        const T* const scale = jacobian.scales.data() + first;
        T* const y = scaled.data() + first;
        team.for_each(size, [=](std::size_t i) { y[i] = scale[i] * x[i]; });
    }
}

/// out −= d ∘ u, which makes Jᵀ u of out = Wᵀ (c ∘ u).
template <class Team, class T>
NULLCLINE_TEAM void finish_vjp(const Team& team, const RowScales<T>& jacobian, std::span<const T> u,
                               std::span<T> out) {
    const T* const identity = jacobian.identity.data();
    const T* const x = u.data();
    T* const y = out.data();
    team.for_each(u.size(), [=](std::size_t i) { y[i] -= identity[i] * x[i]; });
}

/// Write out the matrix Σ_k diag(c_k) W_k, without the diagonal.
template <class T>
void assemble_products(std::span<const T> scales, MatrixView<const T> weights, MatrixView<T> out) {
    const std::size_t size = out.rows();
    const std::size_t cols = weights.cols();
    const std::size_t blocks = scales.size() / size;
    for (std::size_t i = 0; i < size; ++i) {
        T* const y = out.row(i).data();
        for (std::size_t k = 0; k < blocks; ++k) {
            const T scale = scales[k * size + i];
            const T* const w = weights.row(k * size + i).data();
            if (k == 0) {
                for (std::size_t j = 0; j < cols; ++j) {
                    y[j] = scale * w[j];
                }
            } else {
                for (std::size_t j = 0; j < cols; ++j) {
                    y[j] += scale * w[j];
                }
            }
        }
    }
}

/// Write out the whole Jacobian.
template <class T>
void assemble(const RowScales<T>& jacobian, MatrixView<const T> weights, MatrixView<T> out) {
    assemble_products(jacobian.scales, weights, out);
    for (std::size_t i = 0; i < out.rows(); ++i) {
        out(i, i) -= jacobian.identity[i];
    }
}

/// The size of a Jacobian's terms, (Σ_k ‖diag(c_k) W_k‖² + ‖d‖²)^½ in Frobenius norms, from the
/// Euclidean norms of the weights' rows.
///
/// This is the scale of J before its terms cancel, and so of its rounding errors. ‖J‖_F itself does
/// not serve: at a fold of a single unit all of J vanishes, and nothing would be small beside it.
template <class Team, class T>
[[nodiscard]] NULLCLINE_TEAM T term_norm(const Team& team, const RowScales<T>& jacobian,
                                         std::span<const T> row_norms) {
    const T terms = team.sum(jacobian.scales.size(), [&](std::size_t i) {
        const T term = jacobian.scales[i] * row_norms[i];
        return term * term;
    });
    return std::sqrt(team.dot(jacobian.identity, jacobian.identity) + terms);
}

}  // namespace nullcline
