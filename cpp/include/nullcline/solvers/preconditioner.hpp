// Approximate inverses of JᵀJ + μI, for every start of a tile at once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
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

/// Either the diagonal of each state, or the spectrum of one reference state for all:
/// J₀ᵀJ₀ = Vᵀ diag(σ²) V, so that (J₀ᵀJ₀ + μI)⁻¹ = Vᵀ diag(1 / (σ² + μ)) V for any μ.
///
/// The reference depends on the cell alone, never on the starts: what a start ends in must not
/// depend on its company.
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
        std::vector<T> squares(size);
        blas::multiply_vector(equation.weights(), reference, std::span(products));
        equation.linearize(reference, products, drive, at.out());
        assemble(at.jacobian(), equation.weights(), jacobian.view());
        blas::gram(MatrixView<const T>(jacobian.view()), normal.view());
        if (!std::ranges::all_of(normal.elements(), [](T x) { return std::isfinite(x); })) {
            return;  // weights beyond all bounds
        }
        blas::symmetric_eigen(normal.view(), std::span(squares));
        vectors_ = TileMatrix(MatrixView<const T>(normal.view()));
        squares_.resize(size);
        std::ranges::transform(squares, squares_.begin(),
                               [](T s) { return std::max(static_cast<float>(s), 0.0F); });
    }

    /// How many eigenvectors there are, none for the diagonal one.
    [[nodiscard]] std::size_t rank() const { return squares_.size(); }

    /// For the rows with `wanted(i)`, out = M⁻¹ in with the shift of `diagonal(i)`; `coordinates`
    /// is room for `rank` numbers a row.
    template <class Wanted, class Diagonal>
    void apply(const Matrix<float>& in, Matrix<float>& coordinates, Matrix<float>& out,
               const BusyBlocks& busy, const Wanted& wanted, const Diagonal& diagonal) const {
        if (rank() == 0) {
            for (std::size_t i = 0; i < in.rows(); ++i) {
                if (wanted(i)) {
                    diagonal(i).divide(in.row(i), out.row(i));
                }
            }
            return;
        }
        vectors_.forward(in, coordinates, busy);
        for (std::size_t i = 0; i < in.rows(); ++i) {
            if (wanted(i)) {
                const auto mu = static_cast<float>(diagonal(i).shift);
                const auto row = coordinates.row(i);
                for (std::size_t j = 0; j < row.size(); ++j) {
                    row[j] /= squares_[j] + mu;
                }
            }
        }
        vectors_.backward(coordinates, out, busy);
    }

  private:
    TileMatrix vectors_;  // an eigenvector a row
    std::vector<float> squares_;
};

}  // namespace nullcline
