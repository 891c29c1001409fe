// Kernels over starts and other rows: load, compare and move them.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/kernel.hpp"
#include "nullcline/gpu/search_view.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/search/classifier.hpp"
#include "nullcline/search/merging.hpp"

namespace nullcline::gpu {

/// Copy an array of any strides and type row by row, and count what is not finite in it.
template <class From, class To>
struct LoadRows {
    using Shared = NothingShared;
    const From* from;
    std::ptrdiff_t row_stride, column_stride;  // in elements
    MatrixView<To> to;
    unsigned long long* n_not_finite;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        const From* const source = from + static_cast<std::ptrdiff_t>(row) * row_stride;
        const std::ptrdiff_t stride = column_stride;
        const auto target = to.row(row);
        const int wrong = group.sum(target.size(), [=](std::size_t i) {
            const From value = source[static_cast<std::ptrdiff_t>(i) * stride];
            target[i] = static_cast<To>(value);
            return std::isfinite(value) ? 0 : 1;
        });
        if (wrong > 0) {
            group.count(n_not_finite, static_cast<unsigned long long>(wrong));
        }
    }
};

/// Project states onto the box of a reduced equation's outputs.
template <class T>
struct ProjectRows {
    using Shared = NothingShared;
    MatrixView<T> states;
    MatrixView<const T> drives;  // one row for all states, or one per state
    CellEquation<T> reduced;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        const auto drive = drives.row(drives.rows() == 1 ? 0 : row);
        project_into(group, reduced.box(drive), states.row(row).first(reduced.size()));
    }
};

/// Copy the states and the drives of the queue's starts to where the host takes them from.
template <class T>
struct GatherStarts {
    using Shared = NothingShared;
    SearchView<T> search;
    MatrixView<T> h, drives;  // by places in the queue

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t place, Shared&) const {
        const std::size_t start = search.queue[place];
        copy(group, search.state(start), h.row(place));
        copy(group, search.drive(start), drives.row(place));
    }
};

/// Bring back what the host has found of the queue's starts.
template <class T>
struct ReturnStarts {
    using Shared = NothingShared;
    SearchView<T> search;
    MatrixView<const T> h;  // this and what follows by places in the queue
    std::span<const std::int32_t> iterations;
    std::span<const Termination> terminations;
    std::span<const Label> labels;  // or nothing

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t place, Shared&) const {
        const std::size_t start = search.queue[place];
        copy(group, h.row(place), search.state(start));
        group.single([&] {
            search.iterations[start] = iterations[place];
            search.terminations[start] = terminations[place];
        });
        if (!labels.empty()) {
            search.label(group, start, labels[place]);
        }
    }
};

/// Add one row to all.
template <class T>
struct AddRow {
    using Shared = NothingShared;
    std::span<const T> addend;
    MatrixView<T> rows;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        const auto to = rows.row(row);
        group.for_each(to.size(), [&](std::size_t i) { to[i] += addend[i]; });
    }
};

/// Convert rows to another precision.
template <class From, class To>
struct ConvertRows {
    using Shared = NothingShared;
    MatrixView<const From> from;
    MatrixView<To> to;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        copy(group, from.row(row), to.row(row));
    }
};

/// Move the states of starts to the centres of their cells, a block per start.
template <class T>
struct MoveToCellCentres {
    using Shared = NothingShared;
    SearchView<T> search;
    double side;
    CellEquation<T> reduced;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t start = search.queue[block];
        const std::span<T> state = search.state(start);
        move_to_cell_centre(group, state, side);
        project_into(group, reduced.box(search.drive(start)), state.first(reduced.size()));
    }
};

/// A key for the state and the input of each start of the queue.
template <class T>
struct Keys {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<std::uint64_t> keys;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t start = search.queue[block];
        const std::uint64_t of_input = key_of(group, search.drive(start));
        const std::uint64_t of_state = key_of(group, std::span<const T>(search.h.row(start)));
        group.single([&] { keys[block] = of_state + 31 * of_input; });
    }
};

/// Whether starts of the queue are at the states, with the inputs, of others.
template <class T>
struct AreEqual {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<const std::size_t> others;
    std::span<std::uint8_t> equal;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t one = search.queue[block];
        const std::size_t other = others[block];
        const auto alike = [&](std::span<const T> a, std::span<const T> b) {
            return group.all(a.size(), [=](std::size_t i) { return a[i] == b[i]; });
        };
        const bool same = alike(search.h.row(one), search.h.row(other)) &&
                          alike(search.drive(one), search.drive(other));
        group.single([&] { equal[block] = same ? 1 : 0; });
    }
};

/// Move starts of the queue to where others have ended.
template <class T>
struct Follow {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<const std::size_t> leaders, iterations;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t leader = leaders[block];
        search.finish(group, search.queue[block], search.h.row(leader), iterations[block],
                      search.terminations[leader]);
    }
};

/// Give starts of the queue the labels of others.
template <class T>
struct ShareLabels {
    using Shared = NothingShared;
    SearchView<T> search;
    std::span<const std::size_t> leaders;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const std::size_t leader = leaders[block];
        search.label(group, search.queue[block],
                     Label{search.kinds[leader], search.reasons[leader], search.q[leader]});
    }
};

}  // namespace nullcline::gpu
