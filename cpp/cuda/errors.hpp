// CUDA's error codes as exceptions.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

#include "nullcline/gpu/problem.hpp"

namespace nullcline::cuda {

/// Throw if a call failed; `doing` says what it was for.
inline void check(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) {
        return;
    }
    static_cast<void>(cudaGetLastError());  // or the next call would report it again
    const std::string message =
        std::string("CUDA failed to ") + doing + ": " + cudaGetErrorString(status);
    if (status == cudaErrorMemoryAllocation) {
        throw gpu::OutOfMemory(message);
    }
    throw std::runtime_error(message);
}

/// Makes a device the current one of this thread, for a while.
class CurrentDevice {
  public:
    explicit CurrentDevice(int device) {
        check(cudaGetDevice(&before_), "find the current device");
        check(cudaSetDevice(device), "choose a device");
    }
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;
    ~CurrentDevice() { static_cast<void>(cudaSetDevice(before_)); }

  private:
    int before_ = 0;
};

}  // namespace nullcline::cuda
