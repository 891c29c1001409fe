// The box that a cell's outputs cannot leave: it holds every fixed point and every state that the
// network can reach.
//
// Outside of it a search meets artefacts. A GRU's box is the open cube (−1, 1)^H: beyond it the
// update gate rounds to 1, and any state is "fixed".
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

/// The least and the largest coordinate inside. What a state has beside outputs, such as an LSTM's
/// c, is bounded by nothing here.
template <class T>
struct Box {
    T low, high;
    bool has_faces;  ///< whether a fixed point may lie on a face

    /// The nearest coordinate inside.
    [[nodiscard]] constexpr T nearest(T value) const {
        return value > high ? high : value < low ? low : value;
    }

    [[nodiscard]] constexpr bool holds(T value) const { return value >= low && value <= high; }

    /// Whether a coordinate lies on a face and descent along −gradient would push it through.
    template <class U>
    [[nodiscard]] constexpr bool blocks(T value, U gradient) const {
        return (value >= high && gradient < 0) || (value <= low && gradient > 0);
    }
};

/// (−1, 1)^H
template <class T>
inline constexpr Box<T> open_cube{-1 + std::numeric_limits<T>::epsilon(),
                                  1 - std::numeric_limits<T>::epsilon(), false};

/// [0, ∞)^H
template <class T>
inline constexpr Box<T> orthant{0, std::numeric_limits<T>::max(), true};

/// Bring outputs in; true where they were outside.
template <class Group, class T>
NULLCLINE_DEVICE bool project_into(const Group& group, const Box<T>& box, std::span<T> outputs) {
    T* const value = outputs.data();
    if (group.all(outputs.size(), [=](std::size_t i) { return box.holds(value[i]); })) {
        return false;
    }
    group.for_each(outputs.size(), [=](std::size_t i) { value[i] = box.nearest(value[i]); });
    return true;
}

}  // namespace nullcline
