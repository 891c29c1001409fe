// The loops over a subspace's rows, compiled once for any x86-64 and once for AVX2 with FMA.
#include "nullcline/subspace.hpp"

#include <algorithm>
#include <cstddef>

#include "nullcline/curvature.hpp"
#include "nullcline/multiversion.hpp"

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

NULLCLINE_MULTIVERSION
void CurvatureForm::apply(std::span<const float> fields, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0F);
    const float* coefficient = rows_.data();
    for (std::size_t p = 0; p < n_fields_; ++p) {
        for (std::size_t q = p; q < n_fields_; ++q, coefficient += size_) {
            const float* const from_q = fields.data() + q * size_;
            float* const to_p = out.data() + p * size_;
#pragma omp simd
            for (std::size_t i = 0; i < size_; ++i) {
                to_p[i] += coefficient[i] * from_q[i];
            }
            if (p == q) {
                continue;
            }
            const float* const from_p = fields.data() + p * size_;
            float* const to_q = out.data() + q * size_;
#pragma omp simd
            for (std::size_t i = 0; i < size_; ++i) {
                to_q[i] += coefficient[i] * from_p[i];
            }
        }
    }
}

}  // namespace nullcline
