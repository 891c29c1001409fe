// Who works on one start: a thread of the CPU, or a block of a GPU's threads.
//
// Solvers are written once, for a *group*. All members of a group run the same code with the same
// values in local variables; what is in memory they share, and touch through the group alone:
//
//   for_each(n, f)        f(i) for i < n, divided among members; done when it returns
//   sum(n, f), all(n, f)  reductions of f(i), the same for every member
//   least(n, first, f)    the least of `first` and f(i)
//   dot(a, b)             Σ a_i b_i
//   single(f)               one member runs f; done when it returns
//   sync()                wait for all members
//   few(f)                f(group) by as many members as small matrices can keep busy
//
// together with loops that each side has its own best hessian of: coordinates and combinations in a
// subspace, the gates, Adam's step, small eigenproblems.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/adam.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/small_matrix.hpp"
#include "nullcline/numerics/subspace.hpp"
#include "nullcline/numerics/vectors.hpp"

namespace nullcline {

/// A group of one.
struct SerialGroup {
    template <class F>
    void for_each(std::size_t n, const F& f) const {
#pragma omp simd
        for (std::size_t i = 0; i < n; ++i) {
            f(i);
        }
    }

    template <class F>
    [[nodiscard]] auto sum(std::size_t n, const F& f) const {
        decltype(f(n)) total = 0;
        for (std::size_t i = 0; i < n; ++i) {
            total += f(i);
        }
        return total;
    }

    template <class F>
    [[nodiscard]] bool all(std::size_t n, const F& f) const {
        for (std::size_t i = 0; i < n; ++i) {
            if (!f(i)) {
                return false;
            }
        }
        return true;
    }

    template <class T, class F>
    [[nodiscard]] T reduce_min(std::size_t n, T first, const F& f) const {
        for (std::size_t i = 0; i < n; ++i) {
            first = std::min(first, f(i));
        }
        return first;
    }

    template <class T>
    [[nodiscard]] T dot(std::span<const T> a, std::span<const T> b) const {
        return nullcline::dot(a, b);
    }

    template <class F>
    void single(const F& f) const {
        f();
    }

    void sync() const {}

    template <class F>
    void with_warp(const F& f) const {
        f(*this);
    }

    /// out = A x, a dot product for each row.
    void coordinates(MatrixView<const float> rows, std::span<const float> x,
                     std::span<float> out) const {
        nullcline::coordinates(rows, x, out);
    }

    /// y += Aᵀ c
    void add_combination(MatrixView<const float> rows, std::span<const float> c,
                         std::span<float> y) const {
        nullcline::add_combination(rows, c, y);
    }

    /// The first rows become the combinations of all that the rows of `combinations` say.
    void recombine(const SmallMatrix& combinations, std::size_t n_combinations,
                   MatrixView<float> rows) const {
        Matrix<float> combined(n_combinations, rows.cols());
        std::vector<float> c(rows.rows());
        for (std::size_t i = 0; i < n_combinations; ++i) {
            for (std::size_t j = 0; j < c.size(); ++j) {
                c[j] = static_cast<float>(combinations(i, j));
            }
            add_combination(rows, c, combined.row(i));
        }
        std::ranges::copy(combined.elements(), rows.elements().begin());
    }

    /// out = C fields (see `apply_curvature`).
    void apply_curvature(std::span<const float> hessian, std::span<const float> fields,
                         std::size_t size, std::span<float> out) const {
        nullcline::apply_curvature(hessian, fields, size, out);
    }

    void adam_step(std::span<float> first_moment, std::span<float> second_moment,
                   std::span<const float> gradient, AdamFactors factors,
                   std::span<float> change) const {
        nullcline::adam_step(first_moment, second_moment, gradient, factors, change);
    }

    /// The rows of `a`, symmetric and of full order, become its eigenvectors, those of small
    /// eigenvalues first; the rest is room for who needs it.
    void symmetric_eigen(SmallMatrix& a, SmallMatrix&, std::span<double> eigenvalues) const {
        constexpr std::size_t n = SmallMatrix::largest;
        blas::symmetric_eigen(MatrixView<double>(&a(0, 0), n, n), eigenvalues);
    }
};

/// ‖a‖
template <class Group, class T>
[[nodiscard]] NULLCLINE_DEVICE T norm(const Group& group, std::span<T> a) {
    const std::span<const T> read_only = a;
    return std::sqrt(group.dot(read_only, read_only));
}

/// Copy, to another precision where the two differ.
template <class Group, class To, class From>
NULLCLINE_DEVICE void copy(const Group& group, std::span<From> from, std::span<To> to) {
    const From* const x = from.data();
    To* const y = to.data();
    group.for_each(to.size(), [=](std::size_t i) { y[i] = static_cast<To>(x[i]); });
}

template <class Group, class T>
NULLCLINE_DEVICE void fill(const Group& group, std::span<T> x, T value) {
    T* const to = x.data();
    group.for_each(x.size(), [=](std::size_t i) { to[i] = value; });
}

}  // namespace nullcline
