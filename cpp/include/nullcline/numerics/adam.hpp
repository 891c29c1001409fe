// One step of Adam (Kingma and Ba, 2015) with its defaults, vectorized.
#pragma once

#include <cmath>
#include <span>

#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

inline constexpr double adam_decay_first = 0.9;     // β₁
inline constexpr double adam_decay_second = 0.999;  // β₂
inline constexpr double adam_epsilon = 1e-8;

/// The factors of one step, −rate (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε): of m and of v.
struct AdamFactors {
    float first;
    float second;
};

/// Update both moments of one unit by its gradient, and return the unit's change.
[[gnu::always_inline]] NULLCLINE_HOST_DEVICE inline float adam_unit(float& first_moment,
                                                                    float& second_moment,
                                                                    float gradient,
                                                                    AdamFactors factors) {
    constexpr auto decay_first = static_cast<float>(adam_decay_first);
    constexpr auto decay_second = static_cast<float>(adam_decay_second);
    constexpr auto epsilon = static_cast<float>(adam_epsilon);
    first_moment += (1.0F - decay_first) * (gradient - first_moment);
    second_moment += (1.0F - decay_second) * (gradient * gradient - second_moment);
    return factors.first * first_moment / (std::sqrt(factors.second * second_moment) + epsilon);
}

/// Update both moments by a gradient and write the change of the state.
void adam_step(std::span<float> first_moment, std::span<float> second_moment,
               std::span<const float> gradient, AdamFactors factors, std::span<float> change);

}  // namespace nullcline
