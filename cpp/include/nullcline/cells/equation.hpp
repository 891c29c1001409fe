// What solvers know of a cell: a residual whose zeros are the cell's fixed points.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/gates.hpp"
#include "nullcline/cells/unit.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"

namespace nullcline {

/// A residual f(h) whose Jacobian is a row-scaled sum of blocks of weights (see
/// numerics/jacobian.hpp).
///
/// An equation is a value: a few numbers, and pointers into weights in the memory of the CPU or of
/// a GPU. Its unknowns are `parts()` parts of `units()` numbers. The weights multiply the first
/// part, the outputs; but their first `n_gated()` rows, a gated block, multiply an input of their
/// own, which `compute_gated_input` makes of h, the other products and the drive (all that the
/// input adds). `linearize` takes a state, its products and the drive, and writes residual and
/// scales; it computes no product with a matrix. Where an equation `has_linear_products`, those of
/// a sum of states are the sums of theirs, but for a gated block's. `curvature` writes Σ_i
/// weights_i ∂²f_i and, for a gated block's input m, Σ_i gated_input_weights_i ∂²m_i: per unit a
/// symmetric matrix over the first `curved_fields()` of (products, state), at least over all
/// products, as the rows of its upper triangle, H apart. `rounding` bounds what rounding alone
/// leaves of a residual at a true zero, for vectors of these `norms`. `complete` writes, behind the
/// outputs, another part of a state, at equilibrium.
template <class E>
concept Equation =
    requires(const E equation, const SerialGroup& group, std::span<const typename E::Scalar> in,
             std::span<typename E::Scalar> out, Linearized<typename E::Scalar> at,
             Norms<typename E::Scalar> norms) {
        { E::has_linear_products } -> std::convertible_to<bool>;
        { equation.is_update() } -> std::same_as<bool>;
        { equation.units() } -> std::same_as<std::size_t>;
        { equation.parts() } -> std::same_as<std::size_t>;
        { equation.size() } -> std::same_as<std::size_t>;
        { equation.blocks() } -> std::same_as<std::size_t>;
        { equation.n_gated() } -> std::same_as<std::size_t>;
        { equation.curved_fields() } -> std::same_as<std::size_t>;
        { equation.weights() } -> std::same_as<Weights<typename E::Scalar>>;
        { equation.row_norms() } -> std::same_as<std::span<const typename E::Scalar>>;
        { equation.box_follows_input() } -> std::same_as<bool>;
        { equation.box(in) } -> std::same_as<Box<typename E::Scalar>>;
        equation.linearize(group, in, in, in, at);
        equation.compute_gated_input(group, in, in, in, out);
        equation.curvature(group, in, in, in, in, in, out);
        equation.complete(group, in, in, in, out);
        { equation.norms(group, in, in, in) } -> std::same_as<Norms<typename E::Scalar>>;
        {
            equation.rounding(in, in, in, norms, std::size_t{0})
        } -> std::same_as<typename E::Scalar>;
    };

/// A state, its products with the weights, and the drive there.
template <class T>
struct StatePoint {
    std::span<const T> state, products, drive;
};

/// A cell's equation: one of its two residuals, for cells of all kinds.
template <class T>
class CellEquation {
  public:
    using Scalar = T;

    static constexpr bool has_linear_products = true;

    constexpr CellEquation(const CellView<T>& cell, Residual which)
        : cell_(cell), residual_(which) {}

    /// The same residual of a cell, or of a copy of this one that lies elsewhere.
    [[nodiscard]] constexpr CellEquation of(const CellView<T>& cell) const {
        return {cell, residual_};
    }

    /// Whether it is the update, as both residuals of a cell without an update gate are.
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
        return cell_.traits.has_gated_input ? units() : 0;
    }
    [[nodiscard]] constexpr std::size_t curved_fields() const {
        return n_curved_fields(cell_.traits, residual_);
    }
    [[nodiscard]] constexpr Weights<T> weights() const {
        return cell_.recurrent.middle_rows(0, blocks() * units());
    }
    [[nodiscard]] constexpr std::span<const T> row_norms() const {
        return cell_.row_norms.first(blocks() * units());
    }
    /// Whether the box depends on the drive.
    [[nodiscard]] constexpr bool box_follows_input() const {
        return cell_.traits.bounds == Bounds::weighted_activation;
    }
    /// The box at a drive.
    [[nodiscard]] constexpr Box<T> box(std::span<const T> drive) const {
        Box<T> box = cell_.box;
        box.shifts = box_follows_input() ? drive.data() : nullptr;
        return box;
    }

    template <class Group>
    NULLCLINE_DEVICE_CALL void compute_gated_input(const Group& group, std::span<const T> state,
                                                   std::span<const T> products,
                                                   std::span<const T> drive,
                                                   std::span<T> out) const {
        const UnitArrays<T> at(point(state, products, drive));
        T* const to = out.data();
        with_cell(cell_.kind, [&]<class C>() {
            if constexpr (C::has_gated_input) {
                group.for_each(at.size, [=](std::size_t i) { to[i] = gated_unit<C>(at, i); });
            }
        });
    }

    template <class Group>
    NULLCLINE_DEVICE_CALL void linearize(const Group& group, std::span<const T> state,
                                         std::span<const T> products, std::span<const T> drive,
                                         const Linearized<T>& out) const {
        const UnitArrays<T> at(point(state, products, drive));
        T* const residual = out.residual.data();
        T* const scales = out.scales.data();
        T* const identity = out.identity.data();
        T* const gates = out.gate.data();
        with_residual([&]<class C, Residual which>() {
            group.for_each(at.size, [=](std::size_t i) {
                linearize_unit<C, which>(at, i, residual, scales, identity, gates);
            });
        });
    }

    template <class Group>
    NULLCLINE_DEVICE_CALL void curvature(const Group& group, std::span<const T> state,
                                         std::span<const T> products, std::span<const T> drive,
                                         std::span<const T> weights,
                                         std::span<const T> gated_input_weights,
                                         std::span<T> out) const {
        const UnitArrays<T> at(point(state, products, drive));
        const T* const weight = weights.data();
        const T* const gated_input_weight = gated_input_weights.data();
        T* const to = out.data();
        with_residual([&]<class C, Residual which>() {
            group.for_each(at.size, [=](std::size_t i) {
                curvature_unit<C, which>(at, i, weight, gated_input_weight, to);
            });
        });
    }

#if !defined(__CUDACC__)
    // A single thread has versions of these loops for its processor and for each activation.
    void compute_gated_input(const SerialGroup&, std::span<const T> state,
                             std::span<const T> products, std::span<const T> drive,
                             std::span<T> out) const {
        gates::gated_input(cell_.kind, point(state, products, drive), out);
    }

    void linearize(const SerialGroup&, std::span<const T> state, std::span<const T> products,
                   std::span<const T> drive, const Linearized<T>& out) const {
        gates::linearize(cell_.kind, residual_, point(state, products, drive), out);
    }

    void curvature(const SerialGroup&, std::span<const T> state, std::span<const T> products,
                   std::span<const T> drive, std::span<const T> weights,
                   std::span<const T> gated_input_weights, std::span<T> out) const {
        gates::curvature(cell_.kind, residual_, point(state, products, drive), weights,
                         gated_input_weights, out);
    }

    /// The update's secants from one point to another, each a state, its products and its drive.
    void secants(const StatePoint<T>& base, const StatePoint<T>& actual, const Linearized<T>& out,
                 std::span<T> input_scales) const {
        gates::secants(cell_.kind, point(base.state, base.products, base.drive),
                       point(actual.state, actual.products, actual.drive), out, input_scales);
    }

    /// The scales of ∂f/∂x over the input weights: all blocks, for each part.
    void input_scales(std::span<const T> state, std::span<const T> products,
                      std::span<const T> drive, std::span<T> out) const {
        gates::input_scales(cell_.kind, residual_, point(state, products, drive), out);
    }
#endif

    template <class Group>
    NULLCLINE_DEVICE_CALL void complete(const Group& group, std::span<const T> outputs,
                                        std::span<const T> products, std::span<const T> drive,
                                        std::span<T> state) const {
        if (cell_.traits.parts == 1) {
            return;
        }
        const UnitArrays<T> at(point(outputs, products, drive));
        T* const to = state.data();
        with_cell(cell_.kind, [&]<class C>() {
            group.for_each(at.size, [=](std::size_t i) { complete_unit<C>(at, i, to); });
        });
    }

    template <class Group>
    [[nodiscard]] NULLCLINE_DEVICE_CALL Norms<T> norms(const Group& group, std::span<const T> state,
                                                       std::span<const T> products,
                                                       std::span<const T> drive) const {
        const UnitArrays<T> at(point(state, products, drive));
        const T* const row_norms = cell_.row_norms.data();
        const T output_norm = norm(group, state.first(units()));
        return with_cell(cell_.kind, [&]<class C>() -> Norms<T> {
            if constexpr (C::has_gated_input) {
                const T square = group.sum(at.size, [=](std::size_t i) {
                    const T part = gated_size_unit<C>(at, i, row_norms, output_norm);
                    return part * part;
                });
                return {output_norm, std::sqrt(square)};
            } else {
                return {output_norm, T{0}};
            }
        });
    }

    [[nodiscard]] NULLCLINE_DEVICE_CALL T rounding(std::span<const T> state,
                                                   std::span<const T> products,
                                                   std::span<const T> drive, const Norms<T>& norms,
                                                   std::size_t i) const {
        const UnitArrays<T> at(point(state, products, drive));
        const T* const row_norms = cell_.row_norms.data();
        return with_residual([&]<class C, Residual which>() {
            return rounding_unit<C, which>(at, i % at.size, i / at.size, row_norms, norms);
        });
    }

  private:
    [[nodiscard]] constexpr bool is_reduced() const { return residual_ == Residual::reduced; }

    [[nodiscard]] constexpr UnitPoint<T> point(std::span<const T> state,
                                               std::span<const T> products,
                                               std::span<const T> drive) const {
        return {state, products, drive, cell_.parameters, cell_.activation, units()};
    }

    /// Call `use.operator()<Cell, which>()`.
    template <class Use>
    NULLCLINE_DEVICE auto with_residual(const Use& use) const {
        return with_cell(cell_.kind, [&]<class C>() {
            if (is_reduced()) {
                return use.template operator()<C, Residual::reduced>();
            }
            return use.template operator()<C, Residual::update>();
        });
    }

    CellView<T> cell_;
    Residual residual_;
};

/// The residual whose zeros are the fixed points, in the outputs alone.
template <class T>
[[nodiscard]] constexpr CellEquation<T> reduced(const CellView<T>& cell) {
    return {cell, Residual::reduced};
}

/// F(state) − state, whose mean square is the speed q.
template <class T>
[[nodiscard]] constexpr CellEquation<T> update(const CellView<T>& cell) {
    return {cell, Residual::update};
}

/// The f of the network's steps h + f that settle it: F(state) − state, without a leak, which only
/// slows them down.
template <class T>
[[nodiscard]] constexpr CellEquation<T> settling(const CellView<T>& cell) {
    return cell.traits.has_constant_gate ? reduced(cell) : update(cell);
}

static_assert(Equation<CellEquation<double>> && Equation<CellEquation<float>>);

/// The rows of an equation's weights, in its own or another precision, that multiply the outputs.
template <Equation E, class W>
[[nodiscard]] constexpr W plain_rows(const E& equation, const W& weights) {
    return weights.middle_rows(equation.n_gated(), weights.rows() - equation.n_gated());
}
/// The rows of an equation's weights, in its own or another precision, that are a gated block.
template <Equation E, class W>
[[nodiscard]] constexpr W gated_rows(const E& equation, const W& weights) {
    return weights.middle_rows(0, equation.n_gated());
}
template <Equation E>
[[nodiscard]] constexpr Weights<typename E::Scalar> plain_weights(const E& equation) {
    return plain_rows(equation, equation.weights());
}
template <Equation E>
[[nodiscard]] constexpr Weights<typename E::Scalar> gated_weights(const E& equation) {
    return gated_rows(equation, equation.weights());
}

/// The memory of one linearization, with views to read and to write it.
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
    [[nodiscard]] JacobianView<T> jacobian() const {
        return {scales_.elements(), identity_.elements(), gate_.elements()};
    }
    [[nodiscard]] Linearized<T> out() {
        return {residual_.elements(), scales_.elements(), identity_.elements(), gate_.elements()};
    }

  private:
    Matrix<T> residual_, scales_, identity_, gate_;
};

/// A residual this small is zero whatever its bound of rounding is: its square underflows. Bounds
/// are parts of the state, and tend to zero with it where units are linear.
template <class T>
inline constexpr T smallest_residual = static_cast<T>(sizeof(T) == 8 ? 0x1p-511 : 0x1p-63);

/// Whether every residual from `first` on is at most `times` its bound of rounding.
template <class Group, Equation E, class T = typename E::Scalar>
[[nodiscard]] NULLCLINE_DEVICE_CALL bool is_zero(
    const Group& group, const E& equation, std::span<const T> residual, std::span<const T> state,
    std::span<const T> products, std::span<const T> drive, std::size_t first = 0, T times = 1) {
    const Norms<T> norms = equation.norms(group, state, products, drive);
    return group.all(residual.size() - first, [&](std::size_t i) {
        return std::abs(residual[first + i]) <=
               smallest_residual<T> +
                   times * equation.rounding(state, products, drive, norms, first + i);
    });
}

/// Whether it is a zero that rounding leaves well defined: every bound of rounding, as a change of
/// its unknown, is small beside that unknown, or beside 1 where it is less. `diagonal` is
/// −∂f/∂(unknown) with all else held, from `first` on.
template <class Group, Equation E, class T = typename E::Scalar>
[[nodiscard]] NULLCLINE_DEVICE_CALL bool is_clear_zero(
    const Group& group, const E& equation, std::span<const T> residual, std::span<const T> diagonal,
    std::span<const T> state, std::span<const T> products, std::span<const T> drive,
    std::size_t first = 0) {
    constexpr T largest = static_cast<T>(1e-3);  // the distance at which points merge by default
    const Norms<T> norms = equation.norms(group, state, products, drive);
    const T root_mean_square =
        norms.outputs / static_cast<T>(std::sqrt(static_cast<double>(equation.units())));
    return group.all(diagonal.size(), [&](std::size_t i) {
        const T rounding = equation.rounding(state, products, drive, norms, first + i);
        const T size = std::max(first == 0 ? root_mean_square : std::abs(state[first + i]), T{1});
        return std::abs(residual[first + i]) <= smallest_residual<T> + rounding &&
               diagonal[i] > smallest_residual<T> &&  // else nothing says what the unknown is
               rounding <= largest * diagonal[i] * size;
    });
}

}  // namespace nullcline
