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
    }

    Fibers& fibers;
    Barrier whole;
    std::array<Barrier, n_warps> warps;
    alignas(8) std::array<std::byte, 8 * n_warps> scratch{};
    alignas(8) std::array<std::byte, 8 * block_size> exchange{};
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
        T* const values = reinterpret_cast<T*>(block_.exchange.data());
        values[rank_] = value;
        sync();
        const T* const first = values + rank_ / warp_width * warp_width;
        T result = first[0];
        for (std::size_t i = 1; i < warp_width; ++i) {
            result = with(result, first[i]);
        }
        sync();
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
