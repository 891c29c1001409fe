// Kernels around dense matrices: Jacobians, normal matrices, steps, and the settled state
// (search/preconditioner.hpp).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/kernel.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/search/preconditioner.hpp"

namespace nullcline::gpu {

/// One step of the network from a state of which the products are known; one block.
template <class E>
struct TakeNetworkStep {
    using T = typename E::Scalar;
    using Shared = NothingShared;
    E update;
    StateMemory<T> memory;
    std::span<const T> drive;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        const StateRow<T> at(memory, 0);
        update.linearize(group, at.h, at.products, drive, at.out());
        group.for_each(at.h.size(), [&](std::size_t i) { at.h[i] += at.residual[i]; });
    }
};

/// The scales of a reduced Jacobian at a state of which the products are known; one block.
template <class E>
struct LinearizeSettledState {
    using T = typename E::Scalar;
    using Shared = NothingShared;
    E equation;
    StateMemory<T> memory;
    std::span<const T> drive;
    SolveOperands<T> out;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        const StateRow<T> at(memory, 0);
        equation.linearize(group, at.h, at.products, drive,
                           {at.residual, out.scales.row(0), out.identity.row(0), out.gate.row(0)});
        fill(group, out.free.row(0), T{1});
        group.single([&] { out.changed(0, 0) = 1; });
    }
};

/// A gated block's input at a state whose other products are known; one block.
template <class E>
struct ComputeGatedInput {
    using T = typename E::Scalar;
    using Shared = NothingShared;
    E equation;
    StateMemory<T> memory;
    std::span<const T> drive;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        const StateRow<T> at(memory, 0);
        equation.compute_gated_input(group, at.h, at.products, drive, at.gated_input);
    }
};

/// Some of a tile's slots, of which matrices are made side by side: the k-th of all that are listed
/// is at place k, whatever its row.
using Places = std::span<const std::size_t>;

/// List the slots that wait for a step, in no order, and those of them whose Jacobian is new: a
/// block per slot.
template <class Scalars, class T>
struct ListWaiting {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;
    MatrixView<std::uint8_t> changed;
    std::span<std::size_t> waiting, renewed;
    unsigned long long* n_waiting;
    unsigned long long* n_renewed;
    MatrixView<T> normals;         // of all slots, stacked; or nothing
    std::span<T*> normals_of_new;  // where those of the renewed ones are

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t slot, Shared&) const {
        if (scalars(slot, 0).request != Request::solve) {
            return;
        }
        const std::size_t place = group.take_number(n_waiting);
        group.single([&] { waiting[place] = slot; });
        if (changed(slot, 0) != 0) {
            const std::size_t place_of_new = group.take_number(n_renewed);
            group.single([&] {
                const std::size_t size = normals.cols();
                renewed[place_of_new] = slot;
                normals_of_new[place_of_new] = normals.data() + slot * size * size;
            });
        }
    }
};

/// Write out M of each slot (see numerics/gated_block.hpp), side by side: a block per row of a
/// slot's M.
template <class T>
struct WriteGates {
    using Shared = NothingShared;
    Places slots;
    MatrixView<const T> weights;  // W_1; without rows where there is none
    SolveOperands<T> operands;
    MatrixView<T> gates;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t units = weights.cols();
        const std::size_t place = block / units;
        const std::size_t i = block % units;
        const auto gate = operands.gate.row(slots[place]);
        const T by_product = gate[i];
        const T by_state = gate[units + i];
        const bool has_product = weights.rows() > 0;
        const T* const w = weights.row(has_product ? i : 0).data();
        T* const to = gates.row(i).data() + place * units;
        group.for_each(units, [=](std::size_t j) {
            to[j] = (has_product ? by_product * w[j] : T{0}) + (i == j ? by_state : T{0});
        });
    }
};

/// Write out Jacobians (see `assemble`): a block per `rows_per_block` rows of one slot's.
template <class T>
struct AssembleJacobians {
    using Shared = NothingShared;
    static constexpr std::size_t rows_per_block = 8;

    Places slots;
    MatrixView<const T> weights;
    std::size_t size;  // of a state
    SolveOperands<T> operands;
    MatrixView<const T> gated;  // W_0 M of each slot, side by side; or nothing
    MatrixView<T> jacobians;    // by places, stacked

    [[nodiscard]] constexpr std::size_t blocks_per_slot() const {
        return (size + rows_per_block - 1) / rows_per_block;
    }

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t place = block / blocks_per_slot();
        const std::size_t slot = slots[place];
        const std::size_t first = block % blocks_per_slot() * rows_per_block;
        const std::size_t units = weights.cols();
        const std::size_t n_blocks = weights.rows() / units;
        const T* const w = weights.data();
        const bool is_gated = gated.rows() > 0;
        for (std::size_t row = first; row < first + rows_per_block && row < size; ++row) {
            const std::size_t part = row / units;
            const std::size_t i = row % units;
            const T* const scales = operands.scales.row(slot).data() + part * weights.rows();
            const T* const identity = operands.identity.row(slot).data() + part * size;
            T* const to = jacobians.row(place * size + row).data();
            const T* const gated_input = is_gated ? gated.row(i).data() + place * units : nullptr;
            group.for_each(size, [=](std::size_t column) {
                const std::size_t j = column % units;
                T sum = i == j ? -identity[column] : T{0};
                for (std::size_t k = 0; k < n_blocks && column < units; ++k) {
                    const bool is_gated_block = is_gated && k == 0;
                    sum += scales[k * units + i] *
                           (is_gated_block ? gated_input[j] : w[(k * units + i) * units + j]);
                }
                to[column] = sum;
            });
        }
    }
};

/// out = JᵀJ + μI, without rows and columns of units that are not free: a block per row of each.
template <class T>
struct ShiftNormals {
    using Shared = NothingShared;
    Places slots;
    SolveOperands<T> operands;
    MatrixView<const T> normals;  // of all slots, stacked
    MatrixView<T> out;            // by places, stacked

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t size = normals.cols();
        const std::size_t slot = slots[block / size];
        const std::size_t i = block % size;
        const auto free = operands.free.row(slot);
        const T shift = operands.shift(slot, 0);
        const auto from = normals.row(slot * size + i);
        const auto to = out.row(block);
        group.for_each(size, [&](std::size_t j) {
            to[j] = from[j] * free[i] * free[j] + (i == j ? shift : T{0});
        });
    }
};

/// The shift of the preconditioner, from the trace of one normal matrix; one block.
template <class T>
struct SetPreconditionerShift {
    using Shared = NothingShared;
    MatrixView<const T> normal;
    MatrixView<T> shift;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        const std::size_t size = normal.cols();
        const T trace = group.sum(size, [&](std::size_t i) { return normal(i, i); });
        group.single([&] { shift(0, 0) = preconditioner_shift(trace, size); });
    }
};

/// Copy right-hand sides to where batched routines solve in place, a block per place.
template <class T>
struct CopySteps {
    using Shared = NothingShared;
    Places slots;
    MatrixView<T> from, to;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t place, Shared&) const {
        copy(group, from.row(slots[place]), to.row(place));
    }
};

/// Give slots their step, and say whether it exists; a block per place.
template <class T>
struct ReturnSteps {
    using Shared = NothingShared;
    Places slots;
    SolveOperands<T> operands;
    MatrixView<T> solutions;
    std::span<const int> info;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t place, Shared&) const {
        const std::size_t slot = slots[place];
        copy(group, solutions.row(place), operands.step.row(slot));
        group.single([&] {
            operands.solved(slot, 0) = info[place] == 0 ? 1 : 0;
            operands.changed(slot, 0) = 0;
        });
    }
};

/// Pointers to the matrices and right-hand sides of places, as batched routines take them.
template <class T>
struct ListPointers {
    using Shared = NothingShared;
    MatrixView<T> jacobians, matrices, vectors;
    std::span<T*> jacobian_pointers, matrix_pointers, vector_pointers;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        const std::size_t size = matrices.cols();
        group.for_each(matrix_pointers.size(), [&](std::size_t i) {
            jacobian_pointers[i] = jacobians.data() + i * size * size;
            matrix_pointers[i] = matrices.data() + i * size * size;
            vector_pointers[i] = vectors.data() + i * size;
        });
    }
};

/// Where the iteration for the inverse of a symmetric matrix begins, a block per row: I / trace, of
/// which no eigenvalue of the product is above 1. All that follows is in double precision: its
/// condition is that of J, squared.
template <class T>
struct StartInverse {
    using Shared = NothingShared;
    MatrixView<const T> from;
    MatrixView<double> matrix, inverse;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t i, Shared&) const {
        const std::size_t size = from.cols();
        const double trace =
            group.sum(size, [&](std::size_t j) { return static_cast<double>(from(j, j)); });
        group.for_each(size, [&](std::size_t j) {
            matrix(i, j) = static_cast<double>(from(i, j));
            inverse(i, j) = i == j ? 1 / trace : 0;
        });
    }
};

/// X ← 2 X − X A X, given the latter, a block per row.
struct ImproveInverse {
    using Shared = NothingShared;
    MatrixView<double> inverse;
    MatrixView<const double> product;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t i, Shared&) const {
        group.for_each(inverse.cols(),
                       [&](std::size_t j) { inverse(i, j) = 2 * inverse(i, j) - product(i, j); });
    }
};

/// Count the numbers that are not finite; one block.
template <class T>
struct CountNotFinite {
    using Shared = NothingShared;
    std::span<const T> values;
    unsigned long long* n_not_finite;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        const int wrong = group.sum(
            values.size(), [&](std::size_t i) { return std::isfinite(values[i]) ? 0 : 1; });
        group.count(n_not_finite, static_cast<unsigned long long>(wrong));
    }
};

}  // namespace nullcline::gpu
