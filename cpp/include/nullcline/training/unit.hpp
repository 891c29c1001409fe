// One unit of a layer at one step: forward by a cell's equations, and backward by their
// derivatives.
//
// A row of `preactivations` is what the unit's equations read: sums W h + drive, in blocks of H
// numbers. Where they read a product and the drive apart, as a GRU's n does, these have one each:
// all products come first, all drives last, so that each are neighbours. Backward, the gradient
// takes the place of what it is the gradient by. Which is which follows from the equations,
// evaluated on jets.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "nullcline/cells/gru.hpp"
#include "nullcline/cells/leaky_rnn.hpp"
#include "nullcline/cells/lstm.hpp"
#include "nullcline/cells/rnn.hpp"
#include "nullcline/cells/ugrnn.hpp"
#include "nullcline/cells/unit.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/jet.hpp"

namespace nullcline::training {

/// The cells that can be trained; units that have an activation have tanh. A GRU's inner bias is a
/// part of its products; a leak is a parameter.
using TrainedCells = std::tuple<Gru, Lstm, Ugrnn, Rnn, LeakyRnn>;

/// What the rows of a step are computed from, without their number.
template <class T>
struct StepArrays {
    std::size_t size;
    const T* preactivations;
    const T* state;
    const T* parameters;  ///< H of each, one after the other
};

namespace detail {

/// The inputs of a unit's equations, as jets by what `Preactivations` finds for its fields: block k
/// of the products or sums, then the parts of the state, then block k of a drive that is read
/// apart.
template <class T, class Cell, int order, class Preactivations>
struct StepInputs {
    const StepArrays<T>& at;
    std::size_t i;

    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto product(Block<k>) const {
        return field<k>(at.preactivations[Preactivations::of_product(k) * at.size + i]);
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto drive(Block<k>) const {
        return field<Cell::blocks + Cell::parts + k>(
            at.preactivations[Preactivations::of_drive(k) * at.size + i]);
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto sum(Block<k> block) const {
        return product(block);
    }
    template <std::size_t k>
    [[gnu::always_inline]] constexpr auto parameter(Parameter<k>) const {
        if constexpr (Cell::has_constant_gate) {
            return constant<order>(at.parameters[k * at.size + i]);
        } else {
            return constant<order>(T{0});
        }
    }
    template <class Number>
    [[gnu::always_inline]] constexpr auto activate(const Number& u) const {
        return nullcline::activate<Tanh>(u);
    }
    [[gnu::always_inline]] constexpr auto h() const { return part<0>(); }
    [[gnu::always_inline]] constexpr auto second_part() const { return part<1>(); }

  private:
    template <std::size_t k>
    [[gnu::always_inline]] static constexpr auto field(T value) {
        if constexpr (order > 0) {
            return variable<k, order>(value);
        } else {
            return constant<order>(value);
        }
    }
    template <std::size_t p>
    [[gnu::always_inline]] constexpr auto part() const {
        return field<Cell::blocks + p>(at.state[p * at.size + i]);
    }
};

/// Where everything is, for asking equations no more than what they depend on.
struct Anywhere {
    static constexpr std::size_t of_product(std::size_t) { return 0; }
    static constexpr std::size_t of_drive(std::size_t) { return 0; }
};

template <class Value>
constexpr unsigned fields_of() {
    if constexpr (requires { Value::fields; }) {
        return Value::fields;
    } else {
        return decltype(Value::first)::fields | decltype(Value::second)::fields;
    }
}

}  // namespace detail

/// Where a cell's products and drives are in a row of preactivations.
template <class Cell>
struct Preactivations {
    static constexpr unsigned fields = detail::fields_of<decltype(Cell::update(
        std::declval<const detail::StepInputs<double, Cell, 1, detail::Anywhere>&>()))>();
    /// The blocks whose drive is read apart from their product, as bits.
    static constexpr unsigned apart = fields >> (Cell::blocks + Cell::parts);
    static constexpr std::size_t n_apart = static_cast<std::size_t>(std::popcount(apart));
    static constexpr std::size_t count = Cell::blocks + n_apart;

    static constexpr bool is_apart(std::size_t block) { return (apart >> block & 1U) != 0; }
    static constexpr std::size_t of_product(std::size_t block) {
        return is_apart(block) ? n_apart_before(block) : n_apart + n_summed_before(block);
    }
    static constexpr std::size_t of_drive(std::size_t block) {
        return is_apart(block) ? Cell::blocks + n_apart_before(block) : of_product(block);
    }

  private:
    static constexpr std::size_t n_apart_before(std::size_t block) {
        return static_cast<std::size_t>(std::popcount(apart & ((1U << block) - 1)));
    }
    static constexpr std::size_t n_summed_before(std::size_t block) {
        return block - n_apart_before(block);
    }
};

/// What a cell's rows consist of, for code that is compiled once for all of them.
struct Layout {
    static constexpr std::size_t most_blocks = 4;

    std::size_t blocks, parts, preactivations, parameters;
    std::array<std::size_t, most_blocks> product_preactivations, drive_preactivations;

    /// Products are the first `blocks` preactivations, and drives the last.
    [[nodiscard]] constexpr std::size_t first_drive() const { return preactivations - blocks; }
};

template <class Cell>
[[nodiscard]] constexpr Layout layout_of() {
    static_assert(Cell::blocks <= Layout::most_blocks && !Cell::has_gated_input);
    Layout layout{Cell::blocks,
                  Cell::parts,
                  Preactivations<Cell>::count,
                  Cell::has_constant_gate ? Cell::parameters.size() : 0,
                  {},
                  {}};
    for (std::size_t block = 0; block < Cell::blocks; ++block) {
        layout.product_preactivations[block] = Preactivations<Cell>::of_product(block);
        layout.drive_preactivations[block] = Preactivations<Cell>::of_drive(block);
    }
    return layout;
}

namespace detail {

template <class Change, class T>
[[gnu::always_inline]] constexpr void write_state(const Change& change, const T* before, T* after,
                                                  std::size_t size, std::size_t i) {
    if constexpr (requires { change.first; }) {
        after[i] = before[i] + change.first.value;
        after[size + i] = before[size + i] + change.second.value;
    } else {
        after[i] = before[i] + change.value;
    }
}

/// Σ_p gradient_p ∂update_p / ∂field.
template <std::size_t field, class Change, class T>
[[gnu::always_inline]] constexpr T pulled(const Change& change, T first, T second) {
    if constexpr (requires { change.first; }) {
        return first * change.first.template gradient<field>() +
               second * change.second.template gradient<field>();
    } else {
        return first * change.template gradient<field>();
    }
}

template <class Cell, std::size_t block, class Change, class T>
[[gnu::always_inline]] constexpr void write_block(const Change& change, T first, T second,
                                                  T* preactivations, std::size_t size,
                                                  std::size_t i) {
    preactivations[Preactivations<Cell>::of_product(block) * size + i] =
        pulled<block>(change, first, second);
    if constexpr (Preactivations<Cell>::is_apart(block)) {
        preactivations[Preactivations<Cell>::of_drive(block) * size + i] =
            pulled<Cell::blocks + Cell::parts + block>(change, first, second);
    }
}

template <class Cell, class Change, class T, std::size_t... block>
[[gnu::always_inline]] constexpr void write_gradients(const Change& change, T* preactivations,
                                                      T* gradient, std::size_t size, std::size_t i,
                                                      std::index_sequence<block...>) {
    const T first = gradient[i];
    T second{};
    if constexpr (Cell::parts == 2) {
        second = gradient[size + i];
        gradient[size + i] = second + pulled<Cell::blocks + 1>(change, first, second);
    }
    gradient[i] = first + pulled<Cell::blocks>(change, first, second);
    (write_block<Cell, block>(change, first, second, preactivations, size, i), ...);
}

}  // namespace detail

/// The state of unit i after a step.
template <class Cell, class T>
[[gnu::always_inline]] constexpr void advance_unit(const StepArrays<T>& at, std::size_t i,
                                                   T* after) {
    const detail::StepInputs<T, Cell, 0, Preactivations<Cell>> in{at, i};
    detail::write_state(Cell::update(in), at.state, after, at.size, i);
}

/// Gradients of what unit i reads from that of its state after a step, each in the place of what it
/// is the gradient by; of the state all but what comes through the products.
template <class Cell, class T>
[[gnu::always_inline]] constexpr void pull_back_unit(const StepArrays<T>& at, std::size_t i,
                                                     T* preactivations, T* gradient) {
    const detail::StepInputs<T, Cell, 1, Preactivations<Cell>> in{at, i};
    detail::write_gradients<Cell>(Cell::update(in), preactivations, gradient, at.size, i,
                                  std::make_index_sequence<Cell::blocks>{});
}

}  // namespace nullcline::training
