// A solver as a program that many slots run.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/serial_group.hpp"

namespace nullcline {

/// A solver, or the classifier, as a program that slots run: many starts at once, whose products
/// with matrices are made together.
///
/// A *slot* is a row of a tile's memory that works on one start at a time. It never computes a
/// product itself: it leaves the operand in its row, sets `request`, and returns. A backend
/// computes one kind of product for all slots that wait for it, and lets each `advance` from there,
/// until it waits again or has finished with its start (`Request::none`). A slot reads and writes
/// its own row alone, so that the result of a start does not depend on the others.
///
/// A program is a value of a few numbers and pointers, which a backend copies to wherever its slots
/// run. It has
///
///   T                 the type of the equation's numbers
///   requests          what its slots may wait for (batching/requests.hpp)
///   factors           which matrix its steps are solved with, if any
///   served()          the equation whose weights the products are made with
///   Scalars           a slot's numbers: `request`, `start`, and the program's own; a value
///   Memory            the matrices of a tile, a row per slot: `operands`, `scalars`, `drives`;
///                     `solve` where there are factors; and the program's own
///   Workspace         scratch memory of one group while it works
///   Slot<Group, Search>   a slot at work, run by a group of threads
///
/// and a slot has
///
///   take(start)       take up a start
///   advance()         go on: the product that the slot has waited for is there
///   request()         what it waits for
///   store()           write its numbers back to its row
template <class P>
concept Program =
    std::is_trivially_copyable_v<P> && std::is_trivially_copyable_v<typename P::Scalars> &&
    std::default_initializable<typename P::Scalars> &&
    std::default_initializable<typename P::Workspace> &&
    std::constructible_from<typename P::Memory, Arena&, const TileShape&> &&
    Equation<std::remove_cvref_t<decltype(std::declval<const P&>().served())>> &&
    requires(const P& program, const typename P::Memory& memory, typename P::Scalars& scalars,
             const SerialGroup& group, const archetypes::Starts<typename P::T>& starts,
             typename P::Workspace& work,
             typename P::template Slot<SerialGroup, archetypes::Starts<typename P::T>>& slot,
             std::size_t i) {
        { P::requests } -> std::same_as<const RequestSet&>;
        { P::factors } -> std::same_as<const Factors&>;
        { scalars.request } -> std::same_as<Request&>;
        { scalars.start } -> std::same_as<std::size_t&>;
        { memory.operands } -> std::same_as<const Operands<typename P::T>&>;
        { memory.scalars } -> std::same_as<const MatrixView<typename P::Scalars>&>;
        { memory.drives } -> std::same_as<const MatrixView<typename P::T>&>;
        std::remove_reference_t<decltype(slot)>(group, program, memory, i, starts, work);
        slot.take(i);
        slot.advance();
        { slot.request() } -> std::same_as<Request>;
        slot.store();
    } &&
    (P::factors == Factors::none || requires(const typename P::Memory& memory) {
        { memory.solve } -> std::convertible_to<const SolveOperands<typename P::T>&>;
    });

}  // namespace nullcline
