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
    if (status == cudaErrorInitializationError) {
        throw std::runtime_error(message +
                                 "; a process cannot use CUDA if the one that it was forked from "
                                 "has: start it by multiprocessing's \"spawn\" method");
    }
    if (status == cudaErrorNoKernelImageForDevice) {
        throw std::runtime_error(message +
                                 "; this build of nullcline is for other GPUs: reinstall "
                                 "with -C cmake.define.CMAKE_CUDA_ARCHITECTURES=native");
    }
    throw std::runtime_error(message);
}

}  // namespace nullcline::cuda
