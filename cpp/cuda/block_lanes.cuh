// The primitives of a block's threads (see gpu/lanes.hpp), by CUDA.
#pragma once

#include <cstddef>

#include "nullcline/gpu/lanes.hpp"

namespace nullcline::cuda {

/// What the lanes of a warp do together.
class WarpLanes {
  public:
    static constexpr std::size_t warp_width = 32;
    using Warp = WarpLanes;

    __device__ std::size_t rank() const { return threadIdx.x % warp_width; }
    __device__ std::size_t size() const { return warp_width; }
    __device__ void sync() const { __syncwarp(); }
    __device__ WarpLanes warp() const { return {}; }

    template <class T>
    __device__ T warp_sum(T value) const {
        for (int distance = warp_width / 2; distance > 0; distance /= 2) {
            value += __shfl_xor_sync(full_mask, value, distance);
        }
        return value;
    }

    template <class T>
    __device__ T warp_min(T value) const {
        for (int distance = warp_width / 2; distance > 0; distance /= 2) {
            const T other = __shfl_xor_sync(full_mask, value, distance);
            value = other < value ? other : value;
        }
        return value;
    }

    /// A warp alone needs no scratch memory.
    template <class T>
    __device__ T* scratch() const {
        return nullptr;
    }

    __device__ unsigned long long fetch_add(unsigned long long* counter,
                                            unsigned long long by) const {
        return atomicAdd(counter, by);
    }

  private:
    static constexpr unsigned full_mask = 0xffffffffU;
};

/// The lanes of a block of whole warps.
class BlockLanes : public WarpLanes {
  public:
    static constexpr std::size_t max_warps = 8;
    static constexpr std::size_t scratch_bytes = max_warps * sizeof(double);

    /// `scratch`, of `scratch_bytes`, is shared memory of the block.
    __device__ explicit BlockLanes(unsigned char* scratch) : scratch_(scratch) {}

    __device__ std::size_t rank() const { return threadIdx.x; }
    __device__ std::size_t size() const { return blockDim.x; }
    __device__ void sync() const { __syncthreads(); }

    template <class T>
    __device__ T* scratch() const {
        return reinterpret_cast<T*>(scratch_);
    }

  private:
    unsigned char* scratch_;
};

static_assert(gpu::Lanes<WarpLanes>);
static_assert(gpu::Lanes<BlockLanes>);

}  // namespace nullcline::cuda
