// A cell of any kind: its weights, copied once, and where they lie.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/catalogue.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"

namespace nullcline {

/// A cell's weights where they lie, on the CPU or on a GPU.
template <class T>
struct CellView {
    CellKind kind{};
    CellTraits traits{};            ///< the kind's: a GPU cannot look them up in the host's table
    MatrixView<const T> recurrent;  ///< (blocks H, H)
    std::span<const T> inner_bias;  ///< H, or nothing
    std::span<const T> row_norms;   ///< Euclidean norms of the rows of `recurrent`

    [[nodiscard]] constexpr std::size_t size() const { return recurrent.cols(); }
};

template <class T>
class Cell {
  public:
    using Scalar = T;

    /// Weights (blocks H, D) and (blocks H, H) and bias (blocks H), blocks in the kind's order;
    /// `inner_bias` (H) where the kind has one.
    Cell(CellKind kind, MatrixView<const T> weight_ih, MatrixView<const T> weight_hh,
         std::span<const T> bias, std::span<const T> inner_bias)
        : kind_(kind),
          input_(weight_ih.rows(), weight_ih.cols()),
          recurrent_(weight_hh.rows(), weight_hh.cols()),
          bias_(bias.begin(), bias.end()),
          inner_bias_(inner_bias.begin(), inner_bias.end()),
          row_norms_(weight_hh.rows()) {
        std::ranges::copy(weight_ih.elements(), input_.elements().begin());
        std::ranges::copy(weight_hh.elements(), recurrent_.elements().begin());
        for (std::size_t i = 0; i < row_norms_.size(); ++i) {
            row_norms_[i] = norm(recurrent().row(i));
        }
    }

    [[nodiscard]] CellKind kind() const { return kind_; }
    [[nodiscard]] const CellTraits& traits() const {
        return cell_traits[static_cast<std::size_t>(kind_)];
    }
    [[nodiscard]] std::size_t size() const { return recurrent_.cols(); }
    [[nodiscard]] std::size_t state_size() const { return traits().parts * size(); }
    [[nodiscard]] std::size_t input_size() const { return input_.cols(); }
    [[nodiscard]] MatrixView<const T> recurrent() const { return recurrent_.view(); }
    [[nodiscard]] MatrixView<const T> input() const { return input_.view(); }
    [[nodiscard]] std::span<const T> inner_bias() const { return inner_bias_; }
    [[nodiscard]] std::span<const T> row_norms() const { return row_norms_; }

    /// This cell, with weights that may lie elsewhere.
    [[nodiscard]] CellView<T> view(MatrixView<const T> recurrent, std::span<const T> inner_bias,
                                   std::span<const T> row_norms) const {
        return {kind_, traits(), recurrent, inner_bias, row_norms};
    }
    [[nodiscard]] CellView<T> view() const { return view(recurrent(), inner_bias(), row_norms()); }

    [[nodiscard]] std::size_t drive_size() const { return bias_.size(); }

    /// The drive of no input.
    [[nodiscard]] std::span<const T> zero_input_drive() const { return bias_; }

    /// The drive of one input (D).
    void drive(std::span<const T> x, std::span<T> out) const {
        if (x.empty()) {
            std::ranges::fill(out, T{0});
        } else {
            blas::multiply_vector(input(), x, out);
        }
        add_scaled(T{1}, zero_input_drive(), out);
    }

  private:
    CellKind kind_;
    Matrix<T> input_;
    Matrix<T> recurrent_;
    std::vector<T> bias_, inner_bias_, row_norms_;
};

}  // namespace nullcline
