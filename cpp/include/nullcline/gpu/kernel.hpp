// A kernel: a function of a group and of the number of its block, which a device's `launch` runs
// with a group for every block; `Shared` is what the group's members share while it runs.
#pragma once

namespace nullcline::gpu {

/// What the teams of most kernels share.
struct NothingShared {};

}  // namespace nullcline::gpu
