// The rates of Adam over a descent.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>

#include "nullcline/numerics/adam.hpp"
#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

/// Adam with its defaults (Kingma and Ba, 2015) and a rate that falls by a cosine to a hundredth
/// over the iterations allowed: a constant rate would keep oscillating around the minimum.
class AdamSchedule {
  public:
    AdamSchedule() = default;
    constexpr AdamSchedule(double initial_rate, std::size_t max_iterations)
        : initial_rate_(initial_rate), max_iterations_(static_cast<double>(max_iterations)) {}

    [[nodiscard]] NULLCLINE_HOST_DEVICE AdamFactors next() {
        const double cosine = std::cos(std::numbers::pi * iteration_ / max_iterations_);
        const double rate = initial_rate_ * (last_part + (1 - last_part) * (1 + cosine) / 2);
        ++iteration_;
        power_first_ *= adam_decay_first;
        power_second_ *= adam_decay_second;
        return {static_cast<float>(-rate / (1 - power_first_)),
                static_cast<float>(1 / (1 - power_second_))};
    }

  private:
    /// The last rate, as a part of the initial one. Not calibrated: it only has to be well below 1.
    static constexpr double last_part = 0.01;

    double initial_rate_ = 0;
    double max_iterations_ = 1;
    double iteration_ = 0;
    double power_first_ = 1;
    double power_second_ = 1;
};

}  // namespace nullcline
