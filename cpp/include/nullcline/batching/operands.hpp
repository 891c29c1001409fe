// The operands and results of products and steps, a row per slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/batching/requests.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

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

/// Operands and results of the products, a row per slot; those that a program never requests are
/// empty. The weights multiply the first part of operands of a state's size, and make the first
/// part of such results. Products with a gated block stand before the others.
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
        exact_gated_input = arena.matrix<T>(wanted(Request::exact), shape.n_gated);
        exact_gated_input_gradient =
            arena.matrix<T>(wanted(Request::exact_transposed), shape.n_gated);
        direction = arena.matrix<float>(single, size);
        product = arena.matrix<float>(single, n_products);
        scaled = arena.matrix<float>(single, n_products);
        gradient = arena.matrix<float>(single, size);
        gated_input = arena.matrix<float>(single, shape.n_gated);
        gated_input_gradient = arena.matrix<float>(single, shape.n_gated);
        preconditioned = arena.matrix<float>(wanted(Request::precondition), size);
    }

    MatrixView<T> exact, exact_product;
    MatrixView<T> exact_scaled, exact_gradient;
    MatrixView<T> exact_gated_input, exact_gated_input_gradient;  // of the gated block
    MatrixView<float> direction, product;
    MatrixView<float> scaled, gradient;
    MatrixView<float> gated_input, gated_input_gradient;
    MatrixView<float> preconditioned;
};

/// The scales of one Jacobian (see `JacobianView`), to be written.
template <class T>
struct SlotJacobian {
    [[nodiscard]] NULLCLINE_DEVICE JacobianView<T> view() const { return {scales, identity, gate}; }

    std::span<T> scales, identity, gate;
};

/// The operands of a step by factors of a matrix, a row per slot.
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
          is_rough(arena.matrix<std::uint8_t>(shape.rows, 1)),
          solved(arena.matrix<std::uint8_t>(shape.rows, 1)) {}

    [[nodiscard]] NULLCLINE_DEVICE SlotJacobian<T> jacobian(std::size_t row) const {
        return {scales.row(row), identity.row(row), gate.row(row)};
    }

    MatrixView<T> scales, identity, gate;  ///< of J
    MatrixView<T> free;                    ///< 0 or 1
    MatrixView<T> step;                    ///< the right-hand side, then the step
    MatrixView<T> shift;
    MatrixView<std::uint8_t> changed;   ///< whether J has changed since the last step
    MatrixView<std::uint8_t> is_rough;  ///< whether single precision serves for the step
    MatrixView<std::uint8_t> solved;    ///< false where a factor does not exist
};

/// The operands of a step along a path, a row per slot: the matrix J has a column and a row more,
/// and the right-hand side, then the step, a number more. Its factors serve until `changed`.
template <class T>
struct BorderedOperands : SolveOperands<T> {
    BorderedOperands() = default;
    BorderedOperands(Arena& arena, const TileShape& shape)
        : SolveOperands<T>(arena, shape),
          column(arena.matrix<T>(shape.rows, shape.size())),
          normal(arena.matrix<T>(shape.rows, shape.size() + 1)),
          last(arena.matrix<T>(shape.rows, 1)),
          sign(arena.matrix<T>(shape.rows, 1)) {}

    MatrixView<T> column, normal;  ///< beside J, and below both
    MatrixView<T> last;            ///< the last number of the right-hand side, then of the step
    MatrixView<T> sign;            ///< of the determinant: -1 or 1, or 0 where it is singular
};

/// Which matrix a program's steps are solved with.
enum class Factors : std::uint8_t { none, jacobian, normal, bordered };

}  // namespace nullcline
