// Row-major matrices: a view that owns nothing, and a matrix that owns its memory.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace nullcline {

/// A row-major matrix in memory of another owner, or some columns of one. `T` is const for a view
/// that only reads.
template <class T>
class MatrixView {
  public:
    MatrixView() = default;
    constexpr MatrixView(T* data, std::size_t rows, std::size_t cols)
        : MatrixView(data, rows, cols, cols) {}

    /// Rows begin `stride` numbers apart.
    constexpr MatrixView(T* data, std::size_t rows, std::size_t cols, std::size_t stride)
        : data_(data), rows_(rows), cols_(cols), stride_(stride) {}

    /// A view that may write converts to one that only reads.
    template <class U>
        requires std::is_same_v<const U, T>
    constexpr MatrixView(const MatrixView<U>& other)  // NOLINT(google-explicit-constructor)
        : MatrixView(other.data(), other.rows(), other.cols(), other.stride()) {}

    [[nodiscard]] constexpr T* data() const { return data_; }
    [[nodiscard]] constexpr std::size_t rows() const { return rows_; }
    [[nodiscard]] constexpr std::size_t cols() const { return cols_; }
    [[nodiscard]] constexpr std::size_t stride() const { return stride_; }
    [[nodiscard]] constexpr std::size_t size() const { return rows_ * cols_; }
    /// All numbers, of a matrix whose rows are contiguous.
    [[nodiscard]] constexpr std::span<T> elements() const { return {data_, size()}; }
    [[nodiscard]] constexpr std::span<T> row(std::size_t i) const {
        return {data_ + i * stride_, cols_};
    }

    /// Rows `first` to `first + count`.
    [[nodiscard]] constexpr MatrixView middle_rows(std::size_t first, std::size_t count) const {
        return {data_ + first * stride_, count, cols_, stride_};
    }

    /// Columns `first` to `first + count`.
    [[nodiscard]] constexpr MatrixView columns(std::size_t first, std::size_t count) const {
        return {data_ + first, rows_, count, stride_};
    }

    constexpr T& operator()(std::size_t i, std::size_t j) const { return data_[i * stride_ + j]; }

  private:
    T* data_ = nullptr;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
    std::size_t stride_ = 0;
};

/// A row-major matrix with memory of its own, zero at first.
template <class T>
class Matrix {
  public:
    Matrix() = default;
    Matrix(std::size_t rows, std::size_t cols) : values_(rows * cols), rows_(rows), cols_(cols) {}

    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] std::size_t cols() const { return cols_; }
    [[nodiscard]] MatrixView<T> view() { return {values_.data(), rows_, cols_}; }
    [[nodiscard]] MatrixView<const T> view() const { return {values_.data(), rows_, cols_}; }
    [[nodiscard]] std::span<T> row(std::size_t i) { return view().row(i); }
    [[nodiscard]] std::span<const T> row(std::size_t i) const { return view().row(i); }
    [[nodiscard]] std::span<T> elements() { return values_; }
    [[nodiscard]] std::span<const T> elements() const { return values_; }

  private:
    std::vector<T> values_;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
};

}  // namespace nullcline
