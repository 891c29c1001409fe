// What a solver may ask of a cell: a residual whose zeros are the cell's fixed points.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/unit.hpp"
#include "nullcline/gates.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/box.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// A residual f(h) whose Jacobian is a row-scaled sum of blocks of weights (see row_scaled.hpp).
///
/// An equation is a value: a few numbers and pointers into weights that lie where it works, on the
/// CPU or on a GPU. Its unknowns are `parts()` parts of `units()` numbers, of which the weights see
/// the first, the outputs; but for the first `n_gated()` rows, a gated block, which sees what
/// `gate` makes of h, the other products and the drive (all that the input adds). `linearize` takes
/// a state, its products and the drive and writes residual and scales; it costs no product with a
/// matrix. Where it `has_linear_products`, those of a sum of states are the sums of theirs, gated
/// ones apart. `curvature` writes Σ_i weights_i ∂²f_i, and of what a gated block sees
/// Σ_i seen_weights_i ∂²m_i, by unit a symmetric matrix over the first `curved_fields()` of
/// (products, state), at least over all products: the rows of its upper triangle, one H each.
/// `rounding` says how far from zero a residual at a true zero may come out, by rounding alone, for
/// vectors that are as long as `lengths` says. `complete` writes, behind the outputs, what else a
/// state has, at rest.
template <class E>
concept Equation =
    requires(const E equation, const SerialTeam& team, std::span<const typename E::Scalar> in,
             std::span<typename E::Scalar> out, Linearized<typename E::Scalar> at,
             Lengths<typename E::Scalar> lengths) {
        { E::has_linear_products } -> std::convertible_to<bool>;
        { equation.is_update() } -> std::same_as<bool>;
        { equation.units() } -> std::same_as<std::size_t>;
        { equation.parts() } -> std::same_as<std::size_t>;
        { equation.size() } -> std::same_as<std::size_t>;
        { equation.blocks() } -> std::same_as<std::size_t>;
        { equation.n_gated() } -> std::same_as<std::size_t>;
        { equation.curved_fields() } -> std::same_as<std::size_t>;
        { equation.weights() } -> std::same_as<MatrixView<const typename E::Scalar>>;
        { equation.row_norms() } -> std::same_as<std::span<const typename E::Scalar>>;
        { equation.box() } -> std::same_as<Box<typename E::Scalar>>;
        equation.linearize(team, in, in, in, at);
        equation.gate(team, in, in, in, out);
        equation.curvature(team, in, in, in, in, in, out);
        equation.complete(team, in, in, in, out);
        { equation.lengths(team, in, in, in) } -> std::same_as<Lengths<typename E::Scalar>>;
        {
            equation.rounding(in, in, in, lengths, std::size_t{0})
        } -> std::same_as<typename E::Scalar>;
    };

/// One of a cell's two residuals, for cells of all kinds.
template <class T>
class CellEquation {
  public:
    using Scalar = T;

    static constexpr bool has_linear_products = true;

    constexpr CellEquation(const CellView<T>& cell, Form form) : cell_(cell), form_(form) {}

    /// Whether it is the update, up to its form: a cell without an update gate has nothing to drop.
    [[nodiscard]] constexpr bool is_update() const {
        return !is_reduced() || !cell_.traits.is_reducible;
    }
    [[nodiscard]] constexpr std::size_t units() const { return cell_.size(); }
    [[nodiscard]] constexpr std::size_t parts() const {
        return is_reduced() ? 1 : cell_.traits.parts;
    }
    [[nodiscard]] constexpr std::size_t size() const { return parts() * units(); }
    [[nodiscard]] constexpr std::size_t blocks() const {
        return is_reduced() ? cell_.traits.reduced_blocks : cell_.traits.blocks;
    }
    [[nodiscard]] constexpr std::size_t n_gated() const {
        return cell_.traits.has_gated_block ? units() : 0;
    }
    [[nodiscard]] constexpr std::size_t curved_fields() const {
        return is_reduced() ? cell_.traits.reduced_blocks + (cell_.traits.has_gated_block ? 1 : 0)
                            : cell_.traits.blocks + cell_.traits.parts;
    }
    [[nodiscard]] constexpr MatrixView<const T> weights() const {
        return cell_.recurrent.middle_rows(0, blocks() * units());
    }
    [[nodiscard]] constexpr std::span<const T> row_norms() const {
        return cell_.row_norms.first(blocks() * units());
    }
    [[nodiscard]] NULLCLINE_TEAM Box<T> box() const { return with_cell(cell_.kind, BoxOf()); }

    template <class Team>
    NULLCLINE_TEAM void gate(const Team& team, std::span<const T> state,
                             std::span<const T> products, std::span<const T> drive,
                             std::span<T> out) const {
        const UnitArrays<T> at(point(state, products, drive));
        T* const to = out.data();
        with_cell(cell_.kind, [&]<class C>() {
            if constexpr (C::has_gated_block) {
                team.for_each(at.size, [=](std::size_t i) { to[i] = gated_unit<C>(at, i); });
            }
        });
    }

    template <class Team>
    NULLCLINE_TEAM void linearize(const Team& team, std::span<const T> state,
                                  std::span<const T> products, std::span<const T> drive,
                                  const Linearized<T>& out) const {
        const UnitArrays<T> at(point(state, products, drive));
        T* const residual = out.residual.data();
        T* const scales = out.scales.data();
        T* const identity = out.identity.data();
        T* const gates = out.gate.data();
        with_residual([&]<class C, Form form>() {
            team.for_each(at.size, [=](std::size_t i) {
                linearize_unit<C, form>(at, i, residual, scales, identity, gates);
            });
        });
    }

    template <class Team>
    NULLCLINE_TEAM void curvature(const Team& team, std::span<const T> state,
                                  std::span<const T> products, std::span<const T> drive,
                                  std::span<const T> weights, std::span<const T> seen_weights,
                                  std::span<T> out) const {
        const UnitArrays<T> at(point(state, products, drive));
        const T* const weight = weights.data();
        const T* const seen_weight = seen_weights.data();
        T* const to = out.data();
        with_residual([&]<class C, Form form>() {
            team.for_each(at.size, [=](std::size_t i) {
                curvature_unit<C, form>(at, i, weight, seen_weight, to);
            });
        });
    }

#if !defined(__CUDACC__)
    // A team of one has these loops compiled for its processor.
    void linearize(const SerialTeam&, std::span<const T> state, std::span<const T> products,
                   std::span<const T> drive, const Linearized<T>& out) const {
        gates::linearize(cell_.kind, form_, point(state, products, drive), out);
    }

    void curvature(const SerialTeam&, std::span<const T> state, std::span<const T> products,
                   std::span<const T> drive, std::span<const T> weights,
                   std::span<const T> seen_weights, std::span<T> out) const {
        gates::curvature(cell_.kind, form_, point(state, products, drive), weights, seen_weights,
                         out);
    }

    /// The scales of ∂f/∂x over the input weights: all blocks, for each part.
    void input_scales(std::span<const T> state, std::span<const T> products,
                      std::span<const T> drive, std::span<T> out) const {
        gates::input_scales(cell_.kind, form_, point(state, products, drive), out);
    }
#endif

    template <class Team>
    NULLCLINE_TEAM void complete(const Team& team, std::span<const T> outputs,
                                 std::span<const T> products, std::span<const T> drive,
                                 std::span<T> state) const {
        if (cell_.traits.parts == 1) {
            return;
        }
        const UnitArrays<T> at(point(outputs, products, drive));
        T* const to = state.data();
        with_cell(cell_.kind, [&]<class C>() {
            team.for_each(at.size, [=](std::size_t i) { complete_unit<C>(at, i, to); });
        });
    }

    template <class Team>
    [[nodiscard]] NULLCLINE_TEAM Lengths<T> lengths(const Team& team, std::span<const T> state,
                                                    std::span<const T> products,
                                                    std::span<const T> drive) const {
        const UnitArrays<T> at(point(state, products, drive));
        const T* const norms = cell_.row_norms.data();
        const T length = norm(team, state.first(units()));
        return with_cell(cell_.kind, [&]<class C>() -> Lengths<T> {
            if constexpr (C::has_gated_block) {
                const T square = team.sum(at.size, [=](std::size_t i) {
                    const T part = gated_size_unit<C>(at, i, norms, length);
                    return part * part;
                });
                return {length, std::sqrt(square)};
            } else {
                return {length, T{0}};
            }
        });
    }

    [[nodiscard]] NULLCLINE_TEAM T rounding(std::span<const T> state, std::span<const T> products,
                                            std::span<const T> drive, const Lengths<T>& lengths,
                                            std::size_t i) const {
        const UnitArrays<T> at(point(state, products, drive));
        const T* const norms = cell_.row_norms.data();
        return with_residual([&]<class C, Form form>() {
            return rounding_unit<C, form>(at, i % at.size, i / at.size, norms, lengths);
        });
    }

  private:
    struct BoxOf {
        template <class C>
        constexpr Box<T> operator()() const {
            return C::template box<T>;
        }
    };

    [[nodiscard]] constexpr bool is_reduced() const { return form_ == Form::reduced; }

    [[nodiscard]] constexpr UnitPoint<T> point(std::span<const T> state,
                                               std::span<const T> products,
                                               std::span<const T> drive) const {
        return {state, products, drive, cell_.inner_bias, units()};
    }

    /// Call `use.operator()<Cell, form>()`.
    template <class Use>
    NULLCLINE_TEAM auto with_residual(const Use& use) const {
        return with_cell(cell_.kind, [&]<class C>() {
            if (is_reduced()) {
                return use.template operator()<C, Form::reduced>();
            }
            return use.template operator()<C, Form::update>();
        });
    }

    CellView<T> cell_;
    Form form_;
};

/// The residual whose zeros are the fixed points, in the outputs alone.
template <class T>
[[nodiscard]] constexpr CellEquation<T> reduced(const CellView<T>& cell) {
    return {cell, Form::reduced};
}

/// F(state) − state, whose mean square is the speed q.
template <class T>
[[nodiscard]] constexpr CellEquation<T> update(const CellView<T>& cell) {
    return {cell, Form::update};
}

static_assert(Equation<CellEquation<double>> && Equation<CellEquation<float>>);

/// Of an equation's weights, in its own or another precision, those that see the outputs
/// themselves, and those that see them through a gate.
template <Equation E, class U>
[[nodiscard]] constexpr MatrixView<U> plain_rows(const E& equation, MatrixView<U> weights) {
    return weights.middle_rows(equation.n_gated(), weights.rows() - equation.n_gated());
}
template <Equation E, class U>
[[nodiscard]] constexpr MatrixView<U> gated_rows(const E& equation, MatrixView<U> weights) {
    return weights.middle_rows(0, equation.n_gated());
}
template <Equation E>
[[nodiscard]] constexpr MatrixView<const typename E::Scalar> plain_weights(const E& equation) {
    return plain_rows(equation, equation.weights());
}
template <Equation E>
[[nodiscard]] constexpr MatrixView<const typename E::Scalar> gated_weights(const E& equation) {
    return gated_rows(equation, equation.weights());
}

/// The memory of one linearization, and the two ways to look at it.
template <class T>
class Linearization {
  public:
    Linearization() = default;

    template <class E>
    explicit Linearization(const E& equation)
        : residual_(1, equation.size()),
          scales_(1, equation.parts() * equation.blocks() * equation.units()),
          identity_(1, equation.parts() * equation.size()),
          gate_(1, 2 * equation.n_gated()) {}

    [[nodiscard]] std::span<const T> residual() const { return residual_.elements(); }
    [[nodiscard]] RowScales<T> jacobian() const {
        return {scales_.elements(), identity_.elements(), gate_.elements()};
    }
    [[nodiscard]] Linearized<T> out() {
        return {residual_.elements(), scales_.elements(), identity_.elements(), gate_.elements()};
    }

  private:
    Matrix<T> residual_, scales_, identity_, gate_;
};

/// Whether every residual from the `first` on is zero to rounding, or to so many times that.
template <class Team, Equation E, class T = typename E::Scalar>
[[nodiscard]] NULLCLINE_TEAM bool is_zero(const Team& team, const E& equation,
                                          std::span<const T> residual, std::span<const T> state,
                                          std::span<const T> products, std::span<const T> drive,
                                          std::size_t first = 0, T times = 1) {
    const Lengths<T> lengths = equation.lengths(team, state, products, drive);
    return team.all(residual.size() - first, [&](std::size_t i) {
        return std::abs(residual[first + i]) <=
               times * equation.rounding(state, products, drive, lengths, first + i);
    });
}

}  // namespace nullcline
