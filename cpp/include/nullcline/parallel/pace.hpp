// How often something is done that could be done all the time.
#pragma once

#include <chrono>

#include "nullcline/parallel/workers.hpp"

namespace nullcline {

/// Tells whether it is time again, at most once every `poll_interval`; the first time it is.
class Pace {
  public:
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] bool is_due(Clock::time_point now = Clock::now()) {
        if (now < next_) {
            return false;
        }
        next_ = now + poll_interval;
        return true;
    }

  private:
    Clock::time_point next_{};
};

}  // namespace nullcline
