// Bounds of a cell's outputs, computed once from its activations and weights.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/cells/unit.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline {

/// The range of the outputs: one for all units, or one each.
template <class T>
struct OutputBounds {
    Range<T> range = open_unit_range<T>;
    std::vector<T> lows, highs;  ///< of each unit, or nothing

    /// The box at zero drive, valid as long as this object.
    [[nodiscard]] Box<T> box() const {
        return lows.empty() ? Box<T>{range} : Box<T>{range, lows.data(), highs.data()};
    }
};

namespace detail {

template <class T>
[[nodiscard]] Range<T> range_of(Activation activation) {
    return with_activation(activation, []<class A>() { return A::template range<T>; });
}

/// The sum over j of w_j times numbers from the j-th range; infinite where a range is.
template <class T>
[[nodiscard]] Range<T> range_of_sum(std::span<const T> w, std::span<const Range<T>> ranges) {
    constexpr T most = std::numeric_limits<T>::max();
    const T growth = 4 * static_cast<T>(w.size() + 1) * std::numeric_limits<T>::epsilon();
    /// One end of the sum, moved outward by far more than it may have been rounded.
    const auto end = [&](T sign) {
        T sum = 0;
        T size = 0;
        for (std::size_t j = 0; j < w.size(); ++j) {
            const Range<T>& range = ranges[ranges.size() == 1 ? 0 : j];
            const T bound = w[j] * sign > 0 ? range.high : range.low;
            if (w[j] != T{0} && std::abs(bound) >= most) {
                return sign * most;
            }
            sum += w[j] * bound;
            size += std::abs(w[j] * bound);
        }
        return std::clamp(sum + sign * growth * size, -most, most);
    };
    return {end(T{-1}), end(T{1}), true};
}

/// W times a vector of numbers from these ranges, unit by unit.
template <class T>
[[nodiscard]] std::vector<Range<T>> ranges_of_product(MatrixView<const T> w,
                                                      std::span<const Range<T>> ranges) {
    std::vector<Range<T>> product;
    product.reserve(w.rows());
    for (std::size_t i = 0; i < w.rows(); ++i) {
        product.push_back(range_of_sum(std::span<const T>(w.row(i)), ranges));
    }
    return product;
}

/// W φ for a vector φ of numbers from these ranges. With W = L Rᵀ it is bounded as L (Rᵀ φ), by
/// wider ranges, without W.
template <class T>
[[nodiscard]] std::vector<Range<T>> ranges_of_product(const Weights<T>& w,
                                                      std::span<const Range<T>> ranges) {
    if (!w.is_low_rank()) {
        return ranges_of_product(w.dense(), ranges);
    }
    Matrix<T> transposed(w.rank(), w.cols());
    for (std::size_t j = 0; j < w.cols(); ++j) {
        for (std::size_t r = 0; r < w.rank(); ++r) {
            transposed.view()(r, j) = w.right()(j, r);
        }
    }
    const auto inner = ranges_of_product(MatrixView<const T>(transposed.view()), ranges);
    return ranges_of_product(w.left(), std::span<const Range<T>>(inner));
}

}  // namespace detail

/// The bounds of outputs whose units have these activations (one for all, or one each): the range
/// of φ, or |Σ_j W_ij φ_j| <= Σ_j |W_ij| sup|φ_j|, for either bound separately.
template <class T>
[[nodiscard]] OutputBounds<T> output_bounds(Bounds bounds, std::span<const Activation> activations,
                                            const Weights<T>& recurrent) {
    OutputBounds<T> out;
    if (bounds == Bounds::open_unit) {
        return out;
    }
    std::vector<Range<T>> ranges;
    for (const Activation activation : activations) {
        ranges.push_back(detail::range_of<T>(activation));
    }
    if (bounds == Bounds::weighted_activation) {
        ranges = detail::ranges_of_product(recurrent, std::span<const Range<T>>(ranges));
    }
    out.range = ranges.front();
    if (ranges.size() > 1 || bounds == Bounds::weighted_activation) {
        for (const Range<T>& range : ranges) {
            out.lows.push_back(range.low);
            out.highs.push_back(range.high);
            out.range.has_faces = out.range.has_faces || range.has_faces;
        }
    }
    return out;
}

}  // namespace nullcline
