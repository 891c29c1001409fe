// The form's loops, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/curvature.hpp"

#include <algorithm>
#include <cstddef>

#include "nullcline/multiversion.hpp"

namespace nullcline {
namespace {

template <class T>
[[gnu::always_inline]] inline void add_product(const T* factors, const T* from, std::size_t size,
                                               T* to) {
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
        to[i] += factors[i] * from[i];
    }
}

template <class T>
[[gnu::always_inline]] inline void apply(std::span<const T> form, std::span<const T> fields,
                                         std::size_t size, std::span<T> out) {
    const std::size_t n_fields = fields.size() / size;
    const T* factors = form.data();
    std::ranges::fill(out, T{0});
    for (std::size_t p = 0; p < n_fields; ++p) {
        for (std::size_t q = p; q < n_fields; ++q, factors += size) {
            add_product(factors, fields.data() + q * size, size, out.data() + p * size);
            if (p != q) {
                add_product(factors, fields.data() + p * size, size, out.data() + q * size);
            }
        }
    }
}

}  // namespace

NULLCLINE_MULTIVERSION
void apply_curvature(std::span<const float> form, std::span<const float> fields, std::size_t size,
                     std::span<float> out) {
    apply(form, fields, size, out);
}

NULLCLINE_MULTIVERSION
void apply_curvature(std::span<const double> form, std::span<const double> fields, std::size_t size,
                     std::span<double> out) {
    apply(form, fields, size, out);
}

}  // namespace nullcline
