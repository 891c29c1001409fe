// The primitives of a block's threads (see gpu/lanes.hpp), by fibers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "fibers.hpp"
#include "nullcline/gpu/lanes.hpp"

namespace nullcline::emulated {

inline constexpr std::size_t warp_width = 4;
inline constexpr std::size_t n_warps = 3;
inline constexpr std::size_t block_size = warp_width * n_warps;

/// What the lanes of a block share.
struct Block {
    explicit Block(Fibers& all) : fibers(all) {
        whole.n_members = block_size;
        for (Barrier& warp : warps) {
            warp.n_members = warp_width;
        }
        for (Exchange& exchange : exchanges) {
            exchange.barrier.n_members = warp_width;
        }
    }

    Fibers& fibers;
    Barrier whole;
    std::array<Barrier, n_warps> warps;
    alignas(8) std::array<std::byte, 8 * n_warps> scratch{};
    std::array<Exchange, n_warps> exchanges;
};

/// What the lanes of a warp do together.
class WarpLanes {
  public:
    static constexpr std::size_t warp_width = emulated::warp_width;
    using Warp = WarpLanes;

    WarpLanes(Block& block, std::size_t rank) : block_(block), rank_(rank) {}

    [[nodiscard]] std::size_t rank() const { return rank_ % warp_width; }
    [[nodiscard]] std::size_t size() const { return warp_width; }
    void sync() const { block_.fibers.wait(block_.warps[rank_ / warp_width]); }
    [[nodiscard]] WarpLanes warp() const { return *this; }

    template <class T>
    [[nodiscard]] T warp_sum(T value) const {
        return combine(value, [](T a, T b) { return a + b; });
    }
    template <class T>
    [[nodiscard]] T warp_min(T value) const {
        return combine(value, [](T a, T b) { return std::min(a, b); });
    }
    template <class T>
    [[nodiscard]] T* scratch() const {
        return reinterpret_cast<T*>(block_.scratch.data());
    }
    template <class T>
    T fetch_add(T* counter, T by) const {
        const T before = *counter;
        *counter += by;
        return before;
    }

  protected:
    Block& block_;      // NOLINT(misc-non-private-member-variables-in-classes)
    std::size_t rank_;  // NOLINT(misc-non-private-member-variables-in-classes)

  private:
    template <class T, class Combine>
    [[nodiscard]] T combine(T value, const Combine& with) const {
        std::array<std::uint64_t, warp_width> values{};
        block_.fibers.exchange(block_.exchanges[rank_ / warp_width], rank(), bits_of(value),
                               values.data());
        T result = from_bits<T>(values[0]);
        for (std::size_t i = 1; i < warp_width; ++i) {
            result = with(result, from_bits<T>(values[i]));
        }
        return result;
    }
};

/// The lanes of a block.
class BlockLanes : public WarpLanes {
  public:
    using Warp = WarpLanes;
    using WarpLanes::WarpLanes;

    [[nodiscard]] std::size_t rank() const { return rank_; }
    [[nodiscard]] std::size_t size() const { return block_size; }
    void sync() const { block_.fibers.wait(block_.whole); }
    [[nodiscard]] WarpLanes warp() const { return {block_, rank_}; }
};

static_assert(gpu::Lanes<WarpLanes>);
static_assert(gpu::Lanes<BlockLanes>);

}  // namespace nullcline::emulated
