// Second derivatives Σ_i u_i ∂²f_i as a form over what a direction does to each unit.
//
// A gated unit sees a direction v only through a few numbers, its *fields*: the products W_k v and
// v itself. The second derivative of its residual is a small symmetric matrix over them, so that
// the curvature of q that Gauss and Newton leave out costs O(H) for each pair of directions.
#pragma once

#include <cstddef>
#include <span>

namespace nullcline {

/// The numbers that a form over `n_fields` takes: rows (0,0), (0,1), ..., (1,1), ... of its upper
/// triangle, `size` units each.
[[nodiscard]] inline std::size_t curvature_size(std::size_t n_fields, std::size_t size) {
    return n_fields * (n_fields + 1) / 2 * size;
}

/// out = C fields, unit by unit; the fields of a direction lie behind each other, H apart.
void apply_curvature(std::span<const float> form, std::span<const float> fields, std::size_t size,
                     std::span<float> out);
void apply_curvature(std::span<const double> form, std::span<const double> fields, std::size_t size,
                     std::span<double> out);

}  // namespace nullcline
