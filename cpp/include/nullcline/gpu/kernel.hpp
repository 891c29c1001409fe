// Kernels: what a device runs in many blocks.
#pragma once

#include <cstddef>
#include <type_traits>

#include "nullcline/numerics/host_device.hpp"

namespace nullcline::gpu {

/// A function of a group, of the number of its block and of what the group's members share while it
/// runs, `Shared`. A device's `launch` calls it with a group for every block.
template <class K>
concept Kernel = std::is_trivially_copyable_v<K> && requires { typename K::Shared; };

/// What the groups of most kernels share.
struct NothingShared {};

namespace archetypes {

/// A kernel for concepts to check with.
struct Kernel {
    using Shared = NothingShared;

    template <class Group>
    NULLCLINE_DEVICE void operator()(const Group&, std::size_t /*block*/, Shared&) const {}
};

}  // namespace archetypes
}  // namespace nullcline::gpu
