// The memory of a tile.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace nullcline::cpu {

/// Zeroed memory for an arena; the system commits only the pages that are touched.
class TileMemory {
  public:
    explicit TileMemory(std::size_t bytes) : bytes_(std::calloc(bytes + alignment, 1)) {
        if (!bytes_) {
            throw std::bad_alloc();
        }
    }

    [[nodiscard]] std::byte* data() const {
        void* first = bytes_.get();
        std::size_t space = 2 * alignment;
        return static_cast<std::byte*>(std::align(alignment, alignment, first, space));
    }

  private:
    static constexpr std::size_t alignment = 64;  // a cache line

    struct Free {
        void operator()(void* p) const { std::free(p); }
    };
    std::unique_ptr<void, Free> bytes_;
};

}  // namespace nullcline::cpu
