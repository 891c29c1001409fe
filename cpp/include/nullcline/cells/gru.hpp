// PyTorch's gated recurrent unit, and the two equations whose zeros are its fixed points.
//
//   r = σ(W_ir x + b_ir + W_hr h + b_hr),  z = σ(W_iz x + b_iz + W_hz h + b_hz),
//   n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn)),  F(h, x) = n + z ∘ (h − n)
//
// F(h) − h = (1 − z) ∘ (n(h) − h) and 0 < z < 1, so that h is a fixed point exactly when h = n(h):
// the update gate drops out, and with it a third of the weights and all flatness where z is near 1.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/gru_unit.hpp"
#include "nullcline/gates.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/team.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// A GRU's weights where they lie, on the CPU or on a GPU; blocks stand in the order r, n, z.
template <class T>
struct GruView {
    MatrixView<const T> recurrent;  ///< (3H, H)
    std::span<const T> bias_n;      ///< within r ∘ (...), H
    std::span<const T> row_norms;   ///< Euclidean norms of the rows of `recurrent`, 3H

    [[nodiscard]] constexpr std::size_t size() const { return recurrent.cols(); }
};

/// The weights of a GRU, copied once; blocks stand in the order r, n, z, so that those that the
/// reduced equation needs are a matrix of their own.
template <class T>
class Gru {
  public:
    using Scalar = T;

    /// Weights (3H, D) and (3H, H) and biases (3H) in PyTorch's order r, z, n.
    Gru(MatrixView<const T> weight_ih, MatrixView<const T> weight_hh, std::span<const T> bias_ih,
        std::span<const T> bias_hh)
        : size_(weight_hh.cols()),
          input_(3 * size_, weight_ih.cols()),
          recurrent_(3 * size_, size_),
          bias_(2, 3 * size_),
          row_norms_(3 * size_) {
        copy_reordered(weight_ih, input_.view());
        copy_reordered(weight_hh, recurrent_.view());
        copy_reordered(MatrixView<const T>(bias_ih.data(), 3 * size_, 1),
                       MatrixView<T>(bias_.row(0).data(), 3 * size_, 1));
        copy_reordered(MatrixView<const T>(bias_hh.data(), 3 * size_, 1),
                       MatrixView<T>(bias_.row(1).data(), 3 * size_, 1));
        for (std::size_t i = 0; i < size_; ++i) {
            // Both biases of r and z stand outside every product; that of n within r ∘ (...).
            bias_.row(0)[i] += bias_.row(1)[i];
            bias_.row(0)[2 * size_ + i] += bias_.row(1)[2 * size_ + i];
        }
        for (std::size_t i = 0; i < row_norms_.size(); ++i) {
            row_norms_[i] = norm(recurrent().row(i));
        }
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t input_size() const { return input_.cols(); }
    [[nodiscard]] MatrixView<const T> recurrent() const { return recurrent_.view(); }
    [[nodiscard]] MatrixView<const T> input() const { return input_.view(); }
    [[nodiscard]] std::span<const T> bias_n() const { return bias_.row(1).subspan(size_, size_); }
    [[nodiscard]] std::span<const T> row_norms() const { return row_norms_; }
    [[nodiscard]] GruView<T> view() const { return {recurrent(), bias_n(), row_norms()}; }

    /// The drive of no input.
    [[nodiscard]] std::span<const T> resting_drive() const { return bias_.row(0); }

    /// The drive of one input (D).
    void drive(std::span<const T> x, std::span<T> out) const {
        if (x.empty()) {
            std::ranges::fill(out, T{0});
        } else {
            blas::multiply_vector(input(), x, out);
        }
        add_scaled(T{1}, resting_drive(), out);
    }

  private:
    /// From r, z, n to r, n, z.
    void copy_reordered(MatrixView<const T> from, MatrixView<T> to) const {
        constexpr std::size_t source[] = {0, 2, 1};
        for (std::size_t block = 0; block < 3; ++block) {
            std::ranges::copy(from.middle_rows(source[block] * size_, size_).elements(),
                              to.middle_rows(block * size_, size_).elements().begin());
        }
    }

    std::size_t size_;
    Matrix<T> input_;
    Matrix<T> recurrent_;
    Matrix<T> bias_;  // row 0: outside the products, row 1: as PyTorch's bias_hh
    std::vector<T> row_norms_;
};

/// One of a GRU's two residuals (see `GruReduced` and `GruUpdate`).
template <class T, GruForm form>
class GruResidual {
  public:
    using Scalar = T;
    static constexpr std::size_t blocks = form == GruForm::reduced ? 2 : 3;
    /// The update's curvature sees the state itself as well.
    static constexpr std::size_t curved_fields = form == GruForm::reduced ? 2 : 4;

    constexpr explicit GruResidual(const GruView<T>& cell) : cell_(cell) {}

    [[nodiscard]] constexpr std::size_t size() const { return cell_.size(); }
    [[nodiscard]] constexpr MatrixView<const T> weights() const {
        return cell_.recurrent.middle_rows(0, blocks * size());
    }
    [[nodiscard]] constexpr std::span<const T> row_norms() const {
        return cell_.row_norms.first(blocks * size());
    }

    template <class Team>
    NULLCLINE_TEAM void linearize(const Team& team, std::span<const T> h,
                                  std::span<const T> products, std::span<const T> drive,
                                  const Linearized<T>& out) const {
        const GruArrays<T> at({h, products, drive, cell_.bias_n});
        T* const residual = out.residual.data();
        T* const scales = out.scales.data();
        T* const identity = out.identity.data();
        team.for_each(size(), [=](std::size_t i) {
            gru_linearize_unit<form>(at, i, residual, scales, identity);
        });
    }

    template <class Team>
    NULLCLINE_TEAM void curvature(const Team& team, std::span<const T> h,
                                  std::span<const T> products, std::span<const T> drive,
                                  std::span<const T> weights, std::span<T> out) const {
        const GruArrays<T> at({h, products, drive, cell_.bias_n});
        const T* const weight = weights.data();
        T* const to = out.data();
        team.for_each(size(),
                      [=](std::size_t i) { gru_curvature_unit<form>(at, i, weight[i], to); });
    }

#if !defined(__CUDACC__)
    // A team of one has these loops compiled for its processor.
    void linearize(const SerialTeam&, std::span<const T> h, std::span<const T> products,
                   std::span<const T> drive, const Linearized<T>& out) const {
        const GruPoint<T> point{h, products, drive, cell_.bias_n};
        form == GruForm::reduced ? gru_reduced(point, out) : gru_update(point, out);
    }

    void curvature(const SerialTeam&, std::span<const T> h, std::span<const T> products,
                   std::span<const T> drive, std::span<const T> weights, std::span<T> out) const {
        const GruPoint<T> point{h, products, drive, cell_.bias_n};
        form == GruForm::reduced ? gru_reduced_curvature(point, weights, out)
                                 : gru_update_curvature(point, weights, out);
    }
#endif

    [[nodiscard]] NULLCLINE_SHARED T rounding(std::span<const T> h, std::span<const T> products,
                                              std::span<const T> drive, T length,
                                              std::size_t i) const {
        return gru_rounding_unit<form>(GruArrays<T>({h, products, drive, cell_.bias_n}), i,
                                       cell_.row_norms[i], cell_.row_norms[size() + i], length);
    }

  private:
    GruView<T> cell_;
};

/// n(h) − h: zero exactly at the fixed points, and two blocks of weights instead of three.
template <class T>
struct GruReduced : GruResidual<T, GruForm::reduced> {
    using GruResidual<T, GruForm::reduced>::GruResidual;
};

/// F(h) − h: the update itself, whose mean square is the speed q.
template <class T>
struct GruUpdate : GruResidual<T, GruForm::update> {
    using GruResidual<T, GruForm::update>::GruResidual;
};

template <class T>
GruReduced(const GruView<T>&) -> GruReduced<T>;
template <class T>
GruUpdate(const GruView<T>&) -> GruUpdate<T>;

static_assert(Equation<GruReduced<double>> && Equation<GruUpdate<float>>);

}  // namespace nullcline
