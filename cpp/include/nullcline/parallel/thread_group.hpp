// Who works on one start: a thread of the CPU, or a block of a GPU's threads.
//
// Solvers are written once, for a *group*. All members of a group run the same code with the same
// values in local variables; they share memory, which they access through the group alone.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/numerics/adam.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/small_matrix.hpp"

namespace nullcline {

/// Functions like those that a group is given, for concepts to check with.
namespace archetypes {

struct Action {
    NULLCLINE_HOST_DEVICE void operator()() const {}
};
struct ActionOnIndex {
    NULLCLINE_HOST_DEVICE void operator()(std::size_t /*i*/) const {}
};
struct ActionOfWarp {
    template <class Group>
    NULLCLINE_HOST_DEVICE void operator()(const Group& /*warp*/) const {}
};
struct NumberOfIndex {
    NULLCLINE_HOST_DEVICE double operator()(std::size_t /*i*/) const { return 0; }
};
struct TestOfIndex {
    NULLCLINE_HOST_DEVICE bool operator()(std::size_t /*i*/) const { return true; }
};

}  // namespace archetypes

/// What every group of threads can do, the primitives of all solvers:
///
///   for_each(n, f)           f(i) for i < n, divided among the members; done when it returns
///   sum(n, f), all(n, f)     Σ f(i), and whether every f(i) is true: the same for every member
///   reduce_min(n, first, f)  the smallest of `first` and the f(i)
///   dot(a, b)                Σ a_i b_i
///   single(f)                one member runs f; done when it returns
///   sync()                   wait for all members
///   with_warp(f)             f(group) by as many members as small matrices can keep busy
///
/// and loops that a thread and a block run in different forms:
///
///   coordinates(A, x, out)       out = A x, a dot product per row
///   add_combination(A, c, y)     y += Aᵀ c
///   recombine(C, n, A)           the first n rows of A become the combinations C of all of them
///   apply_curvature(C, fields, units, out)   out = C fields (numerics/curvature.hpp)
///   adam_step(m, v, gradient, factors, change)   (numerics/adam.hpp)
///   symmetric_eigen(A, workspace, eigenvalues)   replace the rows of A, symmetric and of full
///                                order, by its eigenvectors, in ascending order of eigenvalues;
///                                `workspace` and `eigenvalues` are scratch memory
template <class Group>
concept ThreadGroup = requires(
    const Group& group, std::size_t n, std::span<const double> numbers, std::span<const float> x,
    std::span<float> out, MatrixView<const float> rows, MatrixView<float> basis, SmallMatrix& small,
    std::span<double> workspace, AdamFactors factors, archetypes::Action act,
    archetypes::ActionOnIndex act_on, archetypes::NumberOfIndex number,
    archetypes::TestOfIndex test, archetypes::ActionOfWarp act_as_warp) {
    group.for_each(n, act_on);
    { group.sum(n, number) } -> std::same_as<double>;
    { group.all(n, test) } -> std::same_as<bool>;
    { group.reduce_min(n, 0.0, number) } -> std::same_as<double>;
    { group.dot(numbers, numbers) } -> std::same_as<double>;
    { group.dot(x, x) } -> std::same_as<float>;
    group.single(act);
    group.sync();
    group.with_warp(act_as_warp);
    group.coordinates(rows, x, out);
    group.add_combination(rows, x, out);
    group.recombine(small, n, basis);
    group.apply_curvature(x, x, n, out);
    group.adam_step(out, out, x, factors, out);
    group.symmetric_eigen(small, small, workspace);
};

/// ‖a‖
template <ThreadGroup Group, class T>
[[nodiscard]] NULLCLINE_DEVICE T norm(const Group& group, std::span<T> a) {
    const std::span<const T> read_only = a;
    return std::sqrt(group.dot(read_only, read_only));
}

/// Copy, to another precision where the two differ.
template <ThreadGroup Group, class To, class From>
NULLCLINE_DEVICE void copy(const Group& group, std::span<From> from, std::span<To> to) {
    const From* const x = from.data();
    To* const y = to.data();
    group.for_each(to.size(), [=](std::size_t i) { y[i] = static_cast<To>(x[i]); });
}

template <ThreadGroup Group, class T>
NULLCLINE_DEVICE void fill(const Group& group, std::span<T> x, T value) {
    T* const to = x.data();
    group.for_each(x.size(), [=](std::size_t i) { to[i] = value; });
}

}  // namespace nullcline
