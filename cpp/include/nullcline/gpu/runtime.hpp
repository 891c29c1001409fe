// What one kind of GPU offers to the bindings. `NULLCLINE_GPU` names the kind: `cuda`, or
// `emulated` for the one that tests have anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nullcline/gpu/problem.hpp"

namespace nullcline::NULLCLINE_GPU {

/// Whether other libraries may use the memory as a GPU's (DLPack's device type).
extern const bool is_gpu;

/// What it costs to launch a kernel (see `gpu::Costs`).
extern const double launch_seconds;

void load_cublas(const std::string& path);

// All functions below throw `std::runtime_error` with the driver's message.

[[nodiscard]] int device_count();
[[nodiscard]] std::string device_name(int device);
[[nodiscard]] std::pair<int, int> compute_capability(int device);
/// The least that a device must have for the code of this build to run on it.
[[nodiscard]] std::pair<int, int> least_compute_capability();

/// The device that memory lies on, -1 for the host's.
[[nodiscard]] int device_of(const void* address);

[[nodiscard]] void* allocate(int device, std::size_t bytes);
void release(int device, void* data) noexcept;
void copy_to_host(int device, void* to, const void* from, std::size_t bytes);

template <class T>
[[nodiscard]] gpu::Labels search(const gpu::Problem<T>& problem);

/// A contiguous copy on the device, `to`, of any array.
template <class T>
void copy(const gpu::Source& from, T* to, int device, const std::vector<std::uintptr_t>& streams);

/// A device's rates with a cell (see `gpu::measure`).
template <class T>
[[nodiscard]] gpu::Rates measure(const Cell<T>& cell, std::size_t n_states, std::size_t square,
                                 int device);

extern template gpu::Labels search(const gpu::Problem<double>&);
extern template gpu::Labels search(const gpu::Problem<float>&);
extern template void copy(const gpu::Source&, double*, int, const std::vector<std::uintptr_t>&);
extern template void copy(const gpu::Source&, float*, int, const std::vector<std::uintptr_t>&);
extern template gpu::Rates measure(const Cell<double>&, std::size_t, std::size_t, int);
extern template gpu::Rates measure(const Cell<float>&, std::size_t, std::size_t, int);

}  // namespace nullcline::NULLCLINE_GPU
