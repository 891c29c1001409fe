// Known zeros divided out of an equation, so that a search from the same starts finds others.
//
// The residual f is replaced by M f with M(h) = Π_i (1 / d_i² + 1), d_i² the mean square distance
// of h from the known zero i: M f has f's other zeros and, where those are simple, no others
// (Farrell, Birkisson and Funke, SIAM J. Sci. Comput. 37, 2015, with power 2 and shift 1).
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

template <class T>
class Deflation {
  public:
    Deflation() = default;
    constexpr explicit Deflation(MatrixView<const T> zeros) : zeros_(zeros) {}

    [[nodiscard]] constexpr bool empty() const { return zeros_.rows() == 0; }

    /// M(h): infinite at a known zero.
    template <ThreadGroup Group>
    [[nodiscard]] NULLCLINE_DEVICE double factor(const Group& group, std::span<const T> h) const {
        double product = 1;
        for (std::size_t i = 0; i < zeros_.rows(); ++i) {
            product *= 1 / square_distance(group, h, zeros_.row(i)) + 1;
        }
        return product;
    }

    /// The factor by which Newton's step on M f is longer than s, the one on f:
    /// 1 / (1 − ∇(ln M)ᵀ s), because the Jacobians differ by a matrix of rank one. It is negative
    /// where the steps have opposite directions.
    template <ThreadGroup Group>
    [[nodiscard]] NULLCLINE_DEVICE double stretch(const Group& group, std::span<const T> h,
                                                  std::span<const T> s) const {
        double slope = 0;
        for (std::size_t i = 0; i < zeros_.rows(); ++i) {
            const double square = square_distance(group, h, zeros_.row(i));
            const double product = group.sum(h.size(), [&](std::size_t j) {
                return static_cast<double>(h[j] - zeros_(i, j)) * static_cast<double>(s[j]);
            });
            slope -= 2 * product / (static_cast<double>(h.size()) * square * (1 + square));
        }
        return 1 / (1 - slope);
    }

  private:
    template <ThreadGroup Group>
    [[nodiscard]] static NULLCLINE_DEVICE double square_distance(const Group& group,
                                                                 std::span<const T> a,
                                                                 std::span<const T> b) {
        const double sum = group.sum(a.size(), [&](std::size_t i) {
            const auto difference = static_cast<double>(a[i] - b[i]);
            return difference * difference;
        });
        return sum / static_cast<double>(a.size());
    }

    MatrixView<const T> zeros_;
};

}  // namespace nullcline
