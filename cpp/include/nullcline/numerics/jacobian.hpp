// The Jacobian of a residual, J = Σ_k diag(c_k) W_k − diag(d) for every recurrent cell: start here.
//
// The W_k are the blocks of one fixed matrix of weights, so that a Jacobian is stored as a few
// vectors, its scales. Where it comes from and where it goes:
//
//   cells/unit.hpp             linearize_unit differentiates the equations: the scales of one unit
//   cells/equation.hpp         `linearize` does so for a state; `Linearization` owns one Jacobian
//   batching/states.hpp        `StateMemory` and `JacobianMemory` own those of a tile's slots
//   this file                  J v and Jᵀ u, from products of a whole tile of states with W and Wᵀ;
//                              J written out; the norm of its terms
//   numerics/gated_block.hpp   the factor W_0 M where the first block multiplies the state through
//                              a gate: W_0 M then stands for W_0
//   cells/batched.hpp          ∂F/∂h and ∂F/∂x of many states and their products, for Python
//   cells/residual_map.hpp     the reduced residual's at one state, as a map
//   cpu/ and gpu/dense_steps.hpp   factors of J for steps
//
// A state may have several parts of H numbers each (an LSTM's are h and c), of which the weights
// multiply the first alone. Then rows of part p have scales c_pk of their own, and each unit's
// parts are coupled by its d_pq:  J = Σ_k diag(c_pk) W_k − diag(d_pq)  in block (p, q), without W
// for q > 0.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// One Jacobian, as its scales.
template <class T>
struct JacobianView {
    std::span<const T> scales;    ///< c, parts x blocks x H
    std::span<const T> identity;  ///< d, parts x parts x H
    std::span<const T> gate;      ///< of M, 2 x H; or nothing

    [[nodiscard]] constexpr std::size_t parts(std::size_t size) const {
        return identity.size() / size;
    }
    [[nodiscard]] constexpr std::size_t blocks(std::size_t size) const {
        return scales.size() / size;
    }

    /// d_pp for part p.
    [[nodiscard]] constexpr std::span<const T> diagonal(std::size_t size, std::size_t p) const {
        const std::size_t units = size / parts(size);
        return identity.subspan((p * parts(size) + p) * units, units);
    }
};

namespace detail {

/// Call `use.operator()<parts, blocks>()`, so that the short loops within loops over units unroll,
/// and those are vectorized.
template <class Use>
NULLCLINE_DEVICE void with_shape(std::size_t parts, std::size_t blocks, const Use& use) {
    with_field_count(blocks, [&]<std::size_t n_blocks>() {
        if (parts == 1) {
            use.template operator()<1, n_blocks>();
        } else {
            use.template operator()<2, n_blocks>();
        }
    });
}

}  // namespace detail

/// out = J v, given products = W v.
template <class Group, class T>
NULLCLINE_DEVICE_CALL void finish_jvp(const Group& group, const JacobianView<T>& jacobian,
                                      std::span<const T> products, std::span<const T> v,
                                      std::span<T> out) {
    const std::size_t units = v.size() / jacobian.parts(v.size());
    const T* const product = products.data();
    const T* const x = v.data();
    const T* const scales = jacobian.scales.data();
    const T* const identities = jacobian.identity.data();
    T* const to = out.data();
    const std::size_t n_blocks = jacobian.blocks(v.size());
    detail::with_shape(jacobian.parts(v.size()), n_blocks,
                       [&]<std::size_t parts, std::size_t blocks>() {
                           for (std::size_t p = 0; p < parts; ++p) {
                               const T* const scale = scales + p * blocks * units;
                               const T* const identity = identities + p * parts * units;
                               T* const y = to + p * units;
                               group.for_each(units, [=](std::size_t i) {
                                   T sum = -identity[i] * x[i];
                                   for (std::size_t q = 1; q < parts; ++q) {
                                       sum -= identity[q * units + i] * x[q * units + i];
                                   }
                                   for (std::size_t k = 0; k < blocks; ++k) {
                                       sum += scale[k * units + i] * product[k * units + i];
                                   }
                                   y[i] = sum;
                               });
                           }
                       });
}

/// scaled = Σ_p c_p ∘ u_p in every block: the operand of Wᵀ in Jᵀ u.
template <class Group, class T>
NULLCLINE_DEVICE_CALL void begin_vjp(const Group& group, const JacobianView<T>& jacobian,
                                     std::span<const T> u, std::span<T> scaled) {
    const std::size_t units = u.size() / jacobian.parts(u.size());
    const std::size_t n = scaled.size();
    const T* const x = u.data();
    const T* const scales = jacobian.scales.data();
    T* const to = scaled.data();
    detail::with_shape(jacobian.parts(u.size()), n / units,
                       [&]<std::size_t parts, std::size_t blocks>() {
                           for (std::size_t k = 0; k < blocks; ++k) {
                               const T* const scale = scales + k * units;
                               T* const y = to + k * units;
                               group.for_each(units, [=](std::size_t i) {
                                   T sum = scale[i] * x[i];
                                   for (std::size_t p = 1; p < parts; ++p) {
                                       sum += scale[p * n + i] * x[p * units + i];
                                   }
                                   y[i] = sum;
                               });
                           }
                       });
}

/// Finish Jᵀ u in `out`, whose first part is Wᵀ `scaled` already: add −d ∘ u.
template <class Group, class T>
NULLCLINE_DEVICE_CALL void finish_vjp(const Group& group, const JacobianView<T>& jacobian,
                                      std::span<const T> u, std::span<T> out) {
    const std::size_t units = u.size() / jacobian.parts(u.size());
    const T* const x = u.data();
    const T* const identities = jacobian.identity.data();
    T* const to = out.data();
    detail::with_shape(jacobian.parts(u.size()), 1, [&]<std::size_t parts, std::size_t>() {
        for (std::size_t q = 0; q < parts; ++q) {
            const T* const identity = identities + q * units;
            T* const y = to + q * units;
            const bool has_product = q == 0;  // by the weights
            group.for_each(units, [=](std::size_t i) {
                T sum = has_product ? y[i] : T{0};
                for (std::size_t p = 0; p < parts; ++p) {
                    sum -= identity[p * parts * units + i] * x[p * units + i];
                }
                y[i] = sum;
            });
        }
    });
}

/// Write out the matrix Σ_k diag(c_pk) W_k, without the diagonals, (parts H, columns of W), to the
/// first columns of `out`.
template <class T>
void assemble_products(std::span<const T> scales, MatrixView<const T> weights, MatrixView<T> out) {
    const std::size_t rows = out.rows();
    const std::size_t cols = weights.cols();
    const std::size_t blocks = scales.size() / rows;
    const std::size_t units = weights.rows() / blocks;
    for (std::size_t row = 0; row < rows; ++row) {
        const std::size_t part = row / units;
        const std::size_t i = row % units;
        T* const y = out.row(row).data();
        for (std::size_t k = 0; k < blocks; ++k) {
            const T scale = scales[(part * blocks + k) * units + i];
            const T* const w = weights.row(k * units + i).data();
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
void assemble(const JacobianView<T>& jacobian, MatrixView<const T> weights, MatrixView<T> out) {
    const std::size_t size = out.rows();
    const std::size_t parts = jacobian.parts(size);
    const std::size_t units = size / parts;
    if (jacobian.gate.empty()) {
        assemble_products(jacobian.scales, weights, out);
    } else {
        const Matrix<T> effective = effective_weights(jacobian.gate, weights);
        assemble_products(jacobian.scales, effective.view(), out);
    }
    for (std::size_t row = 0; row < size; ++row) {
        const T* const identity = jacobian.identity.data() + row / units * size + row % units;
        out(row, row % units) -= identity[0];
        for (std::size_t q = 1; q < parts; ++q) {
            for (std::size_t j = 0; j < units; ++j) {
                out(row, q * units + j) = 0;
            }
            out(row, q * units + row % units) = -identity[q * units];
        }
    }
}

/// The norm of a Jacobian's terms, (Σ ‖diag(c_pk) W_k‖² + ‖d‖²)^½ in Frobenius norms, from the
/// Euclidean norms of the weights' rows.
///
/// This is the scale of J before its terms cancel, and so of its rounding errors. ‖J‖_F itself does
/// not serve: at a fold of a single unit all of J vanishes, and nothing would be small beside it.
/// For W_0 M it takes ‖W_0‖ (‖M‖² / H)^½.
template <class Group, class T>
[[nodiscard]] NULLCLINE_DEVICE_CALL T term_norm(const Group& group, const JacobianView<T>& jacobian,
                                                std::span<const T> row_norms) {
    const std::size_t n_gated = jacobian.gate.size() / 2;
    const T of_gate = n_gated > 0 ? gate_square(group, jacobian.gate, row_norms) : T{1};
    T terms = 0;
    for (std::size_t first = 0; first < jacobian.scales.size(); first += row_norms.size()) {
        const T* const scale = jacobian.scales.data() + first;
        terms += group.sum(row_norms.size(), [&](std::size_t i) {
            const T term = scale[i] * row_norms[i];
            return term * term * (i < n_gated ? of_gate : T{1});
        });
    }
    return std::sqrt(group.dot(jacobian.identity, jacobian.identity) + terms);
}

}  // namespace nullcline
