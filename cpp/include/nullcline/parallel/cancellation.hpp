// How a long computation is told to stop.
#pragma once

#include <atomic>

#include "nullcline/parallel/process.hpp"

namespace nullcline {

/// A flag that workers check once per iteration and that anyone may raise. The end of the process
/// raises all; while it forks, whoever checks one waits.
class Cancellation {
  public:
    void request() { requested_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool requested() const {
        return !Process::self().goes_on() || requested_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<bool> requested_{false};
};

}  // namespace nullcline
