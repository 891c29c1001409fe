// A group of many threads (see parallel/thread_group.hpp), over a few primitives that its threads
// have (see gpu/lanes.hpp): with a second, emulated kind of those, all of it is tested without a
// GPU.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>

#include "nullcline/gpu/jacobi_eigen.hpp"
#include "nullcline/gpu/lanes.hpp"
#include "nullcline/numerics/adam.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/small_matrix.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline::gpu {

template <Lanes L>
class CooperativeGroup {
  public:
    NULLCLINE_DEVICE explicit CooperativeGroup(const L& lanes) : lanes_(lanes) {}

    NULLCLINE_DEVICE void sync() const { lanes_.sync(); }

    template <class F>
    NULLCLINE_DEVICE void for_each(std::size_t n, const F& f) const {
        for (std::size_t i = lanes_.rank(); i < n; i += lanes_.size()) {
            f(i);
        }
        lanes_.sync();
    }

    // The type is written out because nvcc empties device functions before it checks concepts on
    // the host's side.
    template <class F>
    [[nodiscard]] NULLCLINE_DEVICE auto sum(std::size_t n, const F& f) const -> decltype(f(n)) {
        decltype(f(n)) mine = 0;
        for (std::size_t i = lanes_.rank(); i < n; i += lanes_.size()) {
            mine += f(i);
        }
        return total(mine);
    }

    template <class F>
    [[nodiscard]] NULLCLINE_DEVICE bool all(std::size_t n, const F& f) const {
        return sum(n, [&](std::size_t i) { return f(i) ? 0 : 1; }) == 0;
    }

    template <class T, class F>
    [[nodiscard]] NULLCLINE_DEVICE T reduce_min(std::size_t n, T first, const F& f) const {
        for (std::size_t i = lanes_.rank(); i < n; i += lanes_.size()) {
            first = std::min(first, f(i));
        }
        return reduce(lanes_.warp_min(first), [](T a, T b) { return std::min(a, b); });
    }

    template <class T>
    [[nodiscard]] NULLCLINE_DEVICE T dot(std::span<const T> a, std::span<const T> b) const {
        const T* const x = a.data();
        const T* const y = b.data();
        return sum(a.size(), [=](std::size_t i) { return x[i] * y[i]; });
    }

    template <class F>
    NULLCLINE_DEVICE void single(const F& f) const {
        if (lanes_.rank() == 0) {
            f();
        }
        lanes_.sync();
    }

    template <class F>
    NULLCLINE_DEVICE void with_warp(const F& f) const {
        lanes_.sync();  // the warp reads what others wrote, and writes what others read
        if (lanes_.rank() < L::warp_width) {
            f(CooperativeGroup<typename L::Warp>(lanes_.warp()));
        }
        lanes_.sync();
    }

    /// The value that a counter had before this group added one.
    [[nodiscard]] NULLCLINE_DEVICE std::size_t take_number(unsigned long long* counter) const {
        unsigned long long number = 0;
        if (lanes_.rank() == 0) {
            number = lanes_.fetch_add(counter, 1ULL);
        }
        return static_cast<std::size_t>(total(number));
    }

    /// Add to a counter, once for the group.
    NULLCLINE_DEVICE void count(unsigned long long* counter, unsigned long long by) const {
        if (lanes_.rank() == 0) {
            lanes_.fetch_add(counter, by);
        }
    }

    /// A row per warp.
    NULLCLINE_DEVICE_CALL void coordinates(MatrixView<const float> rows, std::span<const float> x,
                                           std::span<float> out) const {
        const std::size_t lane = lanes_.rank() % L::warp_width;
        for (std::size_t i = lanes_.rank() / L::warp_width; i < rows.rows(); i += n_warps()) {
            const float* const row = rows.row(i).data();
            float sum = 0;
            for (std::size_t j = lane; j < x.size(); j += L::warp_width) {
                sum += row[j] * x[j];
            }
            sum = lanes_.warp_sum(sum);
            if (lane == 0) {
                out[i] = sum;
            }
        }
        lanes_.sync();
    }

    /// A column per thread.
    NULLCLINE_DEVICE_CALL void add_combination(MatrixView<const float> rows,
                                               std::span<const float> c, std::span<float> y) const {
        for_each(y.size(), [&](std::size_t j) {
            float sum = y[j];
            for (std::size_t i = 0; i < rows.rows(); ++i) {
                sum += c[i] * rows(i, j);
            }
            y[j] = sum;
        });
    }

    /// A column per thread, which no other reads.
    NULLCLINE_DEVICE_CALL void recombine(const SmallMatrix& combinations,
                                         std::size_t n_combinations, MatrixView<float> rows) const {
        for_each(rows.cols(), [&](std::size_t j) {
            float before[SmallMatrix::largest];
            for (std::size_t k = 0; k < rows.rows(); ++k) {
                before[k] = rows(k, j);
            }
            for (std::size_t i = 0; i < n_combinations; ++i) {
                float sum = 0;
                for (std::size_t k = 0; k < rows.rows(); ++k) {
                    sum += static_cast<float>(combinations(i, k)) * before[k];
                }
                rows(i, j) = sum;
            }
        });
    }

    NULLCLINE_DEVICE_CALL void apply_curvature(std::span<const float> hessian,
                                               std::span<const float> fields, std::size_t size,
                                               std::span<float> out) const {
        with_field_count(fields.size() / size, [&]<std::size_t n_fields>() {
            for_each(size, [&](std::size_t i) {
                apply_curvature_unit<n_fields>(hessian.data(), fields.data(), size, i, out.data());
            });
        });
    }

    NULLCLINE_DEVICE void adam_step(std::span<float> first_moment, std::span<float> second_moment,
                                    std::span<const float> gradient, AdamFactors factors,
                                    std::span<float> change) const {
        for_each(gradient.size(), [&](std::size_t i) {
            change[i] = adam_unit(first_moment[i], second_moment[i], gradient[i], factors);
        });
    }

    NULLCLINE_DEVICE void symmetric_eigen(SmallMatrix& a, SmallMatrix& workspace,
                                          std::span<double> numbers) const {
        jacobi_eigen(*this, a, workspace, numbers);
    }

  private:
    [[nodiscard]] NULLCLINE_DEVICE std::size_t n_warps() const {
        return lanes_.size() / L::warp_width;
    }

    template <class T>
    [[nodiscard]] NULLCLINE_DEVICE T total(T mine) const {
        return reduce(lanes_.warp_sum(mine), [](T a, T b) { return a + b; });
    }

    /// Combine the warps' values, in the order of the warps.
    template <class T, class Combine>
    [[nodiscard]] NULLCLINE_DEVICE T reduce(T of_warp, const Combine& combine) const {
        if (lanes_.size() == L::warp_width) {
            return of_warp;
        }
        T* const scratch = lanes_.template scratch<T>();
        if (lanes_.rank() % L::warp_width == 0) {
            scratch[lanes_.rank() / L::warp_width] = of_warp;
        }
        lanes_.sync();
        T result = scratch[0];
        for (std::size_t i = 1; i < n_warps(); ++i) {
            result = combine(result, scratch[i]);
        }
        lanes_.sync();  // before the scratch memory is used again
        return result;
    }

    L lanes_;
};

/// A group that is a block of a kernel: it can also add to counters that all blocks share.
///
///   take_number(counter)   the value that the counter had before this group added one to it
///   count(counter, by)     add to a counter, once for the group
template <class Group>
concept BlockGroup =
    ThreadGroup<Group> && requires(const Group& group, unsigned long long* counter) {
        { group.take_number(counter) } -> std::same_as<std::size_t>;
        group.count(counter, 1);
    };

}  // namespace nullcline::gpu
