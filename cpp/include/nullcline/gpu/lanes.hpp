// What the threads of a block can do together.
#pragma once

#include <concepts>
#include <cstddef>

namespace nullcline::gpu {

/// A thread's view of its block, or of its warp: the primitives that `CooperativeGroup` is made of,
/// by CUDA or by an emulation that needs no GPU.
///
///   warp_width            threads per warp
///   rank(), size()        which thread this is, of how many; a whole number of warps
///   sync()                wait for all
///   warp_sum(x), warp_min(x)   over the threads of a warp, the same bits for each
///   scratch<T>()          shared memory of the block, for one T per warp
///   Warp, warp()          the lanes of the first warp alone
///   fetch_add(p, x)       atomic; returns the old value
template <class L>
concept Lanes =
    std::copy_constructible<L> &&
    requires(const L& lanes, double x, unsigned long long* counter, unsigned long long by) {
        typename L::Warp;
        { L::warp_width } -> std::convertible_to<std::size_t>;
        { lanes.rank() } -> std::same_as<std::size_t>;
        { lanes.size() } -> std::same_as<std::size_t>;
        lanes.sync();
        { lanes.warp_sum(x) } -> std::same_as<double>;
        { lanes.warp_min(x) } -> std::same_as<double>;
        { lanes.template scratch<double>() } -> std::same_as<double*>;
        { lanes.warp() } -> std::same_as<typename L::Warp>;
        { lanes.fetch_add(counter, by) } -> std::same_as<unsigned long long>;
    };

}  // namespace nullcline::gpu
