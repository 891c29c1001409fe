// Approximate inverses of JᵀJ + μI, for every start of a tile at once.
#pragma once

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

/// diag(d)² + μI: JᵀJ + μI if J were −diag(d), which no weights enter.
struct ShiftedDiagonal {
    std::span<const float> root;  ///< d
    double shift;                 ///< μ

    void divide(std::span<const float> from, std::span<float> to) const {
        const auto mu = static_cast<float>(shift);
        for (std::size_t i = 0; i < to.size(); ++i) {
            to[i] = from[i] / (root[i] * root[i] + mu);
        }
    }
};

/// Either the diagonal of each state, or for all states (J₀ᵀJ₀ + μI)⁻¹ of one reference state.
///
/// The reference depends on the cell alone, never on the starts: what a start ends in must not
/// depend on its company. Its μ is a small part of the mean squared singular value, whatever the
/// trust regions' are: it only has to keep the inverse in bounds.
class Preconditioner {
  public:
    /// The diagonal one.
    Preconditioner() = default;

    template <Equation E>
    Preconditioner(const E& equation, std::span<const typename E::Scalar> reference,
                   std::span<const typename E::Scalar> drive) {
        using T = typename E::Scalar;
        const std::size_t size = equation.size();
        std::vector<T> products(equation.weights().rows());
        Linearization<T> at(size, equation.blocks());
        Matrix<T> jacobian(size, size);
        Matrix<T> normal(size, size);
        blas::multiply_vector(equation.weights(), reference, std::span(products));
        equation.linearize(reference, products, drive, at.out());
        assemble(at.jacobian(), equation.weights(), jacobian.view());
        blas::gram(MatrixView<const T>(jacobian.view()), normal.view());
        T sum = 0;
        for (std::size_t i = 0; i < size; ++i) {
            sum += normal.view()(i, i);
        }
        Matrix<T> inverse(size, size);
        for (std::size_t i = 0; i < size; ++i) {
            normal.view()(i, i) += static_cast<T>(shift) * sum / static_cast<T>(size);
            inverse.view()(i, i) = 1;
        }
        if (!std::isfinite(sum) || !blas::cholesky(normal.view())) {
            return;  // weights beyond all bounds
        }
        blas::cholesky_solve(MatrixView<const T>(normal.view()), inverse.view());
        inverse_ = PackedMatrix::of(MatrixView<const T>(inverse.view()));
    }

    /// For the rows with `wanted(i)`, out = M⁻¹ in; the diagonal is that of `diagonal(i)`.
    template <class Wanted, class Diagonal>
    void apply(const Matrix<float>& in, Matrix<float>& out, const BusyBlocks& busy,
               const Wanted& wanted, const Diagonal& diagonal) const {
        if (inverse_.rows() > 0) {  // symmetric to rounding: a row times it is it times a column
            multiply(in, inverse_, out, busy);
            return;
        }
        for (std::size_t i = 0; i < in.rows(); ++i) {
            if (wanted(i)) {
                diagonal(i).divide(in.row(i), out.row(i));
            }
        }
    }

  private:
    static constexpr double shift = 1e-4;

    PackedMatrix inverse_;
};

}  // namespace nullcline
