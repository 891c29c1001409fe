// The loops over a subspace's rows, compiled once for any x86-64 and once for AVX2 with FMA.
#include "nullcline/numerics/subspace.hpp"

#include <cstddef>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline {

NULLCLINE_MULTIVERSION
void coordinates(MatrixView<const float> rows, std::span<const float> x, std::span<float> out) {
    const std::size_t size = x.size();
    const float* const v = x.data();
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const float* const row = rows.row(i).data();
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (std::size_t j = 0; j < size; ++j) {
            sum += row[j] * v[j];
        }
        out[i] = sum;
    }
}

NULLCLINE_MULTIVERSION
void add_combination(MatrixView<const float> rows, std::span<const float> c, std::span<float> y) {
    const std::size_t size = y.size();
    float* const to = y.data();
    for (std::size_t i = 0; i < rows.rows(); ++i) {
        const float* const row = rows.row(i).data();
        const float factor = c[i];
#pragma omp simd
        for (std::size_t j = 0; j < size; ++j) {
            to[j] += factor * row[j];
        }
    }
}

}  // namespace nullcline
