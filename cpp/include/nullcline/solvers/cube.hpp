// The open cube (−1, 1)^H, which holds every fixed point of a GRU and every state it can reach.
//
// Outside of it a search meets artefacts: the update gate rounds to 1 there, and any state is
// "fixed".
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

namespace nullcline {

/// The largest coordinate inside.
template <class T>
inline constexpr T cube_bound = T{1} - std::numeric_limits<T>::epsilon();

/// Bring a state in; true where it was outside.
template <class T>
bool project_into_cube(std::span<T> h) {
    bool moved = false;
    for (T& value : h) {
        const T inside = std::clamp(value, -cube_bound<T>, cube_bound<T>);
        moved = moved || inside != value;
        value = inside;
    }
    return moved;
}

/// Whether unit i lies on the face and descent along −gradient would push it through.
template <class T, class U>
[[nodiscard]] bool held_by_face(T h, U gradient) {
    return (h >= cube_bound<T> && gradient < 0) || (h <= -cube_bound<T> && gradient > 0);
}

}  // namespace nullcline
