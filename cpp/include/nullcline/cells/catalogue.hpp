// All cells that there are. A new one is a header beside this and a name in the list.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "nullcline/cells/gru.hpp"
#include "nullcline/cells/lstm.hpp"
#include "nullcline/cells/mgu.hpp"
#include "nullcline/cells/original_gru.hpp"
#include "nullcline/cells/rnn.hpp"
#include "nullcline/cells/ugrnn.hpp"
#include "nullcline/numerics/host_device.hpp"

namespace nullcline {

using Cells = std::tuple<Gru, OriginalGru, Lstm, Ugrnn, Mgu, TanhRnn, ReluRnn>;

/// A cell's number in the list: solvers are compiled once for all cells, and ask for its equations
/// by this.
enum class CellKind : std::uint8_t {};

inline constexpr std::size_t n_cells = std::tuple_size_v<Cells>;

/// How much of everything a cell has.
struct CellTraits {
    std::string_view name;
    std::size_t blocks, reduced_blocks, parts;
    bool is_reducible, has_inner_bias, has_gated_block;
};

namespace detail {

template <std::size_t... k>
constexpr std::array<CellTraits, n_cells> traits_of_all(std::index_sequence<k...>) {
    return {CellTraits{std::tuple_element_t<k, Cells>::name, std::tuple_element_t<k, Cells>::blocks,
                       std::tuple_element_t<k, Cells>::reduced_blocks,
                       std::tuple_element_t<k, Cells>::parts,
                       std::tuple_element_t<k, Cells>::is_reducible,
                       std::tuple_element_t<k, Cells>::has_inner_bias,
                       std::tuple_element_t<k, Cells>::has_gated_block}...};
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
