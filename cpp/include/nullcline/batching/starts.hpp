// The starts of a search and their current states, as slots use them.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// A table that slots take starts from and write results to. Each backend keeps them in its own
/// memory.
///
///   options                        of the search
///   iterations_left(start)         how many it may still make
///   termination(start)             how its last iteration ended
///   state(start)                   where it is: all numbers of its state
///   load(group, start, h, drive)   copy out the first numbers of its state, the unknowns of an
///                                  equation, and what its input adds to the gates' sums
///   finish(group, start, h, n, termination)   write back the unknowns, after n iterations
///   label(group, start, label)     write its classification
template <class Table, class Group, class T>
concept Starts =
    ThreadGroup<Group> && requires(const Table& starts, const Group& group, std::size_t start,
                                   std::span<T> h, Termination termination, const Label& label) {
        { starts.options } -> std::convertible_to<const Options&>;
        { starts.iterations_left(start) } -> std::same_as<std::size_t>;
        { starts.termination(start) } -> std::same_as<Termination>;
        { starts.state(start) } -> std::same_as<std::span<T>>;
        starts.load(group, start, h, h);
        starts.finish(group, start, h, start, termination);
        starts.label(group, start, label);
    };

namespace archetypes {

/// Starts for concepts to check with.
template <class T>
struct Starts {
    Options options;

    [[nodiscard]] std::size_t iterations_left(std::size_t start) const;
    [[nodiscard]] Termination termination(std::size_t start) const;
    [[nodiscard]] std::span<T> state(std::size_t start) const;
    template <class Group>
    void load(const Group& group, std::size_t start, std::span<T> h, std::span<T> drive) const;
    template <class Group>
    void finish(const Group& group, std::size_t start, std::span<T> h, std::size_t n_iterations,
                Termination termination) const;
    template <class Group>
    void label(const Group& group, std::size_t start, const Label& label) const;
};

}  // namespace archetypes
}  // namespace nullcline
