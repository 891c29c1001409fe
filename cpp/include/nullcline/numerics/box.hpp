// The box that a cell's outputs cannot leave: it contains every fixed point and every state that
// the network can reach.
//
// Outside of it a search meets artefacts. A GRU's box is the open cube (−1, 1)^H: beyond it the
// update gate rounds to 1, and any state is "fixed".
#pragma once

#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

/// The least and the largest value that an output can have.
template <class T>
struct Range {
    T low, high;
    bool has_faces;  ///< whether a fixed point may lie on a face
};

/// (−1, 1)
template <class T>
inline constexpr Range<T> open_unit_range{-1 + std::numeric_limits<T>::epsilon(),
                                          1 - std::numeric_limits<T>::epsilon(), false};

/// The range of each output: one for all units, or one per unit, which the input may shift. Other
/// parts of a state, such as an LSTM's c, are unbounded. `Box<T, false>` has one range for all,
/// known at compile time.
template <class T, bool may_differ = true>
struct Box {
    Range<T> range;             ///< of every unit; or, where there are more, `has_faces` alone
    const T* lows = nullptr;    ///< of each unit, or nothing
    const T* highs = nullptr;   ///< of each unit, or nothing
    const T* shifts = nullptr;  ///< added to both, or nothing

    [[nodiscard]] constexpr bool has_faces() const { return range.has_faces; }
    [[nodiscard]] constexpr T low(std::size_t i) const {
        return !may_differ || lows == nullptr ? range.low : lows[i] + shift(i);
    }
    [[nodiscard]] constexpr T high(std::size_t i) const {
        return !may_differ || highs == nullptr ? range.high : highs[i] + shift(i);
    }
    /// The nearest value inside the box.
    [[nodiscard]] constexpr T nearest(std::size_t i, T value) const {
        return value > high(i) ? high(i) : value < low(i) ? low(i) : value;
    }
    [[nodiscard]] constexpr bool contains(std::size_t i, T value) const {
        return value >= low(i) && value <= high(i);
    }
    /// Whether a value lies on a face and descent along −gradient would push it through.
    template <class U>
    [[nodiscard]] constexpr bool stops_descent(std::size_t i, T value, U gradient) const {
        return (value >= high(i) && gradient < 0) || (value <= low(i) && gradient > 0);
    }

  private:
    [[nodiscard]] constexpr T shift(std::size_t i) const {
        return shifts == nullptr ? T{0} : shifts[i];
    }
};

/// Call `use(box)` with the simplest type of box that serves: where all units share one range,
/// loops over units have no branches and are vectorized.
template <class T, class Use>
[[gnu::always_inline]] NULLCLINE_DEVICE inline auto with_simplest(const Box<T>& box,
                                                                  const Use& use) {
    if (box.lows == nullptr) {
        return use(Box<T, false>{box.range});
    }
    return use(box);
}

/// Project outputs onto the box; true where they were outside.
template <class Group, class T>
NULLCLINE_DEVICE_CALL bool project_into(const Group& group, const Box<T>& box,
                                        std::span<T> outputs) {
    T* const value = outputs.data();
    return with_simplest(box, [&](const auto& simplest) {
        const auto bounds = simplest;
        if (group.all(outputs.size(),
                      [=](std::size_t i) { return bounds.contains(i, value[i]); })) {
            return false;
        }
        group.for_each(outputs.size(),
                       [=](std::size_t i) { value[i] = bounds.nearest(i, value[i]); });
        return true;
    });
}

}  // namespace nullcline
