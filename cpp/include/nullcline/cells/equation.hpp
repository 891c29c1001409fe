// What a solver may ask of a cell: a residual whose zeros are the cell's fixed points.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/cells/gru_unit.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// A residual f(h) whose Jacobian is a row-scaled sum of blocks of weights.
///
/// An equation is a value: a few numbers and pointers into weights that lie where it works, on the
/// CPU or on a GPU. `linearize` takes a state, its products W h and the drive (all that the input
/// adds) and writes residual and scales; it costs no product with a matrix. `curvature` writes
/// Σ_i weights_i ∂²f_i, by unit a symmetric matrix over the first `curved_fields` of
/// (W_1 v, ..., W_blocks v, v), at least over all products: the rows of its upper triangle, one H
/// each. `rounding` says how far from zero a unit's residual at a true zero may come out, by
/// rounding alone, for a state of a given length.
template <class E>
concept Equation =
    requires(const E equation, const SerialTeam& team, std::span<const typename E::Scalar> in,
             std::span<typename E::Scalar> out, Linearized<typename E::Scalar> at) {
        { equation.size() } -> std::same_as<std::size_t>;
        { equation.weights() } -> std::same_as<MatrixView<const typename E::Scalar>>;
        { equation.row_norms() } -> std::same_as<std::span<const typename E::Scalar>>;
        { E::blocks } -> std::convertible_to<std::size_t>;
        { E::curved_fields } -> std::convertible_to<std::size_t>;
        equation.linearize(team, in, in, in, at);
        equation.curvature(team, in, in, in, in, out);
        {
            equation.rounding(in, in, in, in[0], std::size_t{0})
        } -> std::same_as<typename E::Scalar>;
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

/// Whether every unit's residual at h is zero to rounding.
template <class Team, Equation E, class T = typename E::Scalar>
[[nodiscard]] NULLCLINE_TEAM bool is_zero(const Team& team, const E& equation,
                                          std::span<const T> residual, std::span<const T> h,
                                          std::span<const T> products, std::span<const T> drive) {
    const T length = norm(team, h);
    return team.all(h.size(), [&](std::size_t i) {
        return std::abs(residual[i]) <= equation.rounding(h, products, drive, length, i);
    });
}

}  // namespace nullcline
