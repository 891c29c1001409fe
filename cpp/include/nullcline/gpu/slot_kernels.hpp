// Kernels over the slots of a tile: advance, count and move them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/kernel.hpp"
#include "nullcline/gpu/search_view.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// Rows of a tile that are multiplied by themselves, gathered from those slots that wait for it:
/// the k-th of them is at place k.
template <class T>
struct GatheredRows {
    MatrixView<T> operands, products;       // by places
    MatrixView<T> results;                  // where products go, by slots
    std::span<std::size_t> slots;           // whose row each place has
    unsigned long long* n_slots = nullptr;  // how many wait: maybe more than there are places

    /// Whether a place has a row.
    [[nodiscard]] NULLCLINE_DEVICE bool has(std::size_t place) const {
        return place < slots.size() && place < *n_slots;
    }
};

/// Give the operands of slots that wait for one kind of product a place, as many as there are: a
/// block per slot. The others go on waiting.
template <class Scalars, class T>
struct GatherRows {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;
    Request wanted;
    MatrixView<const T> operands;
    GatheredRows<T> to;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        if (scalars(row, 0).request != wanted) {
            return;
        }
        const std::size_t place = group.take_number(to.n_slots);
        if (place >= to.slots.size()) {
            return;
        }
        copy(group, operands.row(row), to.operands.row(place));
        group.single([&] { to.slots[place] = row; });
    }
};

/// Advance the slots that wait for one kind of product, a block per slot, or those that were
/// gathered, a block per place; and give those that are done the next start. With `Request::none`,
/// idle slots are given their first.
template <Program P>
struct AdvanceSlots {
    using T = typename P::T;
    using Shared = typename P::Workspace;

    P program;
    typename P::Memory memory;
    SearchView<T> search;
    Request wanted;
    GatheredRows<T> gathered{};  // or nothing: all that wait have their products

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared& shared) const {
        const bool is_gathered = gathered.n_slots != nullptr;
        if (is_gathered && !gathered.has(block)) {
            return;
        }
        const std::size_t row = is_gathered ? gathered.slots[block] : block;
        if (memory.scalars(row, 0).request != wanted) {
            return;
        }
        if (is_gathered) {
            copy(group, gathered.products.row(block), gathered.results.row(row));
        }
        typename P::template Slot<Group, SearchView<T>> slot(group, program, memory, row, search,
                                                             shared);
        if (wanted == Request::forward) {
            group.count(&search.counters->n_products, 1);
        }
        if (wanted != Request::none) {
            slot.advance();
        }
        while (slot.request() == Request::none) {
            const std::size_t number = group.take_number(&search.counters->n_taken);
            if (number >= search.queue.size()) {
                break;
            }
            slot.take(search.queue[number]);
        }
        slot.store();
    }
};

/// Make slots idle, a block per slot.
template <class Scalars>
struct ClearSlots {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        group.single([&] { scalars(row, 0) = Scalars(); });
    }
};

/// Write what every slot waits for, and count how many wait for each request; one block.
template <class Scalars>
struct CountRequests {
    using Shared = NothingShared;
    MatrixView<Scalars> scalars;
    std::size_t n_rows;
    std::uint8_t* requests;
    Counters* counters;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t, Shared&) const {
        group.for_each(n_rows, [&](std::size_t row) {
            requests[row] = static_cast<std::uint8_t>(scalars(row, 0).request);
        });
        for (std::size_t wanted = 0; wanted < n_requests; ++wanted) {
            const int n =
                group.sum(n_rows, [&](std::size_t row) { return requests[row] == wanted ? 1 : 0; });
            group.single([&] { counters->waiting[wanted] = static_cast<unsigned long long>(n); });
        }
    }
};

/// A matrix of a tile, one slot after the other.
struct SlotBytes {
    std::byte* data;
    std::size_t bytes_per_slot;
};

/// Move slots to other rows of their tile: a block per move and piece.
struct MoveSlots {
    using Shared = NothingShared;
    std::span<const SlotBytes> pieces;
    std::span<const std::size_t> from, to;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t block, Shared&) const {
        const SlotBytes& piece = pieces[block % pieces.size()];
        const std::size_t move = block / pieces.size();
        const std::byte* const source = piece.data + from[move] * piece.bytes_per_slot;
        std::byte* const target = piece.data + to[move] * piece.bytes_per_slot;
        constexpr std::size_t word = sizeof(std::uint32_t);
        if (piece.bytes_per_slot % word == 0) {
            group.for_each(piece.bytes_per_slot / word, [=](std::size_t i) {
                reinterpret_cast<std::uint32_t*>(target)[i] =
                    reinterpret_cast<const std::uint32_t*>(source)[i];
            });
        } else {
            group.for_each(piece.bytes_per_slot, [=](std::size_t i) { target[i] = source[i]; });
        }
    }
};

}  // namespace nullcline::gpu
