// The product's inner loops, compiled once for any x86-64 and once for AVX2 with FMA.
#include "nullcline/numerics/packed_matrix.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline {
namespace {

constexpr std::size_t n_lanes = 8;
using Lanes [[gnu::vector_size(n_lanes * sizeof(float))]] = float;

/// Six rows by sixteen columns: twelve of AVX2's sixteen registers are sums, two the panel's row.
[[gnu::always_inline]] inline void multiply_block(const float* a, std::size_t a_stride,
                                                  std::size_t depth, const PackedMatrix::Row* panel,
                                                  float* out, std::size_t stride,
                                                  std::size_t n_columns) {
    Lanes low[tile_block] = {};
    Lanes high[tile_block] = {};
    for (std::size_t k = 0; k < depth; ++k) {
        Lanes panel_low;
        Lanes panel_high;
        std::memcpy(&panel_low, panel[k].values, sizeof panel_low);
        std::memcpy(&panel_high, panel[k].values + n_lanes, sizeof panel_high);
#pragma GCC unroll 6
        for (std::size_t i = 0; i < tile_block; ++i) {
            const float factor = a[i * a_stride + k];
            low[i] += factor * panel_low;
            high[i] += factor * panel_high;
        }
    }
#pragma GCC unroll 6
    for (std::size_t i = 0; i < tile_block; ++i) {
        PackedMatrix::Row sums;
        std::memcpy(sums.values, &low[i], sizeof low[i]);
        std::memcpy(sums.values + n_lanes, &high[i], sizeof high[i]);
        std::copy_n(sums.values, n_columns, out + i * stride);
    }
}

}  // namespace

NULLCLINE_MULTIVERSION
void multiply(MatrixView<const float> a, const PackedMatrix& b, MatrixView<float> c,
              const BusyBlocks& busy) {
    if (a.rows() != tile_rows || a.cols() < b.rows() || c.rows() != tile_rows ||
        c.cols() < b.cols()) {
        throw std::invalid_argument("the shapes of a product do not fit");
    }
    for (std::size_t panel = 0; panel < b.panels(); ++panel) {
        const std::size_t first = panel * PackedMatrix::width;
        const std::size_t n_columns = std::min(PackedMatrix::width, b.cols() - first);
        for (std::size_t block = 0; block < tile_blocks; ++block) {
            const std::size_t row = block * tile_block;
            if (busy[block]) {
                multiply_block(a.row(row).data(), a.stride(), b.rows(), b.panel(panel),
                               c.row(row).data() + first, c.stride(), n_columns);
            }
        }
    }
}

}  // namespace nullcline
