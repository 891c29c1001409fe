// Products with a matrix that stays the same for many of them, in either precision.
//
// Training multiplies a few rows by the same weights at every step of every sequence. A BLAS would
// lay the weights out anew each time, and OpenBLAS uses no AVX-512 on processors that it does not
// know. Each element is summed in the order of the depth, whatever its row and whatever the number
// of rows, so that a result does not depend on how rows are shared out among threads. The scheme is
// that of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", 2008).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// A matrix (depth, cols) cut into panels of columns, each stored row after row, the last filled
/// with zeros.
template <class T>
class Panels {
  public:
    static constexpr std::size_t width = 128 / sizeof(T);

    /// One row of a panel.
    struct alignas(64) Row {
        T values[width] = {};
    };

    Panels() = default;

    [[nodiscard]] static Panels of(MatrixView<const T> matrix) {
        Panels panels;
        panels.lay(matrix);
        return panels;
    }

    [[nodiscard]] static Panels transpose_of(MatrixView<const T> matrix) {
        Panels panels;
        panels.resize(matrix.cols(), matrix.rows());
        for (std::size_t j = 0; j < matrix.rows(); ++j) {
            Row* const panel = panels.values_.data() + j / width * matrix.cols();
            for (std::size_t i = 0; i < matrix.cols(); ++i) {
                panel[i].values[j % width] = matrix(j, i);
            }
        }
        return panels;
    }

    /// Hold another matrix, in the memory of the one before.
    void lay(MatrixView<const T> matrix) {
        resize(matrix.rows(), matrix.cols());
        for (std::size_t k = 0; k < depth_; ++k) {
            lay_row(k, matrix.row(k).data());
        }
    }

    /// Set row `k`.
    void lay_row(std::size_t k, const T* row) {
        for (std::size_t first = 0; first < cols_; first += width) {
            std::memcpy(values_[first / width * depth_ + k].values, row + first,
                        std::min(width, cols_ - first) * sizeof(T));
        }
    }

    /// Take another shape. Rows keep nothing, and are to be laid.
    void resize(std::size_t depth, std::size_t cols) {
        depth_ = depth;
        cols_ = cols;
        values_.resize(panels() * depth);
    }

    [[nodiscard]] std::size_t depth() const { return depth_; }
    [[nodiscard]] std::size_t cols() const { return cols_; }
    [[nodiscard]] std::size_t panels() const { return (cols_ + width - 1) / width; }
    [[nodiscard]] const Row* panel(std::size_t i) const { return values_.data() + i * depth_; }

  private:
    std::vector<Row> values_;
    std::size_t depth_ = 0;
    std::size_t cols_ = 0;
};

/// c += a b, for a (m, depth), b (depth, n) and c (m, n).
void add_product(MatrixView<const float> a, const Panels<float>& b, MatrixView<float> c);
void add_product(MatrixView<const double> a, const Panels<double>& b, MatrixView<double> c);

/// c += aᵀ b, for a (depth, m), b (depth, n) and c (m, n).
void add_transposed_product(MatrixView<const float> a, const Panels<float>& b, MatrixView<float> c);
void add_transposed_product(MatrixView<const double> a, const Panels<double>& b,
                            MatrixView<double> c);

}  // namespace nullcline
