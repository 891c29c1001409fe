// Many matrices in one block of memory, of the host or of a device.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// Cuts matrices one after the other out of a block of memory. Without a block it only measures: a
/// layout is computed twice, first for its size and then for its addresses.
class Arena {
  public:
    Arena() = default;
    explicit Arena(std::byte* base) : base_(base) {}

    template <class T>
    [[nodiscard]] MatrixView<T> matrix(std::size_t rows, std::size_t cols) {
        const std::size_t first = used_;
        pieces_.push_back({first, rows * cols * sizeof(T)});
        used_ = align(used_ + rows * cols * sizeof(T));
        return {base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + first), rows, cols};
    }

    /// Where a matrix begins and how large it is, in bytes.
    struct Piece {
        std::size_t first, bytes;
    };
    [[nodiscard]] std::span<const Piece> pieces() const { return pieces_; }

    [[nodiscard]] std::byte* base() const { return base_; }

    /// Bytes cut so far.
    [[nodiscard]] std::size_t used() const { return used_; }

  private:
    static constexpr std::size_t alignment = 256;  // what cudaMalloc gives

    static constexpr std::size_t align(std::size_t n) {
        return (n + alignment - 1) / alignment * alignment;
    }

    std::byte* base_ = nullptr;
    std::size_t used_ = 0;
    std::vector<Piece> pieces_;
};

}  // namespace nullcline
