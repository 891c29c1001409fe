// The Hessian of the speed q over the state, written out: for tests of second order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

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

    /// out += some columns, from `first` on, of the row of a field of one unit, times what
    /// `weights` give of the products by the outputs.
    void add_row(std::size_t field, std::size_t unit, MatrixView<const T> weights,
                 std::size_t first, std::span<T> out) const {
        const std::size_t n_weighted = std::min(out.size(), units_ - std::min(first, units_));
        for (std::size_t k = 0; k < blocks_ && n_weighted > 0; ++k) {
            add_scaled(entries_[index(field, k, unit)],
                       weights.row(k * units_ + unit).subspan(first, n_weighted),
                       out.first(n_weighted));
        }
        for (std::size_t k = blocks_; k < n_fields_; ++k) {
            const std::size_t column = (k - blocks_) * units_ + unit;
            if (column >= first && column < first + out.size()) {
                out[column - first] += entries_[index(field, k, unit)];
            }
        }
    }

  private:
    [[nodiscard]] std::size_t index(std::size_t p, std::size_t q, std::size_t unit) const {
        return (p * n_fields_ + q) * units_ + unit;
    }

    std::size_t units_, blocks_, n_fields_;
    std::vector<T> entries_;
};

/// Write some columns, from `first` on, of JᵀJ + Σ_k f_k ∂²f_k over the state to `out`, (S,
/// columns).
///
/// JᵀJ is made of J as a whole: a sum over fields would lose a small J in the rounding of its
/// terms.
template <class T>
void assemble_hessian(const JacobianView<T>& jacobian, const FieldCurvature<T>& curvature,
                      MatrixView<const T> weights, std::size_t first, MatrixView<T> out) {
    const std::size_t units = weights.cols();
    Matrix<T> dense(out.rows(), out.rows());
    assemble(jacobian, weights, dense.view());
    const MatrixView<const T> j = std::as_const(dense).view();
    blas::multiply_by_transpose(j, j.columns(first, out.cols()), out);

    // Weights that a gate has changed are those that J is made of.
    const Matrix<T> changed =
        jacobian.gate.empty() ? Matrix<T>() : effective_weights(jacobian.gate, weights);
    const MatrixView<const T> effective = jacobian.gate.empty() ? weights : changed.view();
    Matrix<T> by_products(effective.rows(), out.cols());
    for (std::size_t row = 0; row < effective.rows(); ++row) {
        curvature.add_row(row / units, row % units, effective, first, by_products.row(row));
    }
    Matrix<T> of_outputs(units, out.cols());
    blas::multiply_by_transpose(effective, std::as_const(by_products).view(), of_outputs.view());
    for (std::size_t row = 0; row < out.rows(); ++row) {
        if (row < units) {
            add_scaled(T{1}, std::as_const(of_outputs).row(row), out.row(row));
        }
        curvature.add_row((effective.rows() + row) / units, row % units, effective, first,
                          out.row(row));
    }
}

}  // namespace detail

/// ∂²q/∂s² = (JᵀJ + Σ_k f_k ∂²f_k) 2 / S, one (S, S) matrix per state, stacked in `out`.
///
/// Threads share the columns of a matrix, in parts that do not depend on how many threads there
/// are: nor does, then, how a product is rounded.
template <class T>
void speed_hessian(const Batch<T>& batch, MatrixView<T> out) {
    constexpr std::size_t most_columns = 128;
    const std::size_t size = batch.cell.state_size();
    const std::size_t n_parts = (size + most_columns - 1) / most_columns;
    const CellEquation<T> equation = detail::update(batch);
    const DenseWeights<T> weights(equation.weights());
    const auto write_part = [&](std::size_t number, std::size_t) {
        const std::size_t state = number / n_parts;
        const std::size_t first = number % n_parts * size / n_parts;
        const std::size_t n_columns = (number % n_parts + 1) * size / n_parts - first;
        const auto write = [&](const auto& tile) {
            const Matrix<T> gated_input =
                weigh_gated_input(equation, tile.points,
                                  MatrixView<const T>(tile.points[0].residual().data(), 1, size));
            const auto to = out.middle_rows(state * size, size).columns(first, n_columns);
            detail::assemble_hessian(
                tile.points[0].jacobian(),
                detail::FieldCurvature<T>(equation, tile, 0, gated_input.row(0)), weights.view(),
                first, to);
            for (std::size_t row = 0; row < size; ++row) {
                for (T& element : to.row(row)) {
                    element *= T{2} / static_cast<T>(size);
                }
            }
        };
        const Inputs<T> input =
            batch.inputs.shared() ? batch.inputs : Inputs<T>{batch.inputs.x.middle_rows(state, 1)};
        const Batch<T> one{batch.cell, batch.h.middle_rows(state, 1), input, 1, batch.poll};
        detail::for_each_linearization(one, equation, write);
    };
    for_each_tile(batch.h.rows() * n_parts, 1, batch.n_threads, write_part, batch.poll);
}

}  // namespace nullcline
