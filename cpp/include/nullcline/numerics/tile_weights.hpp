// Fixed weights, packed for products of a tile of states with W and with Wᵀ.
#pragma once

#include <optional>

#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline {

/// One dense matrix A; a state is a row.
class TileMatrix {
  public:
    template <class T>
    explicit TileMatrix(MatrixView<const T> matrix)
        : plain_(PackedMatrix::of(matrix)), transposed_(PackedMatrix::transpose_of(matrix)) {}

    /// A v for every row v.
    void forward(MatrixView<const float> v, MatrixView<float> out, const BusyBlocks& busy) const {
        multiply(v, transposed_, out, busy);
    }

    /// Aᵀ u for every row u.
    void backward(MatrixView<const float> u, MatrixView<float> out, const BusyBlocks& busy) const {
        multiply(u, plain_, out, busy);
    }

    [[nodiscard]] std::size_t cols() const { return plain_.cols(); }

  private:
    PackedMatrix plain_;
    PackedMatrix transposed_;
};

/// W = A, or W = L Rᵀ, of which L is the first matrix and R the second.
class TileWeights {
  public:
    template <class T>
    explicit TileWeights(const Weights<T>& w) : first_(w.is_low_rank() ? w.left() : w.dense()) {
        if (w.is_low_rank()) {
            right_.emplace(w.right());
        }
    }

    /// W v for every row v.
    void forward(MatrixView<const float> v, MatrixView<float> out, const BusyBlocks& busy) const {
        if (!right_) {
            return first_.forward(v, out, busy);
        }
        Matrix<float> inner(tile_rows, right_->cols());
        right_->backward(v, inner.view(), busy);
        first_.forward(inner.view(), out, busy);
    }

    /// Wᵀ u for every row u.
    void backward(MatrixView<const float> u, MatrixView<float> out, const BusyBlocks& busy) const {
        if (!right_) {
            return first_.backward(u, out, busy);
        }
        Matrix<float> inner(tile_rows, right_->cols());
        first_.backward(u, inner.view(), busy);
        right_->forward(inner.view(), out, busy);
    }

  private:
    TileMatrix first_;
    std::optional<TileMatrix> right_;
};

}  // namespace nullcline
