// A search on a device of CUDA, for one type of numbers: the two are compiled side by side.
#pragma once

#include "context.hpp"
#include "device.cuh"
#include "errors.hpp"
#include "nullcline/gpu/backend.hpp"
#include "nullcline/gpu/runtime.hpp"

namespace nullcline::cuda {

template <class T>
gpu::Labels search(const gpu::Problem<T>& problem) {
    const CurrentDevice current(problem.device);
    const Lease context(problem.device);
    Device device(*context, problem.cell.size());
    for (const std::uintptr_t stream : problem.streams) {
        device.wait_for(reinterpret_cast<cudaStream_t>(stream));
    }
    return gpu::search(device, problem);
}

}  // namespace nullcline::cuda
