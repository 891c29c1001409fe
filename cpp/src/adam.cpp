// Adam's loop, compiled once for any x86-64 and once for AVX2 with FMA, chosen at run time.
#include "nullcline/numerics/adam.hpp"

#include <cstddef>

#include "nullcline/numerics/multiversion.hpp"

namespace nullcline {

NULLCLINE_MULTIVERSION
void adam_step(std::span<float> first_moment, std::span<float> second_moment,
               std::span<const float> gradient, AdamFactors factors, std::span<float> change) {
    const std::size_t size = gradient.size();
    float* const m = first_moment.data();
    float* const v = second_moment.data();
    const float* const g = gradient.data();
    float* const out = change.data();
#pragma omp simd
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = adam_unit(m[i], v[i], g[i], factors);
    }
}

}  // namespace nullcline
