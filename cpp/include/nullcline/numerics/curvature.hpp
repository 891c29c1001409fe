// Second derivatives Σ_i u_i ∂²f_i, as a small Hessian per unit.
//
// A unit's residual depends on a direction v only through a few numbers, its *fields*: the products
// W_k v and its own parts of v. Its second derivative is a small symmetric matrix over them, so
// that the curvature of q that the Gauss–Newton model leaves out costs O(H) per pair of directions.
#pragma once

#include <cstddef>
#include <span>

namespace nullcline {

/// How many numbers Hessians over `n_fields` have: rows (0,0), (0,1), ..., (1,1), ... of their
/// upper triangle, for `size` units each.
[[nodiscard]] constexpr std::size_t curvature_size(std::size_t n_fields, std::size_t size) {
    return n_fields * (n_fields + 1) / 2 * size;
}

/// out = C fields for unit i; the fields of a direction lie one after the other, H apart.
template <std::size_t n_fields, class T>
[[gnu::always_inline]] constexpr void apply_curvature_unit(const T* hessian, const T* fields,
                                                           std::size_t size, std::size_t i,
                                                           T* out) {
    T sums[n_fields] = {};
    std::size_t entry = i;
    for (std::size_t p = 0; p < n_fields; ++p) {
        for (std::size_t q = p; q < n_fields; ++q, entry += size) {
            sums[p] += hessian[entry] * fields[q * size + i];
            if (p != q) {
                sums[q] += hessian[entry] * fields[p * size + i];
            }
        }
    }
    for (std::size_t p = 0; p < n_fields; ++p) {
        out[p * size + i] = sums[p];
    }
}

/// Call `use.operator()<n>()` for a number of fields that cells have.
template <class Use>
constexpr void with_field_count(std::size_t n, const Use& use) {
    switch (n) {
        case 1:
            return use.template operator()<1>();
        case 2:
            return use.template operator()<2>();
        case 3:
            return use.template operator()<3>();
        case 4:
            return use.template operator()<4>();
        case 5:
            return use.template operator()<5>();
        case 6:
            return use.template operator()<6>();
        default:
            return;
    }
}

/// out = C fields, unit by unit.
void apply_curvature(std::span<const float> hessian, std::span<const float> fields,
                     std::size_t size, std::span<float> out);
void apply_curvature(std::span<const double> hessian, std::span<const double> fields,
                     std::size_t size, std::span<double> out);

}  // namespace nullcline
