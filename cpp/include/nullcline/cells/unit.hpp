// One unit of a cell: the inputs of its equations, and what is computed from them.
//
// A cell is a type with the equations of one unit, written over any kind of number (see rnn.hpp for
// the plainest, lstm.hpp for the richest, and `CellEquations` for all that it may say). Jacobians,
// their products, curvatures, secants and bounds of rounding follow from its equations.
#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jet.hpp"
#include "nullcline/numerics/rounded.hpp"
#include "nullcline/numerics/secant.hpp"

namespace nullcline {

/// Which of a cell's two residuals: the reduced one, or F(state) − state.
enum class Residual { reduced, update };

/// A gate's block of the weights.
template <std::size_t k>
struct Block {};

/// A number that each unit has beside its weights: the k-th of a cell's `parameters`.
template <std::size_t k>
struct Parameter {};

/// What bounds a cell's outputs: the open interval (−1, 1); the range of the units' activations; or
/// the sums of weighted activations plus the drive.
enum class Bounds { open_unit, activation, weighted_activation };

/// The properties of most cells; a cell overrides those in which it differs.
struct CellDefaults {
    static constexpr std::size_t parts = 1;
    static constexpr std::array<std::string_view, 0> parameters{};
    static constexpr bool is_reducible = true;
    static constexpr bool has_constant_gate = false;
    static constexpr bool has_gated_input = false;
    static constexpr bool has_activation = false;
    static constexpr Bounds bounds = Bounds::open_unit;
};

/// Numbers per unit beside its weights: the parameters, then its activation's number.
template <class Cell>
inline constexpr std::size_t n_parameters =
    Cell::parameters.size() + (Cell::has_activation ? 1 : 0);

/// What the gates of one state are computed from.
template <class T>
struct UnitPoint {
    std::span<const T> state;       ///< h, and behind it the second part where there is one
    std::span<const T> products;    ///< W h, blocks of H one after the other
    std::span<const T> drive;       ///< all that input and biases add, in blocks of H
    std::span<const T> parameters;  ///< H of each, one after the other (see `n_parameters`)
    Activation activation;          ///< of all units, or `per_unit`
    std::size_t size;               ///< H
};

/// A residual and its Jacobian (see `JacobianView`).
template <class T>
struct Linearized {
    std::span<T> residual;
    std::span<T> scales;
    std::span<T> identity;
    std::span<T> gate;
};

/// The norms of the vectors that the weights multiply.
template <class T>
struct Norms {
    T outputs;  ///< ‖h‖
    T gated;    ///< ‖m‖ of a gated block's input, with its errors in units of eps; or 0
};

/// The arrays of a point without their sizes, which loops over units do not need.
template <class T>
struct UnitArrays {
    constexpr explicit UnitArrays(const UnitPoint<T>& point)
        : size(point.size),
          state(point.state.data()),
          products(point.products.data()),
          drive(point.drive.data()),
          parameters(point.parameters.data()) {}

    std::size_t size;
    const T* state;
    const T* products;
    const T* drive;
    const T* parameters;
};

/// A residual of two parts.
template <class First, class Second>
struct Both {
    First first;
    Second second;
};

template <class First, class Second>
[[nodiscard]] NULLCLINE_HOST_DEVICE constexpr Both<First, Second> both(const First& first,
                                                                       const Second& second) {
    return {first, second};
}

/// The variables of differentiation: none, the fields of the state, or the drive.
enum class Seed { nothing, state, drive };

/// The inputs of a unit's equations, as jets. Fields are the products, then the parts of the state.
template <class T, class Cell, Residual which, Seed seed, int order, class Activations = PerUnit>
struct JetInputs {
    static constexpr std::size_t n_products =
        which == Residual::reduced ? Cell::reduced_blocks : Cell::blocks;

    const UnitArrays<T>& at;
    std::size_t i;

    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto product(Block<k>) const {
        return seeded<seed == Seed::state, k>(at.products[k * at.size + i]);
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto drive(Block<k>) const {
        return seeded<seed == Seed::drive, k>(at.drive[k * at.size + i]);
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto sum(Block<k>) const {
        return seeded<seed != Seed::nothing, k>(at.products[k * at.size + i] +
                                                at.drive[k * at.size + i]);
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto parameter(Parameter<k>) const {
        return constant<order>(at.parameters[k * at.size + i]);
    }
    /// The unit's activation of u.
    template <class Number>
    [[gnu::always_inline]] constexpr auto activate(const Number& u) const {
        return Activations::of(u, at.parameters + Cell::parameters.size() * at.size, i);
    }
    [[gnu::always_inline]] constexpr auto h() const { return part<0>(); }
    [[gnu::always_inline]] constexpr auto second_part() const { return part<1>(); }

  private:
    template <bool is_variable, std::size_t field>
    [[gnu::always_inline]] static constexpr auto seeded(T value) {
        if constexpr (is_variable) {
            return variable<field, order>(value);
        } else {
            return constant<order>(value);
        }
    }
    template <std::size_t p>
    [[gnu::always_inline]] constexpr auto part() const {
        return seeded<seed == Seed::state, n_products + p>(at.state[p * at.size + i]);
    }
};

/// The inputs of a unit's equations, as numbers of two runs.
template <class T, class Cell, Seed seed, class Activations = PerUnit>
struct SecantInputs {
    JetInputs<T, Cell, Residual::update, seed, 1, Activations> base, actual;

    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto product(Block<k> block) const {
        return pair(base.product(block), actual.product(block));
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto drive(Block<k> block) const {
        return pair(base.drive(block), actual.drive(block));
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto sum(Block<k> block) const {
        return pair(base.sum(block), actual.sum(block));
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto parameter(Parameter<k> which) const {
        return pair(base.parameter(which), actual.parameter(which));
    }
    template <class Number>
    [[gnu::always_inline]] constexpr auto activate(const Number& u) const {
        return base.activate(u);
    }
    [[gnu::always_inline]] constexpr auto h() const { return pair(base.h(), actual.h()); }
    [[gnu::always_inline]] constexpr auto second_part() const {
        return pair(base.second_part(), actual.second_part());
    }

  private:
    template <class J>
    [[gnu::always_inline]] static constexpr auto pair(const J& from, const J& to) {
        return between(from.value, to.value, from);
    }
};

/// The inputs of a unit's equations, as numbers with their rounding errors.
///
/// An inner product of length H errs by less than eps H Σ|W_ij||h_j|; blocked and fused, it errs by
/// a few eps in practice, and Σ|W_ij||h_j| <= ‖W_i‖ ‖h‖.
template <class T, class Cell>
struct RoundedInputs {
    const UnitArrays<T>& at;
    std::size_t i;
    const T* row_norms;
    Norms<T> norms;

    template <std::size_t k>
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> product(Block<k>) const {
        const T norm = Cell::has_gated_input && k == 0 ? norms.gated : norms.outputs;
        return {at.products[k * at.size + i], row_norms[k * at.size + i] * norm};
    }
    template <std::size_t k>
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> drive(Block<k>) const {
        return of(at.drive[k * at.size + i]);
    }
    template <std::size_t k>
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> sum(Block<k> block) const {
        return product(block) + drive(block);
    }
    template <std::size_t k>
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> parameter(Parameter<k>) const {
        return of(at.parameters[k * at.size + i]);
    }
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> activate(const Rounded<T>& u) const {
        return PerUnit::of(u, at.parameters + Cell::parameters.size() * at.size, i);
    }
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> h() const { return {at.state[i], 0}; }
    [[nodiscard]] NULLCLINE_HOST_DEVICE Rounded<T> second_part() const {
        return {at.state[at.size + i], 0};
    }

  private:
    [[nodiscard]] static NULLCLINE_HOST_DEVICE Rounded<T> of(T value) {
        return {value, std::abs(value)};
    }
};

namespace detail {

template <class Cell, Residual which, class In>
[[gnu::always_inline]] constexpr auto residual_of(const In& in) {
    if constexpr (which == Residual::reduced) {
        return Cell::reduced(in);
    } else {
        return Cell::update(in);
    }
}

/// One part of a residual.
template <std::size_t p, class Value>
[[gnu::always_inline]] constexpr const auto& part_of(const Value& residual) {
    if constexpr (!requires { residual.first; }) {
        return residual;
    } else if constexpr (p == 0) {
        return residual.first;
    } else {
        return residual.second;
    }
}

template <class Cell, Residual which>
inline constexpr std::size_t parts_of = which == Residual::reduced ? 1 : Cell::parts;

template <class Cell, Residual which>
inline constexpr std::size_t blocks_of =
    which == Residual::reduced ? Cell::reduced_blocks : Cell::blocks;

/// A residual of two runs as what first derivatives are: means, with coefficients.
template <class T, unsigned mask>
[[gnu::always_inline]] constexpr const Jet<T, mask, 1>& mean_of(const Secant<T, mask>& secant) {
    return secant.mean;
}
template <class First, class Second>
[[gnu::always_inline]] constexpr auto mean_of(const Both<First, Second>& residual) {
    return both(residual.first.mean, residual.second.mean);
}

/// Derivatives by fields `first`, `first` + 1, ... of one part, H apart.
template <std::size_t first, class J, class T, std::size_t... k>
[[gnu::always_inline]] constexpr void write_gradient(const J& jet, T sign, T* out, std::size_t size,
                                                     std::index_sequence<k...>) {
    ((out[k * size] = sign * jet.template gradient<first + k>()), ...);
}

template <class Cell, Residual which, std::size_t p, class Value, class T>
[[gnu::always_inline]] constexpr void write_part(const Value& residual, std::size_t size,
                                                 std::size_t i, T* values, T* scales, T* identity) {
    constexpr std::size_t parts = parts_of<Cell, which>;
    constexpr std::size_t blocks = blocks_of<Cell, which>;
    const auto& jet = part_of<p>(residual);
    values[p * size + i] = jet.value;
    write_gradient<0>(jet, T{1}, scales + p * blocks * size + i, size,
                      std::make_index_sequence<blocks>{});
    write_gradient<blocks>(jet, T{-1}, identity + p * parts * size + i, size,
                           std::make_index_sequence<parts>{});
}

/// Row `p` of a Hessian's triangle: weight times second derivatives by fields p, p + 1, ...
template <std::size_t p, class J, class T, std::size_t... k>
[[gnu::always_inline]] constexpr void write_hessian_row(const J& jet, T weight, bool add, T* out,
                                                        std::size_t size,
                                                        std::index_sequence<k...>) {
    ((out[k * size] = (add ? out[k * size] : T{0}) + weight * jet.template hessian<p, p + k>()),
     ...);
}

template <std::size_t n_fields, class J, class T, std::size_t... p>
[[gnu::always_inline]] constexpr void write_hessian(const J& jet, T weight, bool add, T* out,
                                                    std::size_t size, std::index_sequence<p...>) {
    (write_hessian_row<p>(jet, weight, add,
                          out + curvature_size(n_fields, size) - curvature_size(n_fields - p, size),
                          size, std::make_index_sequence<n_fields - p>{}),
     ...);
}

}  // namespace detail

/// How many fields the curvature of a residual has: all products, and the state where the update or
/// a gate is not linear in it. `cell` is a cell, or its traits.
template <class Cell>
[[nodiscard]] constexpr std::size_t n_curved_fields(const Cell& cell, Residual which) {
    return which == Residual::reduced ? cell.reduced_blocks + (cell.has_gated_input ? 1 : 0)
                                      : cell.blocks + cell.parts;
}

/// Unit i of a gated block's input.
template <class Cell, class Phi = PerUnit, class T>
[[nodiscard]] [[gnu::always_inline]] constexpr T gated_unit(const UnitArrays<T>& at,
                                                            std::size_t i) {
    return Cell::gated(JetInputs<T, Cell, Residual::reduced, Seed::nothing, 0, Phi>{at, i}).value;
}

namespace detail {

/// A residual with its derivatives by the fields of the state.
template <class Cell, Residual which, class Value, class T>
[[gnu::always_inline]] constexpr void write_residual(const Value& residual, std::size_t size,
                                                     std::size_t i, T* values, T* scales,
                                                     T* identity) {
    write_part<Cell, which, 0>(residual, size, i, values, scales, identity);
    if constexpr (parts_of<Cell, which> == 2) {
        write_part<Cell, which, 1>(residual, size, i, values, scales, identity);
    }
}

/// The derivatives of a gated block's input.
template <class Cell, Residual which, class J, class T>
[[gnu::always_inline]] constexpr void write_gate(const J& gated_input, std::size_t size,
                                                 std::size_t i, T* gate) {
    static_assert(Cell::parts == 1);
    constexpr std::size_t h = blocks_of<Cell, which>;
    constexpr unsigned by_product = Cell::blocks > 1 ? 1U << 1 : 0U;
    static_assert((J::fields & ~(by_product | 1U << h)) == 0);
    if constexpr (by_product != 0) {
        gate[i] = gated_input.template gradient<1>();
    } else {
        gate[i] = T{0};
    }
    gate[size + i] = gated_input.template gradient<h>();
}

/// The derivatives of a residual by the drive: all of the cell's blocks for each part.
template <class Cell, Residual which, class Value, class T>
[[gnu::always_inline]] constexpr void write_input_scales(const Value& residual, std::size_t size,
                                                         std::size_t i, T* scales) {
    constexpr auto all = std::make_index_sequence<Cell::blocks>{};
    write_gradient<0>(part_of<0>(residual), T{1}, scales + i, size, all);
    if constexpr (parts_of<Cell, which> == 2) {
        write_gradient<0>(part_of<1>(residual), T{1}, scales + Cell::blocks * size + i, size, all);
    }
}

}  // namespace detail

/// Residual and scales of unit i; `gate` for a cell with a gated block.
template <class Cell, Residual which, class Phi = PerUnit, class T>
[[gnu::always_inline]] constexpr void linearize_unit(const UnitArrays<T>& at, std::size_t i,
                                                     T* values, T* scales, T* identity, T* gate) {
    const JetInputs<T, Cell, which, Seed::state, 1, Phi> in{at, i};
    detail::write_residual<Cell, which>(detail::residual_of<Cell, which>(in), at.size, i, values,
                                        scales, identity);
    if constexpr (Cell::has_gated_input) {
        detail::write_gate<Cell, which>(Cell::gated(in), at.size, i, gate);
    }
}

/// The scales of the derivative by the input of unit i: all of the cell's blocks for each part.
template <class Cell, Residual which, class Phi = PerUnit, class T>
[[gnu::always_inline]] constexpr void input_scales_unit(const UnitArrays<T>& at, std::size_t i,
                                                        T* scales) {
    const JetInputs<T, Cell, which, Seed::drive, 1, Phi> in{at, i};
    detail::write_input_scales<Cell, which>(detail::residual_of<Cell, which>(in), at.size, i,
                                            scales);
}

/// The same of the secants of the update from one point to another: in place of the residual its
/// mean, and in place of derivatives the coefficients of its change.
template <class Cell, class Phi = PerUnit, class T>
[[gnu::always_inline]] constexpr void secant_unit(const UnitArrays<T>& base,
                                                  const UnitArrays<T>& actual, std::size_t i,
                                                  T* values, T* scales, T* identity, T* gate,
                                                  T* input_scales) {
    const SecantInputs<T, Cell, Seed::state, Phi> in{{base, i}, {actual, i}};
    const SecantInputs<T, Cell, Seed::drive, Phi> by_drive{{base, i}, {actual, i}};
    detail::write_residual<Cell, Residual::update>(detail::mean_of(Cell::update(in)), base.size, i,
                                                   values, scales, identity);
    if constexpr (Cell::has_gated_input) {
        detail::write_gate<Cell, Residual::update>(detail::mean_of(Cell::gated(in)), base.size, i,
                                                   gate);
    }
    detail::write_input_scales<Cell, Residual::update>(detail::mean_of(Cell::update(by_drive)),
                                                       base.size, i, input_scales);
}

/// Σ_p weights_p ∂²f_p over the fields of unit i (see numerics/curvature.hpp), and where a block is
/// gated `gated_input_weights` ∂²m of its input m.
template <class Cell, Residual which, class Phi = PerUnit, class T>
[[gnu::always_inline]] constexpr void curvature_unit(const UnitArrays<T>& at, std::size_t i,
                                                     const T* weights, const T* gated_input_weights,
                                                     T* out) {
    constexpr std::size_t n_fields = n_curved_fields(Cell{}, which);
    constexpr auto rows = std::make_index_sequence<n_fields>{};
    const auto residual =
        detail::residual_of<Cell, which>(JetInputs<T, Cell, which, Seed::state, 2, Phi>{at, i});
    detail::write_hessian<n_fields>(detail::part_of<0>(residual), weights[i], false, out + i,
                                    at.size, rows);
    if constexpr (detail::parts_of<Cell, which> == 2) {
        detail::write_hessian<n_fields>(detail::part_of<1>(residual), weights[at.size + i], true,
                                        out + i, at.size, rows);
    }
    if constexpr (Cell::has_gated_input) {
        const auto gated_input = Cell::gated(JetInputs<T, Cell, which, Seed::state, 2, Phi>{at, i});
        detail::write_hessian<n_fields>(gated_input, gated_input_weights[i], true, out + i, at.size,
                                        rows);
    }
}

/// How far from zero part `p` of unit i's residual may come out at a true zero, by rounding alone.
/// The margin is for what `RoundedInputs` and the elementary functions (3 ulp) leave out.
template <class Cell, Residual which, class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE T rounding_unit(const UnitArrays<T>& at, std::size_t i,
                                                    std::size_t p, const T* row_norms,
                                                    const Norms<T>& norms) {
    constexpr T margin = 8 * std::numeric_limits<T>::epsilon();
    const auto residual =
        detail::residual_of<Cell, which>(RoundedInputs<T, Cell>{at, i, row_norms, norms});
    if constexpr (detail::parts_of<Cell, which> == 2) {
        if (p == 1) {
            return margin * residual.second.error;
        }
    }
    return margin * detail::part_of<0>(residual).error;
}

/// A bound of unit i of a gated block's input, with its error in units of eps.
template <class Cell, class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE T gated_size_unit(const UnitArrays<T>& at, std::size_t i,
                                                      const T* row_norms, T output_norm) {
    const Rounded<T> gated_input =
        Cell::gated(RoundedInputs<T, Cell>{at, i, row_norms, Norms<T>{output_norm, T{0}}});
    return std::abs(gated_input.value) + gated_input.error;
}

/// Set unit i's second part to its value at equilibrium; `state` has the outputs already.
template <class Cell, class T>
[[gnu::always_inline]] constexpr void complete_unit(const UnitArrays<T>& at, std::size_t i,
                                                    T* state) {
    if constexpr (Cell::parts == 2) {
        state[at.size + i] =
            Cell::equilibrium(JetInputs<T, Cell, Residual::reduced, Seed::nothing, 0>{at, i}).value;
    }
}

/// The equations of one unit of a cell, over any kind of number:
///
///   name                        what bindings call it
///   Block<k> ...                its gates, as blocks of the weights; those that `reduced` reads
///                               come first
///   blocks, reduced_blocks      how many there are, and how many `reduced` reads
///   reduced(in)                 the residual whose zeros are the fixed points, in h alone
///   update(in)                  F − state: one number, or `both(first, second)` of two parts
///
/// and, where it differs from `CellDefaults`:
///
///   parts                       parts of a state, of H numbers each; the first are the outputs h
///   parameters                  names of the numbers that a unit has beside its weights, which
///                               `in.parameter(Parameter<k>{})` reads
///   has_activation              whether `in.activate(u)` is the unit's own activation of u
///   is_reducible                whether `reduced` differs from `update`
///   has_constant_gate           whether it differs by a factor that does not depend on the state
///   has_gated_input             whether Block<0> multiplies `gated(in)`, not h
///   bounds                      what bounds the outputs
///   equilibrium(in)             the second part that stays as it is, given h; where parts are two
///   gated(in)                   what Block<0> multiplies where it is gated: a function of h and,
///                               where there is one, of the sum of Block<1>
///
/// Numbers add, subtract, multiply and divide, also with literals; `tanh(u)` and `logistic(u)`,
/// which gives the value and its complement to 1, are there for gates.
template <class C>
concept CellEquations = requires(
    const JetInputs<double, C, Residual::reduced, Seed::state, 2>& reduced,
    const JetInputs<double, C, Residual::update, Seed::state, 2>& update,
    const SecantInputs<double, C, Seed::state>& secants, const RoundedInputs<double, C>& rounded) {
    { C::name } -> std::convertible_to<std::string_view>;
    { C::blocks } -> std::convertible_to<std::size_t>;
    { C::reduced_blocks } -> std::convertible_to<std::size_t>;
    { C::parts } -> std::convertible_to<std::size_t>;
    { C::parameters.size() } -> std::convertible_to<std::size_t>;
    { C::has_activation } -> std::convertible_to<bool>;
    { C::is_reducible } -> std::convertible_to<bool>;
    { C::has_constant_gate } -> std::convertible_to<bool>;
    { C::has_gated_input } -> std::convertible_to<bool>;
    { C::bounds } -> std::convertible_to<Bounds>;
    C::reduced(reduced);
    C::update(update);
    C::update(secants);
    C::reduced(rounded);
    C::update(rounded);
    requires C::parts == 1 || requires { C::equilibrium(reduced); };
    requires !C::has_gated_input || requires {
        C::gated(update);
        C::gated(secants);
        C::gated(rounded);
    };
};

}  // namespace nullcline
