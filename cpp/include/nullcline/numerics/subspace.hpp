// Rows of a matrix as the basis of a subspace: coordinates in it, and combinations of them.
#pragma once

#include <span>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// out = A x, a dot product per row.
void coordinates(MatrixView<const float> rows, std::span<const float> x, std::span<float> out);

/// y += Aᵀ c
void add_combination(MatrixView<const float> rows, std::span<const float> c, std::span<float> y);

}  // namespace nullcline
