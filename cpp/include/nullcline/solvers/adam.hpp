// One step of Adam, vectorized.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <span>

#include "nullcline/host_device.hpp"

namespace nullcline {

/// Adam with its defaults (Kingma and Ba, 2015) and a rate that falls by a cosine to a hundredth
/// over the iterations allowed: a constant rate would keep rattling around the minimum.
class AdamSchedule {
  public:
    static constexpr double decay_first = 0.9;
    static constexpr double decay_second = 0.999;
    static constexpr double epsilon = 1e-8;

    AdamSchedule() = default;
    constexpr AdamSchedule(double initial_rate, std::size_t max_iterations)
        : initial_rate_(initial_rate), max_iterations_(static_cast<double>(max_iterations)) {}

    /// The factors of the next step: −rate (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).
    struct Factors {
        float first;
        float second;
    };

    [[nodiscard]] NULLCLINE_SHARED Factors next() {
        const double cosine = std::cos(std::numbers::pi * iteration_ / max_iterations_);
        const double rate = initial_rate_ * (last_part + (1 - last_part) * (1 + cosine) / 2);
        ++iteration_;
        power_first_ *= decay_first;
        power_second_ *= decay_second;
        return {static_cast<float>(-rate / (1 - power_first_)),
                static_cast<float>(1 / (1 - power_second_))};
    }

  private:
    static constexpr double last_part = 0.01;

    double initial_rate_ = 0;
    double max_iterations_ = 1;
    double iteration_ = 0;
    double power_first_ = 1;
    double power_second_ = 1;
};

/// Both moments and the change of one unit, from its gradient.
[[gnu::always_inline]] NULLCLINE_SHARED inline float adam_unit(float& first_moment,
                                                               float& second_moment, float gradient,
                                                               AdamSchedule::Factors factors) {
    constexpr auto decay_first = static_cast<float>(AdamSchedule::decay_first);
    constexpr auto decay_second = static_cast<float>(AdamSchedule::decay_second);
    constexpr auto epsilon = static_cast<float>(AdamSchedule::epsilon);
    first_moment += (1.0F - decay_first) * (gradient - first_moment);
    second_moment += (1.0F - decay_second) * (gradient * gradient - second_moment);
    return factors.first * first_moment / (std::sqrt(factors.second * second_moment) + epsilon);
}

/// Update both moments by a gradient and write the change of the state.
void adam_step(std::span<float> first_moment, std::span<float> second_moment,
               std::span<const float> gradient, AdamSchedule::Factors factors,
               std::span<float> change);

}  // namespace nullcline
