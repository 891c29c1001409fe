// What a solver may ask of a cell: a residual whose zeros are the cell's fixed points.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/gates.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"

namespace nullcline {

/// A residual f(h) whose Jacobian is a row-scaled sum of blocks of weights.
///
/// `linearize` takes a state, its products W h and the drive (all that the input adds, made once a
/// start by the cell) and writes residual and scales; it costs no product with a matrix.
/// `curvature` writes Σ_i weights_i ∂²f_i, by unit a symmetric matrix over the first
/// `curved_fields` of (W_1 v, ..., W_blocks v, v): the rows of its upper triangle, one H each.
/// `rounding` writes how far from zero each residual of a true zero may come out, by rounding
/// alone.
template <class E>
concept Equation = requires(const E equation, std::span<const typename E::Scalar> in,
                            std::span<typename E::Scalar> out, Linearized<typename E::Scalar> at) {
    { equation.size() } -> std::same_as<std::size_t>;
    { equation.blocks() } -> std::same_as<std::size_t>;
    { equation.weights() } -> std::same_as<MatrixView<const typename E::Scalar>>;
    equation.linearize(in, in, in, at);
    { equation.curved_fields() } -> std::same_as<std::size_t>;
    equation.curvature(in, in, in, in, out);
    equation.rounding(in, in, in, out);
};

/// The memory of one linearization, and the two ways to look at it.
template <class T>
class Linearization {
  public:
    Linearization() = default;
    Linearization(std::size_t size, std::size_t blocks) : values_(2 + blocks, size) {}

    [[nodiscard]] std::span<const T> residual() const { return values_.row(0); }
    [[nodiscard]] std::span<const T> identity() const { return values_.row(1); }
    [[nodiscard]] std::span<const T> scales() const {
        return values_.elements().subspan(2 * values_.cols());
    }
    [[nodiscard]] RowScales<T> jacobian() const { return {scales(), identity()}; }
    [[nodiscard]] Linearized<T> out() {
        return {values_.row(0), values_.elements().subspan(2 * values_.cols()), values_.row(1)};
    }

  private:
    Matrix<T> values_;
};

}  // namespace nullcline
