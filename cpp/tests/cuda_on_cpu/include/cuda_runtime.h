// The language that kernels are written in, for a compiler of plain C++: its keywords mean nothing,
// and what a kernel's threads ask is answered by the fiber that runs (see ../block.hpp).
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstring>

#include "block.hpp"

#define __device__
#define __host__
#define __global__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// A thread of the CPU runs one block at a time.
#define __shared__ static thread_local
#define __CUDA_ARCH_LIST__ 800

struct dim3 {
    constexpr explicit dim3(unsigned n) : x(n) {}
    unsigned x;
};

#define threadIdx (dim3(::nullcline::cuda_on_cpu::rank()))
#define blockIdx (dim3(::nullcline::cuda_on_cpu::block_index()))
#define blockDim (dim3(::nullcline::cuda_on_cpu::block_size()))

inline void __syncthreads() { nullcline::cuda_on_cpu::wait_for_block(); }
inline void __syncwarp() { nullcline::cuda_on_cpu::wait_for_warp(); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int distance) {
    using namespace nullcline;
    return emulated::from_bits<T>(cuda_on_cpu::shuffle_xor(emulated::bits_of(value), distance));
}

inline unsigned long long atomicAdd(unsigned long long* counter, unsigned long long by) {
    return __atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

/// Runs when the stream does, on a copy of the parameters.
template <class Parameters>
cudaError_t cudaLaunchKernel(void (*kernel)(Parameters), dim3 n_blocks, dim3 block_size,
                             void** arguments, std::size_t, cudaStream_t stream) {
    using Plain = std::remove_const_t<Parameters>;
    const Plain parameters = *static_cast<const Plain*>(arguments[0]);
    return nullcline::cuda_on_cpu::enqueue(stream, [=] {
        nullcline::cuda_on_cpu::run_blocks(n_blocks.x, block_size.x, [=] { kernel(parameters); });
    });
}
