// The Hessian's loops, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/numerics/curvature.hpp"

#include <cstddef>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline {
namespace {

template <std::size_t n_fields, class T>
[[gnu::always_inline]] inline void apply(const T* hessian, const T* fields, std::size_t size,
                                         T* out) {
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
        apply_curvature_unit<n_fields>(hessian, fields, size, i, out);
    }
}

template <class T>
[[gnu::always_inline]] inline void apply(std::span<const T> hessian, std::span<const T> fields,
                                         std::size_t size, std::span<T> out) {
    with_field_count(fields.size() / size,
                     [&]<std::size_t n_fields>() __attribute__((always_inline)) {
                         apply<n_fields>(hessian.data(), fields.data(), size, out.data());
                     });
}

}  // namespace

NULLCLINE_MULTIVERSION
void apply_curvature(std::span<const float> hessian, std::span<const float> fields,
                     std::size_t size, std::span<float> out) {
    apply(hessian, fields, size, out);
}

NULLCLINE_MULTIVERSION
void apply_curvature(std::span<const double> hessian, std::span<const double> fields,
                     std::size_t size, std::span<double> out) {
    apply(hessian, fields, size, out);
}

}  // namespace nullcline
