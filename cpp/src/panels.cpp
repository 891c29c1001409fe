// The product's inner loops, compiled for any x86-64, for AVX2 with FMA and for AVX-512.
#include "nullcline/numerics/panels.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline {
namespace {

/// Numbers of one column that are summed before the sums are put back: a panel's in the L1 cache.
template <class T>
inline constexpr std::size_t depth_block = 1024 / sizeof(T);

/// The factors of a product's rows: row i has its k-th at `data[i row_step + k depth_step]`.
template <class T, bool is_transposed>
struct Factors {
    const T* data;
    std::size_t stride;

    [[gnu::always_inline]] T at(std::size_t i, std::size_t k) const {
        return is_transposed ? data[k * stride + i] : data[i * stride + k];
    }
    [[nodiscard]] Factors from(std::size_t i, std::size_t k) const {
        return {data + (is_transposed ? k * stride + i : i * stride + k), stride};
    }
};

/// c += a b for `rows` rows and one panel, all sums in registers of `bytes`.
template <std::size_t bytes, std::size_t rows, class T, bool is_transposed>
[[gnu::always_inline]] inline void add_block(Factors<T, is_transposed> a, std::size_t depth,
                                             const typename Panels<T>::Row* panel, T* c,
                                             std::size_t stride, std::size_t n_columns) {
    using Lanes [[gnu::vector_size(bytes)]] = T;
    constexpr std::size_t n_lanes = bytes / sizeof(T);
    constexpr std::size_t n_vectors = Panels<T>::width / n_lanes;
    Lanes sums[rows][n_vectors] = {};
    for (std::size_t k = 0; k < depth; ++k) {
        Lanes factors[n_vectors];
#pragma GCC unroll 8
        for (std::size_t v = 0; v < n_vectors; ++v) {
            std::memcpy(&factors[v], panel[k].values + v * n_lanes, bytes);
        }
#pragma GCC unroll 12
        for (std::size_t i = 0; i < rows; ++i) {
            const T factor = a.at(i, k);
#pragma GCC unroll 8
            for (std::size_t v = 0; v < n_vectors; ++v) {
                sums[i][v] += factor * factors[v];
            }
        }
    }
#pragma GCC unroll 12
    for (std::size_t i = 0; i < rows; ++i) {
        typename Panels<T>::Row row;
        std::memcpy(row.values, c + i * stride, n_columns * sizeof(T));
#pragma GCC unroll 8
        for (std::size_t v = 0; v < n_vectors; ++v) {
            Lanes total;
            std::memcpy(&total, row.values + v * n_lanes, bytes);
            total += sums[i][v];
            std::memcpy(row.values + v * n_lanes, &total, bytes);
        }
        std::memcpy(c + i * stride, row.values, n_columns * sizeof(T));
    }
}

/// The same for any number of rows up to `rows`.
template <std::size_t bytes, std::size_t rows, class T, bool is_transposed>
[[gnu::always_inline]] inline void add_rows(std::size_t n_rows, Factors<T, is_transposed> a,
                                            std::size_t depth, const typename Panels<T>::Row* panel,
                                            T* c, std::size_t stride, std::size_t n_columns) {
    if constexpr (rows > 1) {
        if (n_rows < rows) {
            add_rows<bytes, rows - 1>(n_rows, a, depth, panel, c, stride, n_columns);
            return;
        }
    }
    if (n_columns == Panels<T>::width) {  // of which the compiler knows the size
        add_block<bytes, rows>(a, depth, panel, c, stride, Panels<T>::width);
    } else {
        add_block<bytes, rows>(a, depth, panel, c, stride, n_columns);
    }
}

/// c += a b in registers of `bytes`, `rows` rows at a time or a few less, so that all are alike.
template <std::size_t bytes, std::size_t rows, class T, bool is_transposed>
[[gnu::always_inline]] inline void add_all(Factors<T, is_transposed> a, const Panels<T>& b,
                                           MatrixView<T> c) {
    const std::size_t n_blocks = (c.rows() + rows - 1) / rows;
    for (std::size_t k = 0; k < b.depth(); k += depth_block<T>) {
        const std::size_t depth = std::min(depth_block<T>, b.depth() - k);
        for (std::size_t panel = 0; panel < b.panels(); ++panel) {
            const std::size_t first = panel * Panels<T>::width;
            const std::size_t n_columns = std::min(Panels<T>::width, b.cols() - first);
            for (std::size_t block = 0; block < n_blocks; ++block) {
                const std::size_t row = c.rows() * block / n_blocks;
                const std::size_t n_rows = c.rows() * (block + 1) / n_blocks - row;
                add_rows<bytes, rows>(n_rows, a.from(row, k), depth, b.panel(panel) + k,
                                      c.row(row).data() + first, c.stride(), n_columns);
            }
        }
    }
}

// Sums and the panel's row fill the registers there are: 32 of AVX-512, 16 of AVX2 and of SSE2.
#if defined(NULLCLINE_HAS_VERSIONS)
#define NULLCLINE_PRODUCT(T, is_transposed)                                                  \
    [[gnu::target("arch=x86-64-v4")]] void add_any(Factors<T, is_transposed> a,              \
                                                   const Panels<T>& b, MatrixView<T> c) {    \
        add_all<64, 12>(a, b, c);                                                            \
    }                                                                                        \
    [[gnu::target("arch=x86-64-v3")]] void add_any(Factors<T, is_transposed> a,              \
                                                   const Panels<T>& b, MatrixView<T> c) {    \
        add_all<32, 3>(a, b, c);                                                             \
    }                                                                                        \
    [[gnu::target("default")]] void add_any(Factors<T, is_transposed> a, const Panels<T>& b, \
                                            MatrixView<T> c) {                               \
        add_all<16, 1>(a, b, c);                                                             \
    }
#else
#define NULLCLINE_PRODUCT(T, is_transposed)                                          \
    void add_any(Factors<T, is_transposed> a, const Panels<T>& b, MatrixView<T> c) { \
        add_all<16, 1>(a, b, c);                                                     \
    }
#endif

NULLCLINE_PRODUCT(float, false)
NULLCLINE_PRODUCT(float, true)
NULLCLINE_PRODUCT(double, false)
NULLCLINE_PRODUCT(double, true)

void require_fit(bool fits) {
    if (!fits) {
        throw std::invalid_argument("the shapes of a product do not fit");
    }
}

template <class T>
void add_checked(MatrixView<const T> a, const Panels<T>& b, MatrixView<T> c) {
    require_fit(a.rows() == c.rows() && a.cols() == b.depth() && b.cols() == c.cols());
    add_any(Factors<T, false>{a.data(), a.stride()}, b, c);
}

template <class T>
void add_transposed_checked(MatrixView<const T> a, const Panels<T>& b, MatrixView<T> c) {
    require_fit(a.cols() == c.rows() && a.rows() == b.depth() && b.cols() == c.cols());
    add_any(Factors<T, true>{a.data(), a.stride()}, b, c);
}

}  // namespace

void add_product(MatrixView<const float> a, const Panels<float>& b, MatrixView<float> c) {
    add_checked(a, b, c);
}
void add_product(MatrixView<const double> a, const Panels<double>& b, MatrixView<double> c) {
    add_checked(a, b, c);
}
void add_transposed_product(MatrixView<const float> a, const Panels<float>& b,
                            MatrixView<float> c) {
    add_transposed_checked(a, b, c);
}
void add_transposed_product(MatrixView<const double> a, const Panels<double>& b,
                            MatrixView<double> c) {
    add_transposed_checked(a, b, c);
}

}  // namespace nullcline
