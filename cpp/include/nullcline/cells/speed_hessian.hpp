// The Hessian of the speed q over the state, written out: for tests of second order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"

namespace nullcline {

namespace detail {

/// Σ_k f_k ∂²f_k at one state, as a symmetric matrix per unit over all fields: the products with
/// the weights, then the parts of the state.
template <class T>
class FieldCurvature {
  public:
    FieldCurvature(const CellEquation<T>& equation, const StateTile<T>& tile, std::size_t i,
                   std::span<const T> gated_input_weights)
        : units_(equation.units()),
          blocks_(equation.blocks()),
          n_fields_(equation.blocks() + equation.parts()),
          entries_(n_fields_ * n_fields_ * units_) {
        const std::size_t n_curved = equation.curved_fields();
        std::vector<T> triangle(curvature_size(n_curved, units_));
        equation.curvature(SerialGroup(), tile.h.row(i), tile.products.row(i), tile.drives.row(i),
                           tile.points[i].residual(), gated_input_weights, std::span(triangle));
        std::size_t entry = 0;
        for (std::size_t p = 0; p < n_curved; ++p) {
            for (std::size_t q = p; q < n_curved; ++q) {
                for (std::size_t unit = 0; unit < units_; ++unit, ++entry) {
                    entries_[index(p, q, unit)] = entries_[index(q, p, unit)] = triangle[entry];
                }
            }
        }
    }

    /// out += the row of a field of one unit, times what `weights` give of the products by the
    /// outputs.
    void add_row(std::size_t field, std::size_t unit, MatrixView<const T> weights,
                 std::span<T> out) const {
        for (std::size_t k = 0; k < blocks_; ++k) {
            add_scaled(entries_[index(field, k, unit)], weights.row(k * units_ + unit),
                       out.first(units_));
        }
        for (std::size_t k = blocks_; k < n_fields_; ++k) {
            out[(k - blocks_) * units_ + unit] += entries_[index(field, k, unit)];
        }
    }

  private:
    [[nodiscard]] std::size_t index(std::size_t p, std::size_t q, std::size_t unit) const {
        return (p * n_fields_ + q) * units_ + unit;
    }

    std::size_t units_, blocks_, n_fields_;
    std::vector<T> entries_;
};

/// Write out Σ_k f_k ∂²f_k over the state, (S, S), from the curvature over the fields.
template <class T>
void assemble_curvature(const FieldCurvature<T>& curvature, MatrixView<const T> weights,
                        MatrixView<T> out) {
    const std::size_t units = weights.cols();
    Matrix<T> by_products(weights.rows(), out.cols());
    for (std::size_t row = 0; row < weights.rows(); ++row) {
        curvature.add_row(row / units, row % units, weights, by_products.row(row));
    }
    blas::multiply_by_transpose(weights, MatrixView<const T>(by_products.view()),
                                out.middle_rows(0, units));
    std::ranges::fill(out.middle_rows(units, out.rows() - units).elements(), T{0});
    for (std::size_t row = 0; row < out.rows(); ++row) {
        curvature.add_row((weights.rows() + row) / units, row % units, weights, out.row(row));
    }
}

}  // namespace detail

/// ∂²q/∂s² = (JᵀJ + Σ_k f_k ∂²f_k) 2 / S, one (S, S) matrix per state, stacked in `out`.
///
/// JᵀJ is made of J as a whole: a sum over fields would lose a small J in the rounding of its
/// terms.
template <class T>
void speed_hessian(const Batch<T>& batch, MatrixView<T> out) {
    const std::size_t size = batch.cell.state_size();
    const T scale = T{2} / static_cast<T>(size);
    const CellEquation<T> equation = detail::update(batch);
    const DenseWeights<T> weights(equation.weights());
    const auto write = [&](const auto& tile) {
        Matrix<T> jacobian(size, size);
        Matrix<T> gram(size, size);
        for (std::size_t i = 0; i < tile.count(); ++i) {
            const std::span<const Linearization<T>> point(&tile.points[i], 1);
            const JacobianView<T> view = point[0].jacobian();
            const Matrix<T> gated_input = weigh_gated_input(
                equation, point, MatrixView<const T>(point[0].residual().data(), 1, size));
            const detail::FieldCurvature<T> curvature(equation, tile, i, gated_input.row(0));
            const auto hessian = out.middle_rows((tile.first + i) * size, size);
            if (view.gate.empty()) {
                detail::assemble_curvature(curvature, weights.view(), hessian);
            } else {
                const Matrix<T> effective = effective_weights(view.gate, weights.view());
                detail::assemble_curvature(curvature, MatrixView<const T>(effective.view()),
                                           hessian);
            }
            assemble(view, weights.view(), jacobian.view());
            blas::gram(MatrixView<const T>(jacobian.view()), gram.view());
            for (std::size_t row = 0; row < size; ++row) {
                for (std::size_t col = 0; col < size; ++col) {
                    T& element = hessian(row, col);
                    element =
                        scale * (element + gram.view()(std::min(row, col), std::max(row, col)));
                }
            }
        }
    };
    detail::for_each_linearization(batch, equation, write, 1);  // each state is work enough
}

}  // namespace nullcline
