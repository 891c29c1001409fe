// Everything that a GPU runs, as functions of a team and of the number of its block.
//
// `launch` of a device runs such a kernel with a team for every block; `Shared` is what the team's
// members share while it runs.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/gpu/search_view.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/rest.hpp"
#include "nullcline/solvers/sharing.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline::gpu {

struct NothingShared {};

/// Let the slots go on that wait for one kind of product, a block each, and give those that are
/// done the next start. With `Request::none`, idle slots are given their first.
template <class Program>
struct AdvanceSlots {
    using T = typename Program::T;
    using Shared = typename Program::Workspace;

    Program program;
    typename Program::Memory memory;
    SearchView<T> search;
    Request wanted;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t row, Shared& shared) const {
        if (memory.scalars(row, 0).request != wanted) {
            return;
        }
        typename Program::template Slot<Team, SearchView<T>> slot(team, program, memory, row,
                                                                  search, shared);
        if (wanted == Request::forward) {
            team.count(&search.counters->n_products, 1);
        }
        if (wanted != Request::none) {
            slot.advance();
        }
        while (slot.request() == Request::none) {
            const std::size_t number = team.take_number(&search.counters->n_taken);
            if (number >= search.queue.size()) {
                break;
            }
            slot.take(search.queue[number]);
        }
        slot.store();
    }
};

/// Make slots idle, a block each.
template <class Scalars>
struct ClearSlots {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t row, Shared&) const {
        team.lead([&] { scalars(row, 0) = Scalars(); });
    }
};

/// Say what every slot waits for, and how many wait for each; one block.
template <class Scalars>
struct CountRequests {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;
    std::size_t n_rows;
    std::uint8_t* requests;
    Counters* counters;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t, Shared&) const {
        team.for_each(n_rows, [&](std::size_t row) {
            requests[row] = static_cast<std::uint8_t>(scalars(row, 0).request);
        });
        for (std::size_t wanted = 0; wanted < n_requests; ++wanted) {
            const int n =
                team.sum(n_rows, [&](std::size_t row) { return requests[row] == wanted ? 1 : 0; });
            team.lead([&] { counters->waiting[wanted] = static_cast<unsigned long long>(n); });
        }
    }
};

/// A matrix of a tile: so many bytes for each slot, one behind the other.
struct SlotBytes {
    std::byte* data;
    std::size_t bytes_a_slot;
};

/// Move slots to other rows of their tile: a block each move and piece.
struct MoveSlots {
    using Shared = NothingShared;
    std::span<const SlotBytes> pieces;
    std::span<const std::size_t> from, to;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const SlotBytes& piece = pieces[block % pieces.size()];
        const std::size_t move = block / pieces.size();
        const std::byte* const source = piece.data + from[move] * piece.bytes_a_slot;
        std::byte* const target = piece.data + to[move] * piece.bytes_a_slot;
        constexpr std::size_t word = sizeof(std::uint32_t);
        if (piece.bytes_a_slot % word == 0) {
            team.for_each(piece.bytes_a_slot / word, [=](std::size_t i) {
                reinterpret_cast<std::uint32_t*>(target)[i] =
                    reinterpret_cast<const std::uint32_t*>(source)[i];
            });
        } else {
            team.for_each(piece.bytes_a_slot, [=](std::size_t i) { target[i] = source[i]; });
        }
    }
};

/// Copy an array of any strides and type row by row, and count what is not finite in it.
template <class From, class To>
struct LoadRows {
    using Shared = NothingShared;
    const From* from;
    std::ptrdiff_t row_stride, column_stride;  // in elements
    MatrixView<To> to;
    bool into_cube;
    unsigned long long* n_not_finite;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t row, Shared&) const {
        const From* const source = from + static_cast<std::ptrdiff_t>(row) * row_stride;
        const std::ptrdiff_t stride = column_stride;
        const auto target = to.row(row);
        const int wrong = team.sum(target.size(), [=](std::size_t i) {
            const From value = source[static_cast<std::ptrdiff_t>(i) * stride];
            target[i] = static_cast<To>(value);
            return std::isfinite(value) ? 0 : 1;
        });
        if (wrong > 0) {
            team.count(n_not_finite, static_cast<unsigned long long>(wrong));
        }
        if (into_cube) {
            team.sync();
            project_into_cube(team, target);
        }
    }
};

/// Add one row to all.
template <class T>
struct AddRow {
    using Shared = NothingShared;
    std::span<const T> addend;
    MatrixView<T> rows;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t row, Shared&) const {
        const auto to = rows.row(row);
        team.for_each(to.size(), [&](std::size_t i) { to[i] += addend[i]; });
    }
};

/// Convert rows to another precision.
template <class From, class To>
struct ConvertRows {
    using Shared = NothingShared;
    MatrixView<const From> from;
    MatrixView<To> to;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t row, Shared&) const {
        copy(team, from.row(row), to.row(row));
    }
};

/// Move the states of starts to the centres of their cells, a block a start.
template <class T>
struct ToCentres {
    using Shared = NothingShared;
    SearchView<T> search;
    double side;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        to_centre(team, search.h.row(search.queue[block]), side);
    }
};

/// A key for the state and the input of each start of the queue.
template <class T>
struct Keys {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<std::uint64_t> keys;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const std::size_t start = search.queue[block];
        const std::uint64_t of_input = key_of(team, search.drive(start));
        const std::uint64_t of_state = key_of(team, std::span<const T>(search.h.row(start)));
        team.lead([&] { keys[block] = of_state + 31 * of_input; });
    }
};

/// Whether starts of the queue are at the states, with the inputs, of others.
template <class T>
struct AreEqual {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<const std::size_t> others;
    std::span<std::uint8_t> equal;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const std::size_t one = search.queue[block];
        const std::size_t other = others[block];
        const auto alike = [&](std::span<const T> a, std::span<const T> b) {
            return team.all(a.size(), [=](std::size_t i) { return a[i] == b[i]; });
        };
        const bool same = alike(search.h.row(one), search.h.row(other)) &&
                          alike(search.drive(one), search.drive(other));
        team.lead([&] { equal[block] = same ? 1 : 0; });
    }
};

/// Move starts of the queue where others have ended.
template <class T>
struct Follow {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<const std::size_t> leaders, iterations;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const std::size_t leader = leaders[block];
        search.finish(team, search.queue[block], search.h.row(leader), iterations[block],
                      search.ends[leader]);
    }
};

/// Give starts of the queue the verdicts of others.
template <class T>
struct ShareVerdicts {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<const std::size_t> leaders;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const std::size_t leader = leaders[block];
        search.judged(team, search.queue[block],
                      Verdict{search.kinds[leader], search.reasons[leader], search.q[leader]});
    }
};

/// One step of the network from a state of which the products are known; one block.
template <class E>
struct StepFromRest {
    using T = typename E::Scalar;
    using Shared = NothingShared;
    E update;
    StateMemory<T> memory;
    std::span<const T> drive;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t, Shared&) const {
        const StateRow<T> at(memory, 0);
        update.linearize(team, at.h, at.products, drive, at.out());
        team.for_each(at.h.size(), [&](std::size_t i) { at.h[i] += at.residual[i]; });
    }
};

/// The scales of an equation's Jacobian at a state of which the products are known; one block.
template <class E>
struct LinearizeAtRest {
    using T = typename E::Scalar;
    using Shared = NothingShared;
    E equation;
    StateMemory<T> memory;
    std::span<const T> drive;
    SolveOperands<T> out;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t, Shared&) const {
        const StateRow<T> at(memory, 0);
        equation.linearize(team, at.h, at.products, drive, at.out());
        copy(team, at.scales.first(equation.weights().rows()), out.scales.row(0));
        copy(team, at.identity, out.identity.row(0));
        fill(team, out.free.row(0), T{1});
        team.lead([&] { out.changed(0, 0) = 1; });
    }
};

/// Write out Jacobians (see `assemble`): a block for so many rows of one slot's.
template <class T>
struct AssembleJacobians {
    using Shared = NothingShared;
    static constexpr std::size_t rows_a_block = 8;

    MatrixView<const T> weights;
    SolveOperands<T> operands;
    MatrixView<T> jacobians;  // of all slots below each other

    [[nodiscard]] constexpr std::size_t blocks_a_slot() const {
        return (weights.cols() + rows_a_block - 1) / rows_a_block;
    }

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const std::size_t slot = block / blocks_a_slot();
        const std::size_t first = block % blocks_a_slot() * rows_a_block;
        const std::size_t size = weights.cols();
        const std::size_t n_blocks = weights.rows() / size;
        if (operands.changed(slot, 0) == 0) {
            return;
        }
        const T* const w = weights.data();
        const T* const scales = operands.scales.row(slot).data();
        const T* const identity = operands.identity.row(slot).data();
        for (std::size_t i = first; i < first + rows_a_block && i < size; ++i) {
            T* const to = jacobians.row(slot * size + i).data();
            team.for_each(size, [=](std::size_t j) {
                T sum = i == j ? -identity[i] : T{0};
                for (std::size_t k = 0; k < n_blocks; ++k) {
                    sum += scales[k * size + i] * w[(k * size + i) * size + j];
                }
                to[j] = sum;
            });
        }
    }
};

/// Make JᵀJ + μI, without what is not free, of the normal matrices: a block a row of one slot's.
template <class T>
struct ShiftNormals {
    using Shared = NothingShared;
    SolveOperands<T> operands;
    MatrixView<const T> normals;
    MatrixView<T> out;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t block, Shared&) const {
        const std::size_t size = normals.cols();
        const std::size_t slot = block / size;
        const std::size_t i = block % size;
        const auto free = operands.free.row(slot);
        const T shift = operands.shift(slot, 0);
        const auto from = normals.row(block);
        const auto to = out.row(block);
        team.for_each(size, [&](std::size_t j) {
            to[j] = from[j] * free[i] * free[j] + (i == j ? shift : T{0});
        });
    }
};

/// The shift of the preconditioner, from the trace of one normal matrix; one block.
template <class T>
struct ShiftAtRest {
    using Shared = NothingShared;
    MatrixView<const T> normal;
    MatrixView<T> shift;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t, Shared&) const {
        const std::size_t size = normal.cols();
        const T trace = team.sum(size, [&](std::size_t i) { return normal(i, i); });
        team.lead(
            [&] { shift(0, 0) = static_cast<T>(shift_at_rest) * trace / static_cast<T>(size); });
    }
};

/// Bring right-hand sides to where batched routines solve in place, a block a slot.
template <class T>
struct CopySteps {
    using Shared = NothingShared;
    MatrixView<T> from, to;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t slot, Shared&) const {
        copy(team, from.row(slot), to.row(slot));
    }
};

/// Give the slots that wait for it their step, and say whether it exists; a block a slot.
template <class Scalars, class T>
struct ReturnSteps {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;
    SolveOperands<T> operands;
    MatrixView<T> solutions;
    std::span<const int> info;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t slot, Shared&) const {
        if (scalars(slot, 0).request != Request::solve) {
            return;
        }
        copy(team, solutions.row(slot), operands.step.row(slot));
        team.lead([&] {
            operands.solved(slot, 0) = info[slot] == 0 ? 1 : 0;
            operands.changed(slot, 0) = 0;
        });
    }
};

/// Pointers to the matrices and right-hand sides of slots, as batched routines take them.
template <class T>
struct ListPointers {
    using Shared = NothingShared;
    MatrixView<T> matrices, vectors;
    std::span<T*> matrix_pointers, vector_pointers;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t, Shared&) const {
        const std::size_t size = matrices.cols();
        team.for_each(matrix_pointers.size(), [&](std::size_t i) {
            matrix_pointers[i] = matrices.data() + i * size * size;
            vector_pointers[i] = vectors.data() + i * size;
        });
    }
};

/// The identity matrix, a block a row.
template <class T>
struct WriteIdentity {
    using Shared = NothingShared;
    MatrixView<T> out;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t row, Shared&) const {
        const auto to = out.row(row);
        team.for_each(to.size(), [&](std::size_t j) { to[j] = j == row ? T{1} : T{0}; });
    }
};

/// Whether all numbers of a matrix are finite; one block.
template <class T>
struct CountNotFinite {
    using Shared = NothingShared;
    std::span<const T> values;
    unsigned long long* n_not_finite;

    template <class Team>
    NULLCLINE_TEAM void operator()(const Team& team, std::size_t, Shared&) const {
        const int wrong = team.sum(values.size(),
                                   [&](std::size_t i) { return std::isfinite(values[i]) ? 0 : 1; });
        team.count(n_not_finite, static_cast<unsigned long long>(wrong));
    }
};

}  // namespace nullcline::gpu
