// Small matrices, over the directions of a subspace.
#pragma once

#include <array>
#include <cstddef>

#if !defined(NULLCLINE_LARGEST_SUBSPACE)
/// The most directions of a subspace, before it restarts. Halved or doubled, the products per start
/// change by 0 %, and by 1 % in single precision (benchmarks/calibrate.py builds with others).
#define NULLCLINE_LARGEST_SUBSPACE 32
#endif

namespace nullcline {

/// A matrix of order at most `largest`; a symmetric one is stored as its lower triangle.
class SmallMatrix {
  public:
    static constexpr std::size_t largest = NULLCLINE_LARGEST_SUBSPACE;
    /// From one row to the next: with one more than there are columns, a column's entries lie in
    /// different banks of a GPU's memory, where those of a stride of 32 are all in one.
    static constexpr std::size_t stride = largest + 1;

    [[nodiscard]] constexpr double& operator()(std::size_t i, std::size_t j) {
        return values_[i * stride + j];
    }
    [[nodiscard]] constexpr double operator()(std::size_t i, std::size_t j) const {
        return values_[i * stride + j];
    }
    [[nodiscard]] constexpr double* row(std::size_t i) { return values_.data() + i * stride; }
    [[nodiscard]] constexpr const double* row(std::size_t i) const {
        return values_.data() + i * stride;
    }

  private:
    std::array<double, largest * stride> values_;
};

}  // namespace nullcline
