// States of slots, with their products and linearizations.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/cells/unit.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// States, their products, their gated inputs, and the linearizations there, a row per slot.
template <class T>
struct StateMemory {
    StateMemory() = default;
    StateMemory(Arena& arena, const TileShape& shape)
        : h(arena.matrix<T>(shape.rows, shape.size())),
          products(arena.matrix<T>(shape.rows, shape.n_products())),
          gated_input(arena.matrix<T>(shape.rows, shape.n_gated)),
          residual(arena.matrix<T>(shape.rows, shape.size())),
          scales(arena.matrix<T>(shape.rows, shape.n_scales())),
          identity(arena.matrix<T>(shape.rows, shape.n_identity())),
          gate(arena.matrix<T>(shape.rows, shape.n_gate())) {}

    MatrixView<T> h, products, gated_input, residual, scales, identity, gate;
};

/// The state of one slot.
template <class T>
struct StateRow {
    NULLCLINE_DEVICE StateRow(const StateMemory<T>& memory, std::size_t row)
        : h(memory.h.row(row)),
          products(memory.products.row(row)),
          gated_input(memory.gated_input.row(row)),
          residual(memory.residual.row(row)),
          scales(memory.scales.row(row)),
          identity(memory.identity.row(row)),
          gate(memory.gate.row(row)) {}

    [[nodiscard]] NULLCLINE_DEVICE Linearized<T> out() const {
        return {residual, scales, identity, gate};
    }
    [[nodiscard]] NULLCLINE_DEVICE JacobianView<T> jacobian() const {
        return {scales, identity, gate};
    }

    std::span<T> h, products, gated_input, residual, scales, identity, gate;
};

/// Jacobians in a precision of their own, a row per slot.
template <class U>
struct JacobianMemory {
    JacobianMemory() = default;
    JacobianMemory(Arena& arena, const TileShape& shape)
        : scales(arena.matrix<U>(shape.rows, shape.n_scales())),
          identities(arena.matrix<U>(shape.rows, shape.n_identity())),
          gates(arena.matrix<U>(shape.rows, shape.n_gate())) {}

    [[nodiscard]] NULLCLINE_DEVICE SlotJacobian<U> row(std::size_t i) const {
        return {scales.row(i), identities.row(i), gates.row(i)};
    }

    MatrixView<U> scales, identities, gates;
};

/// Two states per slot, the current one and the one that is tried; `side` says which is which.
template <class T>
struct StatePair {
    StatePair() = default;
    StatePair(Arena& arena, const TileShape& shape) : sides{{arena, shape}, {arena, shape}} {}

    [[nodiscard]] NULLCLINE_DEVICE StateRow<T> at(std::size_t row, bool side) const {
        return {sides[side ? 1 : 0], row};
    }

    StateMemory<T> sides[2];
};

}  // namespace nullcline
