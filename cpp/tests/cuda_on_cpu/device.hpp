// GPUs made of the CPU that CUDA's own calls speak to, so that cpp/cuda runs as it is, and under
// sanitizers.
//
// They are as unkind as the documentation allows. Work that is given to a stream is done when
// somebody waits for it, and not before: copies read and write the host's memory then. Memory that
// was allocated reads as NaN, and what is freed is freed at once. Calls for what lies on another
// device than the current one fail. There are two devices, and a context is made on the one that is
// current when one is needed.
#pragma once

#include <cstddef>

namespace nullcline::cuda_on_cpu {

inline constexpr int n_devices = 2;

/// Whether a context was made on a device.
[[nodiscard]] bool has_context(int device);
/// The device that is current for this thread.
[[nodiscard]] int current_device();
/// Bytes that are allocated, on all devices.
[[nodiscard]] std::size_t bytes_in_use();
/// How much memory each device has.
void set_memory(std::size_t bytes);
/// Kernels that have run, and matrices that have been factored, on all devices.
[[nodiscard]] std::size_t n_kernels();
[[nodiscard]] std::size_t n_factorizations();

}  // namespace nullcline::cuda_on_cpu
