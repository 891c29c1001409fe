// A search on a device of CUDA, for one type of numbers: the two are compiled side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "context.hpp"
#include "device.cuh"
#include "driver.hpp"
#include "nullcline/gpu/backend.hpp"
#include "nullcline/gpu/measure.hpp"
#include "nullcline/gpu/rows.hpp"
#include "nullcline/gpu/runtime.hpp"

namespace nullcline::cuda {

static_assert(SearchBackend<gpu::Backend<Device, double>>);
static_assert(SearchBackend<gpu::Backend<Device, float>>);

/// A device with its context, for one call, after all work that is in `streams`.
class Session {
  public:
    Session(int ordinal, std::size_t size, const std::vector<std::uintptr_t>& streams = {})
        : current_(ordinal), context_(ordinal), device_(*context_, size) {
        for (const std::uintptr_t stream : streams) {
            device_.wait_for(reinterpret_cast<cudaStream_t>(stream));
        }
    }

    [[nodiscard]] Device& device() { return device_; }

  private:
    CurrentDevice current_;
    Lease context_;
    Device device_;
};

template <class T>
gpu::Labels search(const gpu::Problem<T>& problem) {
    Session session(problem.device, problem.cell.size(), problem.streams);
    return gpu::search(session.device(), problem);
}

template <class T>
void copy(const gpu::Source& from, T* to, int device, const std::vector<std::uintptr_t>& streams) {
    Session session(device, from.cols, streams);
    gpu::copy_rows(session.device(), from, 0, MatrixView<T>(to, from.rows, from.cols));
    session.device().synchronize();
}

template <class T>
gpu::Rates measure(const Cell<T>& cell, std::size_t n_states, std::size_t square, int device) {
    Session session(device, cell.size());
    return gpu::measure(session.device(), cell, n_states, square);
}

}  // namespace nullcline::cuda
