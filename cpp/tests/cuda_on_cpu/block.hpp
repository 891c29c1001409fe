// The blocks of a kernel on a CPU: as many at a time as there are processors of this GPU, which are
// threads, and in each the block's own threads, which are fibers in turn (see emulated/fibers.hpp).
//
// So ThreadSanitizer sees two kinds of races: of a block's threads between barriers, and of blocks
// that run at the same time.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>

#include "fibers.hpp"

namespace nullcline::cuda_on_cpu {

inline constexpr unsigned warp_width = 32;

// What a thread of a kernel can ask and do.

[[nodiscard]] unsigned rank();
[[nodiscard]] unsigned block_index();
[[nodiscard]] unsigned block_size();
void wait_for_block();
void wait_for_warp();
/// The value of the thread whose place in the warp differs by this bit.
[[nodiscard]] std::uint64_t shuffle_xor(std::uint64_t value, int distance);

/// Run `body` in every thread of every block, and return when all are done.
void run_blocks(unsigned n_blocks, unsigned block_size, const std::function<void()>& body);

/// Do some work when a stream comes to it.
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);

}  // namespace nullcline::cuda_on_cpu
