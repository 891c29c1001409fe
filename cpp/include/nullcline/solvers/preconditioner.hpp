// An approximate inverse of JᵀJ + μI for every start at once, from one reference state.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/packed_matrix.hpp"
#include "nullcline/row_scaled.hpp"

namespace nullcline {

/// J₀ᵀJ₀ = Vᵀ diag(σ²) V at a reference state, so that (J₀ᵀJ₀ + μI)⁻¹ = Vᵀ diag(1 / (σ² + μ)) V for
/// any μ. The state depends on the cell and its input alone, never on the starts: what a start ends
/// in must not depend on its company.
class Preconditioner {
  public:
    template <Equation E>
    Preconditioner(const E& equation, std::span<const typename E::Scalar> reference,
                   std::span<const typename E::Scalar> drive)
        : squares_(equation.size()) {
        using T = typename E::Scalar;
        const std::size_t size = equation.size();
        std::vector<T> products(equation.weights().rows());
        Linearization<T> at(size, equation.blocks());
        Matrix<T> jacobian(size, size);
        Matrix<T> normal(size, size);
        std::vector<T> squares(size);
        blas::multiply_vector(equation.weights(), reference, std::span(products));
        equation.linearize(reference, products, drive, at.out());
        assemble(at.jacobian(), equation.weights(), jacobian.view());
        blas::gram(MatrixView<const T>(jacobian.view()), normal.view());
        if (std::ranges::all_of(normal.elements(), [](T x) { return std::isfinite(x); })) {
            blas::symmetric_eigen(normal.view(), std::span(squares));
        } else {  // weights beyond all bounds: conjugate gradients go without
            std::ranges::fill(normal.elements(), T{0});
            for (std::size_t i = 0; i < size; ++i) {
                normal.view()(i, i) = T{1};
            }
        }
        vectors_ = TileMatrix(MatrixView<const T>(normal.view()));
        std::ranges::transform(squares, squares_.begin(),
                               [](T s) { return std::max(static_cast<float>(s), 0.0F); });
    }

    /// One eigenvector a row.
    [[nodiscard]] const TileMatrix& vectors() const { return vectors_; }

    /// Divide coordinates along the eigenvectors by σ² + μ.
    void divide(float damping, std::span<float> coordinates) const {
        for (std::size_t i = 0; i < coordinates.size(); ++i) {
            coordinates[i] /= squares_[i] + damping;
        }
    }

  private:
    TileMatrix vectors_;
    std::vector<float> squares_;
};

}  // namespace nullcline
