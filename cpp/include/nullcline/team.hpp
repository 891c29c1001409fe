// Who works on one start: a thread of the CPU, or a block of a GPU's threads.
//
// Solvers are written once, for a *team*. All members of a team run the same code with the same
// values in local variables; what is in memory they share, and touch through the team alone:
//
//   for_each(n, f)        f(i) for i < n, divided among members; done when it returns
//   sum(n, f), all(n, f)  reductions of f(i), the same for every member
//   least(n, first, f)    the least of `first` and f(i)
//   dot(a, b)             Σ a_i b_i
//   lead(f)               one member runs f; done when it returns
//   sync()                wait for all members
//   few(f)                f(team) by as many members as small matrices can keep busy
//
// together with loops that each side has its own best form of: coordinates and combinations in a
// subspace, the gates, Adam's step, small eigenproblems.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/curvature.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/solvers/adam.hpp"
#include "nullcline/solvers/small_matrix.hpp"
#include "nullcline/subspace.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// A team of one.
struct SerialTeam {
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
    [[nodiscard]] T least(std::size_t n, T first, const F& f) const {
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
    void lead(const F& f) const {
        f();
    }

    void sync() const {}

    template <class F>
    void few(const F& f) const {
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
    void apply_curvature(std::span<const float> form, std::span<const float> fields,
                         std::size_t size, std::span<float> out) const {
        nullcline::apply_curvature(form, fields, size, out);
    }

    void adam_step(std::span<float> first_moment, std::span<float> second_moment,
                   std::span<const float> gradient, AdamSchedule::Factors factors,
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
template <class Team, class T>
[[nodiscard]] NULLCLINE_TEAM T norm(const Team& team, std::span<T> a) {
    const std::span<const T> seen = a;
    return std::sqrt(team.dot(seen, seen));
}

/// Copy, to another precision where the two differ.
template <class Team, class To, class From>
NULLCLINE_TEAM void copy(const Team& team, std::span<From> from, std::span<To> to) {
    const From* const x = from.data();
    To* const y = to.data();
    team.for_each(to.size(), [=](std::size_t i) { y[i] = static_cast<To>(x[i]); });
}

template <class Team, class T>
NULLCLINE_TEAM void fill(const Team& team, std::span<T> x, T value) {
    T* const to = x.data();
    team.for_each(x.size(), [=](std::size_t i) { to[i] = value; });
}

}  // namespace nullcline
