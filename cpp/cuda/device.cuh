// A GPU (see gpu/device.hpp): memory, copies, kernels and products, in the order of one
// stream.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "block_lanes.cuh"
#include "context.hpp"
#include "cublas.hpp"
#include "errors.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/kernel.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::cuda {

/// Run a kernel with a group for every block.
template <gpu::Kernel Kernel>
__global__ void __launch_bounds__(BlockLanes::max_warps* WarpLanes::warp_width)
    run_kernel(const __grid_constant__ Kernel kernel) {
    using Shared = typename Kernel::Shared;
    // Raw bytes: what groups share has no constructor that may run here.
    __shared__ __align__(16) unsigned char shared[sizeof(Shared)];
    __shared__ __align__(8) unsigned char scratch[BlockLanes::scratch_bytes];
    const gpu::CooperativeGroup<BlockLanes> group{BlockLanes(scratch)};
    kernel(group, static_cast<std::size_t>(blockIdx.x), *reinterpret_cast<Shared*>(shared));
}

class Event {
  public:
    Event() { check(cudaEventCreate(&event_), "make an event"); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { static_cast<void>(cudaEventDestroy(event_)); }

    [[nodiscard]] cudaEvent_t get() const { return event_; }

  private:
    cudaEvent_t event_ = nullptr;
};

class Device {
  public:
    /// Make a device for states of `size` units.
    Device(const Context& context, std::size_t size)
        : context_(context), block_size_(block_size_for(size)) {}

    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    ~Device() { static_cast<void>(cudaStreamSynchronize(stream())); }

    [[nodiscard]] std::byte* allocate(std::size_t bytes) {
        void* data = nullptr;
        if (bytes > 0) {
            check(cudaMallocFromPoolAsync(&data, bytes, context_.pool(), stream()),
                  "allocate memory");
        }
        return static_cast<std::byte*>(data);
    }

    void release(std::byte* data) { static_cast<void>(cudaFreeAsync(data, stream())); }

    /// What the device has free, and what the pool has that is not in use.
    [[nodiscard]] std::size_t free_bytes() const {
        std::size_t free = 0;
        std::size_t all = 0;
        check(cudaMemGetInfo(&free, &all), "query free memory");
        std::uint64_t reserved = 0;
        std::uint64_t used = 0;
        check(
            cudaMemPoolGetAttribute(context_.pool(), cudaMemPoolAttrReservedMemCurrent, &reserved),
            "query the pool's memory");
        check(cudaMemPoolGetAttribute(context_.pool(), cudaMemPoolAttrUsedMemCurrent, &used),
              "query the pool's memory");
        return free + (reserved - used);
    }

    /// The driver may read the host's memory long after the call returns (it does on GPUs that
    /// share the host's page tables), so this waits. Searches upload little, and at their start.
    void upload(void* to, const void* from, std::size_t bytes) {
        if (bytes > 0) {
            check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()),
                  "copy memory");
            synchronize();
        }
    }

    void copy(void* to, const void* from, std::size_t bytes) {
        if (bytes > 0) {
            check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream()), "copy memory");
        }
    }

    void zero(void* data, std::size_t bytes) {
        check(cudaMemsetAsync(data, 0, bytes, stream()), "clear memory");
    }

    void synchronize() { check(cudaStreamSynchronize(stream()), "finish its work"); }

    /// How long the device takes for the work that `run` launches.
    template <class Run>
    [[nodiscard]] double seconds(const Run& run) {
        const Event before;
        const Event after;
        check(cudaEventRecord(before.get(), stream()), "take the time");
        run();
        check(cudaEventRecord(after.get(), stream()), "take the time");
        check(cudaEventSynchronize(after.get()), "finish its work");
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, before.get(), after.get()), "take the time");
        return static_cast<double>(milliseconds) / 1000;
    }

    /// Make our stream wait for the work that is in another.
    void wait_for(cudaStream_t other) {
        const Event event;
        check(cudaEventRecord(event.get(), other), "wait for a stream");
        check(cudaStreamWaitEvent(stream(), event.get(), 0), "wait for a stream");
    }

    template <gpu::Kernel Kernel>
    void launch(std::size_t n_blocks, const Kernel& kernel) {
        static_assert(sizeof(Kernel) <= 4096, "the limit on a kernel's parameters");
        static_assert(std::is_trivially_copyable_v<Kernel>);
        if (n_blocks == 0) {
            return;
        }
        void* arguments[] = {const_cast<Kernel*>(&kernel)};
        check(cudaLaunchKernel(run_kernel<Kernel>, dim3(checked(n_blocks)), dim3(block_size_),
                               arguments, 0, stream()),
              "start a kernel");
    }

    // A row-major matrix is the transpose of the column-major one in the same memory, so each
    // product below computes its transpose in cuBLAS.

    /// c = a bᵀ; only as many columns of a are read as b has.
    template <class T>
    void multiply_transposed(MatrixView<const std::type_identity_t<T>> a,
                             MatrixView<const std::type_identity_t<T>> b, MatrixView<T> c) {
        gemm(CublasOperation::transposed, b, a, c, b.rows(), b.cols());
    }

    /// c = a b; only as many columns of c are written as b has.
    template <class T>
    void multiply(MatrixView<const std::type_identity_t<T>> a,
                  MatrixView<const std::type_identity_t<T>> b, MatrixView<T> c) {
        gemm(CublasOperation::plain, b, a, c, b.cols(), b.rows());
    }

    /// normals[i] = jacobians[i]ᵀ jacobians[i]
    template <class T>
    void grams(std::size_t count, std::size_t size, T* const* jacobians, T* const* normals) {
        if (count == 0) {
            return;
        }
        const int n = checked_int(size);
        const T one = 1;
        const T zero = 0;
        check_cublas(cublas().routines<T>().gemm_batched(context_.blas(), CublasOperation::plain,
                                                         CublasOperation::transposed, n, n, n, &one,
                                                         jacobians, n, jacobians, n, &zero, normals,
                                                         n, checked_int(count)),
                     "multiply a batch of matrices");
    }

    /// Factor matrices in place, with pivots; info[i] is not zero where a pivot is zero.
    template <class T>
    void lu(std::size_t count, std::size_t size, T* const* matrices, int* pivots, int* info) {
        const int n = checked_int(size);
        check_cublas(cublas().routines<T>().getrf_batched(context_.blas(), n, matrices, n, pivots,
                                                          info, checked_int(count)),
                     "factor a batch of matrices");
    }

    /// Solve for one right-hand side each, in place.
    template <class T>
    void lu_solve(std::size_t count, std::size_t size, T* const* factors, const int* pivots,
                  T* const* vectors) {
        const int n = checked_int(size);
        int wrong_argument = 0;
        check_cublas(cublas().routines<T>().getrs_batched(
                         context_.blas(), CublasOperation::transposed, n, 1, factors, n, pivots,
                         vectors, n, &wrong_argument, checked_int(count)),
                     "solve a batch of systems");
    }

  private:
    /// Threads per block: whole warps, and as many as a state's units keep busy.
    [[nodiscard]] static unsigned block_size_for(std::size_t size) {
        return size <= 64 ? 64 : size <= 512 ? 128 : 256;
    }

    [[nodiscard]] static int checked_int(std::size_t n) {
        if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
            throw std::length_error("a dimension is beyond what cuBLAS can take");
        }
        return static_cast<int>(n);
    }
    [[nodiscard]] static unsigned checked(std::size_t n_blocks) {
        return static_cast<unsigned>(checked_int(n_blocks));
    }

    /// c = a op(b), op(b) being (depth, width).
    template <class T>
    void gemm(CublasOperation of_b, MatrixView<const std::type_identity_t<T>> b,
              MatrixView<const std::type_identity_t<T>> a, MatrixView<T> c, std::size_t width,
              std::size_t depth) {
        if (c.size() == 0) {
            return;
        }
        const int m = checked_int(width);
        const int n = checked_int(c.rows());
        const int k = checked_int(depth);
        const T one = 1;
        const T zero = 0;
        check_cublas(cublas().routines<T>().gemm(context_.blas(), of_b, CublasOperation::plain, m,
                                                 n, k, &one, b.data(), checked_int(b.stride()),
                                                 a.data(), checked_int(a.stride()), &zero, c.data(),
                                                 checked_int(c.stride())),
                     "multiply matrices");
    }

    [[nodiscard]] cudaStream_t stream() const { return context_.stream(); }

    const Context& context_;
    unsigned block_size_;
};

static_assert(gpu::BlockGroup<gpu::CooperativeGroup<BlockLanes>>);
static_assert(ThreadGroup<gpu::CooperativeGroup<WarpLanes>>);
static_assert(gpu::GpuDevice<Device>);

}  // namespace nullcline::cuda
