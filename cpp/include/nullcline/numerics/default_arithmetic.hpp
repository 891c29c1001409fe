// The arithmetic that bounds of rounding errors are about, whatever its caller has set.
#pragma once

#include <cfenv>

namespace nullcline {

/// While it lives, its thread rounds to nearest and keeps subnormal numbers, and so do the threads
/// that it begins.
///
/// A caller may have asked for zeros in place of subnormal numbers, as PyTorch offers and libraries
/// built with -ffast-math do for whoever loads them. A subnormal weight times a large input is then
/// lost, and is more than what is set aside for underflow.
class DefaultArithmetic {
  public:
    DefaultArithmetic() {
        std::fegetenv(&before_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~DefaultArithmetic() { std::fesetenv(&before_); }
    DefaultArithmetic(const DefaultArithmetic&) = delete;
    DefaultArithmetic& operator=(const DefaultArithmetic&) = delete;

  private:
    std::fenv_t before_{};
};

}  // namespace nullcline
