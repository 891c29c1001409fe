// Numbers too small for full precision as zeros.
#pragma once

namespace nullcline {

/// While it lives, its thread computes with zeros in place of subnormal numbers.
///
/// A processor takes a hundred times as long for those. Gradients that vanish over many steps come
/// through them, and so does the smallest value of a gate, times another. On processors other than
/// x86 it does nothing.
class [[maybe_unused]] FlushedSubnormals {
  public:
#if defined(__SSE2__)
    FlushedSubnormals() : before_(__builtin_ia32_stmxcsr()) {
        __builtin_ia32_ldmxcsr(before_ | flush_results_and_inputs);
    }
    ~FlushedSubnormals() { __builtin_ia32_ldmxcsr(before_); }
#else
    FlushedSubnormals() = default;
    ~FlushedSubnormals() = default;
#endif
    FlushedSubnormals(const FlushedSubnormals&) = delete;
    FlushedSubnormals& operator=(const FlushedSubnormals&) = delete;

#if defined(__SSE2__)
  private:
    static constexpr unsigned flush_results_and_inputs = 0x8040U;
    unsigned before_;
#endif
};

}  // namespace nullcline
