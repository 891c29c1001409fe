// Many starts at once: what a solver keeps of each, and the products that it waits for.
//
// A solver is a *program* for one *slot*, a start on its way. It runs until it needs a product with
// a matrix, writes the operand into its row of the tile, and says which product it waits for.
// Whoever drives the tile makes each kind of product for all rows at once and lets those go on that
// waited for it: a worker of the CPU its tile, a GPU all of its blocks. Slots are each at a place
// of their own: one may be in the middle of a step while its neighbour has just taken a new start.
//
// A program P has
//   P::Scalars                    the numbers of a slot, `request` among them
//   P::Memory(arena, shape)       all arrays of a tile, a row a slot
//   P::Slot(team, program, memory, row, search, work)   a slot at work, by a team:
//       take(start)               begin with a start
//       advance()                 go on: what was asked for has come
//       request()                 what it waits for now
//       store()                   put the numbers back
//   P::Workspace                  room for one team
//   P::requests, P::factors       what it may wait for
//   P::served()                   the equation with whose weights its products are
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include "nullcline/arena.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// What a slot waits for. Of weights with a gated block (see gated_block.hpp), W is here all but
/// that block, which has requests of its own.
enum class Request : std::uint8_t {
    none,                    ///< nothing: it has no start
    exact,                   ///< W h in the cell's precision
    exact_gated,             ///< W_0 m likewise
    exact_gated_transposed,  ///< W_0ᵀ u likewise
    exact_transposed,        ///< Wᵀ u likewise
    solve,                   ///< a step, by factors of a matrix
    forward,                 ///< W v in single precision
    forward_gated,           ///< W_0 m likewise
    backward_gated,          ///< W_0ᵀ u likewise
    backward,                ///< Wᵀ u likewise
    precondition,            ///< a product with the preconditioner's inverse, likewise
};

/// In this order products are made, so that most slots come round once a tick.
inline constexpr Request tick_order[] = {Request::exact,
                                         Request::exact_gated,
                                         Request::exact_gated_transposed,
                                         Request::exact_transposed,
                                         Request::solve,
                                         Request::forward,
                                         Request::forward_gated,
                                         Request::backward_gated,
                                         Request::backward,
                                         Request::precondition};

inline constexpr std::size_t n_requests = 1 + std::size(tick_order);

/// The request whose first or second half this is, where there is a gated block.
[[nodiscard]] constexpr Request whole(Request request) {
    switch (request) {
        case Request::exact_gated:
            return Request::exact;
        case Request::exact_gated_transposed:
            return Request::exact_transposed;
        case Request::forward_gated:
            return Request::forward;
        case Request::backward_gated:
            return Request::backward;
        default:
            return request;
    }
}

/// A set of requests, with the halves of each.
class RequestSet {
  public:
    template <class... Requests>
    constexpr explicit RequestSet(Requests... requests) {
        ((bits_ |= bit(requests)), ...);
    }
    [[nodiscard]] constexpr bool contains(Request request) const {
        return (bits_ & bit(whole(request))) != 0;
    }

  private:
    static constexpr unsigned bit(Request request) { return 1U << static_cast<unsigned>(request); }

    unsigned bits_ = 0;
};

/// How large a tile is.
struct TileShape {
    std::size_t rows;                                          ///< slots
    std::size_t units, parts, blocks, n_gated, curved_fields;  ///< of an equation
    std::size_t drive_size;

    template <class E>
    static TileShape of(const E& equation, std::size_t rows, std::size_t drive_size) {
        return {rows,
                equation.units(),
                equation.parts(),
                equation.blocks(),
                equation.n_gated(),
                equation.curved_fields(),
                drive_size};
    }

    [[nodiscard]] constexpr std::size_t size() const { return parts * units; }
    [[nodiscard]] constexpr std::size_t n_products() const { return blocks * units; }
    [[nodiscard]] constexpr std::size_t n_scales() const { return parts * n_products(); }
    [[nodiscard]] constexpr std::size_t n_identity() const { return parts * size(); }
    [[nodiscard]] constexpr std::size_t n_gate() const { return 2 * n_gated; }
};

/// Operands and results of the products, a row a slot; those that a program never asks for are
/// empty. Of operands as long as a state the weights see the first part, and of such results they
/// make the first part. Products with a gated block stand before the others.
template <class T>
struct Operands {
    Operands() = default;
    Operands(Arena& arena, const TileShape& shape, RequestSet requests) {
        const std::size_t size = shape.size();
        const std::size_t n_products = shape.n_products();
        const auto wanted = [&](Request request) {
            return requests.contains(request) ? shape.rows : 0;
        };
        const std::size_t single =
            wanted(Request::forward) + wanted(Request::backward) > 0 ? shape.rows : 0;
        exact = arena.matrix<T>(wanted(Request::exact), size);
        exact_product = arena.matrix<T>(wanted(Request::exact), n_products);
        exact_scaled = arena.matrix<T>(wanted(Request::exact_transposed), n_products);
        exact_gradient = arena.matrix<T>(wanted(Request::exact_transposed), size);
        exact_seen = arena.matrix<T>(wanted(Request::exact), shape.n_gated);
        exact_seen_gradient = arena.matrix<T>(wanted(Request::exact_transposed), shape.n_gated);
        direction = arena.matrix<float>(single, size);
        product = arena.matrix<float>(single, n_products);
        scaled = arena.matrix<float>(single, n_products);
        gradient = arena.matrix<float>(single, size);
        seen = arena.matrix<float>(single, shape.n_gated);
        seen_gradient = arena.matrix<float>(single, shape.n_gated);
        preconditioned = arena.matrix<float>(wanted(Request::precondition), size);
    }

    MatrixView<T> exact, exact_product;
    MatrixView<T> exact_scaled, exact_gradient;
    MatrixView<T> exact_seen, exact_seen_gradient;  // by the gated block
    MatrixView<float> direction, product;
    MatrixView<float> scaled, gradient;
    MatrixView<float> seen, seen_gradient;
    MatrixView<float> preconditioned;
};

/// What a step by factors is made from, a row a slot.
///
/// The matrix is J, or JᵀJ + shift I with the rows and columns of units that are not free left out.
template <class T>
struct SolveOperands {
    SolveOperands() = default;
    SolveOperands(Arena& arena, const TileShape& shape)
        : scales(arena.matrix<T>(shape.rows, shape.n_scales())),
          identity(arena.matrix<T>(shape.rows, shape.n_identity())),
          gate(arena.matrix<T>(shape.rows, shape.n_gate())),
          free(arena.matrix<T>(shape.rows, shape.size())),
          step(arena.matrix<T>(shape.rows, shape.size())),
          shift(arena.matrix<T>(shape.rows, 1)),
          changed(arena.matrix<std::uint8_t>(shape.rows, 1)),
          solved(arena.matrix<std::uint8_t>(shape.rows, 1)) {}

    MatrixView<T> scales, identity, gate;  ///< of J
    MatrixView<T> free;                    ///< 0 or 1
    MatrixView<T> step;                    ///< the right-hand side, and in its place the step
    MatrixView<T> shift;
    MatrixView<std::uint8_t> changed;  ///< whether J is another one than last time
    MatrixView<std::uint8_t> solved;   ///< false where a factor does not exist
};

/// Which matrix a program's steps are solved with.
enum class Factors : std::uint8_t { none, jacobian, normal };

/// States, their products, what a gated block sees of them, and the linearizations there, a row a
/// slot.
template <class T>
struct StateMemory {
    StateMemory() = default;
    StateMemory(Arena& arena, const TileShape& shape)
        : h(arena.matrix<T>(shape.rows, shape.size())),
          products(arena.matrix<T>(shape.rows, shape.n_products())),
          seen(arena.matrix<T>(shape.rows, shape.n_gated)),
          residual(arena.matrix<T>(shape.rows, shape.size())),
          scales(arena.matrix<T>(shape.rows, shape.n_scales())),
          identity(arena.matrix<T>(shape.rows, shape.n_identity())),
          gate(arena.matrix<T>(shape.rows, shape.n_gate())) {}

    MatrixView<T> h, products, seen, residual, scales, identity, gate;
};

/// One of them.
template <class T>
struct StateRow {
    NULLCLINE_TEAM StateRow(const StateMemory<T>& memory, std::size_t row)
        : h(memory.h.row(row)),
          products(memory.products.row(row)),
          seen(memory.seen.row(row)),
          residual(memory.residual.row(row)),
          scales(memory.scales.row(row)),
          identity(memory.identity.row(row)),
          gate(memory.gate.row(row)) {}

    [[nodiscard]] NULLCLINE_TEAM Linearized<T> out() const {
        return {residual, scales, identity, gate};
    }
    [[nodiscard]] NULLCLINE_TEAM RowScales<T> jacobian() const { return {scales, identity, gate}; }

    std::span<T> h, products, seen, residual, scales, identity, gate;
};

/// Two states a slot, one where it is and one that it tries; `side` says which is which.
template <class T>
struct StatePair {
    StatePair() = default;
    StatePair(Arena& arena, const TileShape& shape) : sides{{arena, shape}, {arena, shape}} {}

    [[nodiscard]] NULLCLINE_TEAM StateRow<T> at(std::size_t row, bool side) const {
        return {sides[side ? 1 : 0], row};
    }

    StateMemory<T> sides[2];
};

}  // namespace nullcline
