// Second derivatives Σ_i f_i ∂²f_i as a form over what a direction does to each unit.
//
// A gated unit sees a direction v only through a few numbers, its *fields*: the products W_k v and
// v itself. The second derivative of its residual is a small symmetric matrix over them, so that
// the curvature of q that Gauss and Newton leave out costs O(H) for each pair of directions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace nullcline {

/// The form at one state. A direction's fields lie behind each other, those of one unit H apart.
class CurvatureForm {
  public:
    CurvatureForm() = default;
    CurvatureForm(std::size_t n_fields, std::size_t size)
        : n_fields_(n_fields), size_(size), rows_(n_fields * (n_fields + 1) / 2 * size) {}

    [[nodiscard]] std::size_t n_fields() const { return n_fields_; }
    [[nodiscard]] std::span<float> rows() { return rows_; }

    /// out = C fields, unit by unit: half the gradient of the form.
    void apply(std::span<const float> fields, std::span<float> out) const;

  private:
    std::size_t n_fields_ = 0;
    std::size_t size_ = 0;
    std::vector<float> rows_;  // rows (0,0), (0,1), ..., (1,1), ... of the upper triangle
};

}  // namespace nullcline
