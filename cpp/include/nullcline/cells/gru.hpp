// PyTorch's gated recurrent unit, and the two equations whose zeros are its fixed points.
//
//   r = σ(W_ir x + b_ir + W_hr h + b_hr),  z = σ(W_iz x + b_iz + W_hz h + b_hz),
//   n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn)),  F(h, x) = n + z ∘ (h − n)
//
// F(h) − h = (1 − z) ∘ (n(h) − h) and 0 < z < 1, so that h is a fixed point exactly when h = n(h):
// the update gate drops out, and with it a third of the weights and all flatness where z is near 1.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/blas.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gates.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

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
          norms_(2, size_) {
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
            norms_.row(0)[i] = norm(recurrent().row(i));
            norms_.row(1)[i] = norm(recurrent().row(size_ + i));
        }
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t input_size() const { return input_.cols(); }
    [[nodiscard]] MatrixView<const T> recurrent() const { return recurrent_.view(); }
    [[nodiscard]] MatrixView<const T> input() const { return input_.view(); }
    [[nodiscard]] std::span<const T> bias_n() const { return bias_.row(1).subspan(size_, size_); }

    /// Euclidean norms of the rows of W_hr and W_hn.
    [[nodiscard]] std::span<const T> norms_r() const { return norms_.row(0); }
    [[nodiscard]] std::span<const T> norms_n() const { return norms_.row(1); }

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
    Matrix<T> norms_;
};

/// Error bound of n(h) − h for each unit, times `scale` (see GruReduced::rounding).
template <class T>
void gru_rounding(const Gru<T>& cell, const GruPoint<T>& point, std::span<const T> scale,
                  std::span<T> out) {
    // An inner product of length H errs by less than eps H Σ|W_ij||h_j|; blocked and fused, it errs
    // by a few eps in practice, and Σ|W_ij||h_j| <= ‖W_i‖ ‖h‖. The error goes through r and tanh
    // with the slopes that the Jacobian has too. The margin is for the sums, products and
    // elementary functions (3 ulp) on the way.
    constexpr T margin = 8 * std::numeric_limits<T>::epsilon();
    const std::size_t size = cell.size();
    const T length = norm(point.h);
    for (std::size_t i = 0; i < size; ++i) {
        const T outer = point.drive[i];
        const T r = T{1} / (T{1} + std::exp(-(point.products[i] + outer)));
        const T inner = point.products[size + i] + point.bias_n[i];
        const T n = std::tanh(point.drive[size + i] + r * inner);
        const T error_r = cell.norms_r()[i] * length + std::abs(outer);
        const T error_n = cell.norms_n()[i] * length + std::abs(point.bias_n[i]);
        const T error_sum = r * error_n + std::abs(inner) * r * (T{1} - r) * error_r +
                            std::abs(point.drive[size + i]);
        out[i] = margin * scale[i] * ((T{1} - n * n) * error_sum + T{1});
    }
}

/// n(h) − h: zero exactly at the fixed points, and two blocks of weights instead of three.
template <class T>
class GruReduced {
  public:
    using Scalar = T;

    explicit GruReduced(const Gru<T>& cell) : cell_(&cell) {}

    [[nodiscard]] std::size_t size() const { return cell_->size(); }
    [[nodiscard]] std::size_t blocks() const { return 2; }
    [[nodiscard]] MatrixView<const T> weights() const {
        return cell_->recurrent().middle_rows(0, 2 * size());
    }

    void linearize(std::span<const T> h, std::span<const T> products, std::span<const T> drive,
                   const Linearized<T>& out) const {
        gru_reduced({h, products, drive, cell_->bias_n()}, out);
    }

    [[nodiscard]] std::size_t curved_fields() const { return 2; }
    void curvature(std::span<const T> h, std::span<const T> products, std::span<const T> drive,
                   std::span<const T> weights, std::span<T> out) const {
        gru_reduced_curvature({h, products, drive, cell_->bias_n()}, weights, out);
    }

    void rounding(std::span<const T> h, std::span<const T> products, std::span<const T> drive,
                  std::span<T> out) const {
        std::ranges::fill(out, T{1});
        gru_rounding(*cell_, {h, products, drive, cell_->bias_n()}, std::span<const T>(out), out);
    }

  private:
    const Gru<T>* cell_;
};

/// F(h) − h: the update itself, whose mean square is the speed q.
template <class T>
class GruUpdate {
  public:
    using Scalar = T;

    explicit GruUpdate(const Gru<T>& cell) : cell_(&cell) {}

    [[nodiscard]] std::size_t size() const { return cell_->size(); }
    [[nodiscard]] std::size_t blocks() const { return 3; }
    [[nodiscard]] MatrixView<const T> weights() const { return cell_->recurrent(); }

    void linearize(std::span<const T> h, std::span<const T> products, std::span<const T> drive,
                   const Linearized<T>& out) const {
        gru_update({h, products, drive, cell_->bias_n()}, out);
    }

    [[nodiscard]] std::size_t curved_fields() const { return 4; }
    void curvature(std::span<const T> h, std::span<const T> products, std::span<const T> drive,
                   std::span<const T> weights, std::span<T> out) const {
        gru_update_curvature({h, products, drive, cell_->bias_n()}, weights, out);
    }

    /// The reduced residual's bound times the factor 1 − z between the two.
    void rounding(std::span<const T> h, std::span<const T> products, std::span<const T> drive,
                  std::span<T> out) const {
        for (std::size_t i = 0; i < size(); ++i) {
            const std::size_t z = 2 * size() + i;
            out[i] = T{1} / (T{1} + std::exp(products[z] + drive[z]));
        }
        gru_rounding(*cell_, {h, products, drive, cell_->bias_n()}, std::span<const T>(out), out);
    }

  private:
    const Gru<T>* cell_;
};

static_assert(Equation<GruReduced<double>> && Equation<GruUpdate<float>>);

}  // namespace nullcline
