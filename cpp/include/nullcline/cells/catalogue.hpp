// All cells that there are. A new one is a header beside this and a name in the list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

#include "nullcline/cells/gru.hpp"
#include "nullcline/cells/leaky_rnn.hpp"
#include "nullcline/cells/lstm.hpp"
#include "nullcline/cells/mgu.hpp"
#include "nullcline/cells/original_gru.hpp"
#include "nullcline/cells/rate_rnn.hpp"
#include "nullcline/cells/rnn.hpp"
#include "nullcline/cells/ugrnn.hpp"
#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

using Cells = std::tuple<Gru, OriginalGru, Lstm, Ugrnn, Mgu, Rnn, LeakyRnn, RateRnn>;

/// A cell's number in the list: solvers are compiled once for all cells, and select by it.
enum class CellKind : std::uint8_t {};

inline constexpr std::size_t n_cells = std::tuple_size_v<Cells>;

/// The properties of a cell beside its equations.
struct CellTraits {
    std::string_view name;
    std::size_t blocks, reduced_blocks, parts;
    std::span<const std::string_view> parameters;
    bool has_activation, is_reducible, has_constant_gate, has_gated_input;
    Bounds bounds;
    /// Numbers per unit beside its weights: the parameters, then its activation's.
    std::size_t n_parameters;
};

namespace detail {

template <CellEquations C>
constexpr CellTraits traits_of() {
    return {
        C::name,           C::blocks,       C::reduced_blocks,    C::parts,           C::parameters,
        C::has_activation, C::is_reducible, C::has_constant_gate, C::has_gated_input, C::bounds,
        n_parameters<C>};
}

template <std::size_t... k>
constexpr std::array<CellTraits, n_cells> traits_of_all(std::index_sequence<k...>) {
    return {traits_of<std::tuple_element_t<k, Cells>>()...};
}

}  // namespace detail

inline constexpr std::array<CellTraits, n_cells> cell_traits =
    detail::traits_of_all(std::make_index_sequence<n_cells>{});

/// The cell of this name, if there is one.
[[nodiscard]] constexpr std::optional<CellKind> cell_named(std::string_view name) {
    for (std::size_t k = 0; k < n_cells; ++k) {
        if (cell_traits[k].name == name) {
            return static_cast<CellKind>(k);
        }
    }
    return std::nullopt;
}

/// Call `use.operator()<Cell>()` for the cell of this kind.
template <std::size_t k = 0, class Use>
[[gnu::always_inline]] NULLCLINE_DEVICE inline auto with_cell(CellKind kind, const Use& use) {
    if constexpr (k + 1 < n_cells) {
        if (static_cast<std::size_t>(kind) != k) {
            return with_cell<k + 1>(kind, use);
        }
    }
    return use.template operator()<std::tuple_element_t<k, Cells>>();
}

}  // namespace nullcline
