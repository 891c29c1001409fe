// What one kind of GPU offers to the bindings. `NULLCLINE_GPU` names the kind: `cuda`, or `emulated`
// for the one that tests have anywhere.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "nullcline/gpu/problem.hpp"

namespace nullcline::NULLCLINE_GPU {

/// Whether a library may take the memory for a GPU's (DLPack's device type).
extern const bool is_gpu;

void load_cublas(const std::string& path);

/// All throw `std::runtime_error` that says what the driver said.
[[nodiscard]] int device_count();
[[nodiscard]] std::string device_name(int device);
[[nodiscard]] std::pair<int, int> compute_capability(int device);

/// The device that memory lies on, -1 for the host's.
[[nodiscard]] int device_of(const void* address);

[[nodiscard]] void* allocate(int device, std::size_t bytes);
void release(int device, void* data);
void copy_to_host(int device, void* to, const void* from, std::size_t bytes);

template <class T>
[[nodiscard]] gpu::Labels search(const gpu::Problem<T>& problem);

extern template gpu::Labels search(const gpu::Problem<double>&);
extern template gpu::Labels search(const gpu::Problem<float>&);

}  // namespace nullcline::NULLCLINE_GPU
