// Runs code in every thread of an emulated block.
#pragma once

#include <cstddef>
#include <functional>

#include "fibers.hpp"
#include "lanes.hpp"
#include "nullcline/gpu/cooperative_group.hpp"

namespace nullcline::tests {

using BlockGroup = gpu::CooperativeGroup<emulated::BlockLanes>;

/// Call `body(group, rank)` in each thread of a block.
template <class Body>
void run_block(const Body& body) {
    emulated::Fibers fibers(emulated::block_size);
    emulated::Block block(fibers);
    const std::function<void(std::size_t)> thread = [&](std::size_t rank) {
        body(BlockGroup(emulated::BlockLanes(block, rank)), rank);
    };
    fibers.run(thread);
}

}  // namespace nullcline::tests
