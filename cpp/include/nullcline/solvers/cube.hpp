// The open cube (−1, 1)^H, which holds every fixed point of a GRU and every state it can reach.
//
// Outside of it a search meets artefacts: the update gate rounds to 1 there, and any state is
// "fixed".
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/host_device.hpp"

namespace nullcline {

/// The largest coordinate inside.
template <class T>
inline constexpr T cube_bound = T{1} - std::numeric_limits<T>::epsilon();

/// The nearest coordinate inside.
template <class T>
[[nodiscard]] constexpr T into_cube(T value) {
    constexpr T bound = cube_bound<T>;
    return value > bound ? bound : value < -bound ? -bound : value;
}

/// Bring a state in; true where it was outside.
template <class Team, class T>
NULLCLINE_TEAM bool project_into_cube(const Team& team, std::span<T> h) {
    T* const value = h.data();
    if (team.all(h.size(), [=](std::size_t i) { return std::abs(value[i]) <= cube_bound<T>; })) {
        return false;
    }
    team.for_each(h.size(), [=](std::size_t i) { value[i] = into_cube(value[i]); });
    return true;
}

/// Whether unit i lies on the face and descent along −gradient would push it through.
template <class T, class U>
[[nodiscard]] constexpr bool held_by_face(T h, U gradient) {
    return (h >= cube_bound<T> && gradient < 0) || (h <= -cube_bound<T> && gradient > 0);
}

}  // namespace nullcline
