// A single thread of the CPU as a group of threads.
#pragma once

#include <algorithm>
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
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline {

/// A group of one thread.
struct SerialGroup {
    template <class F>
    void for_each(std::size_t n, const F& f) const {
#pragma omp simd
        for (std::size_t i = 0; i < n; ++i) {
            f(i);
        }
    }

    template <class F>
    [[nodiscard]] auto sum(std::size_t n, const F& f) const -> decltype(f(n)) {
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

    void coordinates(MatrixView<const float> rows, std::span<const float> x,
                     std::span<float> out) const {
        nullcline::coordinates(rows, x, out);
    }

    void add_combination(MatrixView<const float> rows, std::span<const float> c,
                         std::span<float> y) const {
        nullcline::add_combination(rows, c, y);
    }

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

    void apply_curvature(std::span<const float> hessian, std::span<const float> fields,
                         std::size_t size, std::span<float> out) const {
        nullcline::apply_curvature(hessian, fields, size, out);
    }

    void adam_step(std::span<float> first_moment, std::span<float> second_moment,
                   std::span<const float> gradient, AdamFactors factors,
                   std::span<float> change) const {
        nullcline::adam_step(first_moment, second_moment, gradient, factors, change);
    }

    void symmetric_eigen(SmallMatrix& a, SmallMatrix&, std::span<double> eigenvalues) const {
        constexpr std::size_t n = SmallMatrix::largest;
        blas::symmetric_eigen(MatrixView<double>(&a(0, 0), n, n, SmallMatrix::stride), eigenvalues);
    }
};

static_assert(ThreadGroup<SerialGroup>);

}  // namespace nullcline
