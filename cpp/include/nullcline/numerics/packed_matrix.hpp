// Products of a tile of states with one fixed matrix, in single precision.
//
// The BLAS does not serve, for two reasons. A row of the result must not depend on its place in the
// tile, or a start's result would depend on the starts beside it: OpenBLAS's sgemm computes the
// last columns by kernels that round differently (its dgemm happens not to). And the matrix stays
// the same for thousands of products, so that packing it once pays.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// A matrix cut into panels of 16 columns, each stored row after row, the last filled with zeros.
class PackedMatrix {
  public:
    static constexpr std::size_t width = 16;

    /// One row of a panel.
    struct alignas(64) Row {
        float values[width] = {};
    };

    PackedMatrix() = default;

    template <class T>
    [[nodiscard]] static PackedMatrix of(MatrixView<const T> matrix) {
        PackedMatrix packed(matrix.rows(), matrix.cols());
        for (std::size_t i = 0; i < matrix.rows(); ++i) {
            for (std::size_t j = 0; j < matrix.cols(); ++j) {
                packed.set(i, j, static_cast<float>(matrix(i, j)));
            }
        }
        return packed;
    }

    template <class T>
    [[nodiscard]] static PackedMatrix transpose_of(MatrixView<const T> matrix) {
        PackedMatrix packed(matrix.cols(), matrix.rows());
        for (std::size_t i = 0; i < matrix.rows(); ++i) {
            for (std::size_t j = 0; j < matrix.cols(); ++j) {
                packed.set(j, i, static_cast<float>(matrix(i, j)));
            }
        }
        return packed;
    }

    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] std::size_t cols() const { return cols_; }
    [[nodiscard]] std::size_t panels() const { return (cols_ + width - 1) / width; }
    [[nodiscard]] const Row* panel(std::size_t i) const { return values_.data() + i * rows_; }

  private:
    PackedMatrix(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {
        values_.resize(panels() * rows);
    }

    void set(std::size_t i, std::size_t j, float value) {
        values_[j / width * rows_ + i].values[j % width] = value;
    }

    std::vector<Row> values_;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
};

/// Rows of a tile that are multiplied together.
inline constexpr std::size_t tile_block = 6;

/// States that a worker advances together: enough to keep a panel's row busy in registers, few
/// enough to stay in the L2 cache.
inline constexpr std::size_t tile_blocks = 8;
inline constexpr std::size_t tile_rows = tile_blocks * tile_block;

/// Which blocks of a tile have busy rows; the others are not multiplied.
using BusyBlocks = std::array<bool, tile_blocks>;

/// c = a b in the busy blocks of a tile. Every element is summed in the order of a's columns,
/// whatever its row. Only as many columns of `a` are read as b has rows, and only as many columns
/// of c are written as b has.
void multiply(MatrixView<const float> a, const PackedMatrix& b, MatrixView<float> c,
              const BusyBlocks& busy);

}  // namespace nullcline
