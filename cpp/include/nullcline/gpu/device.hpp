// What a search needs of a GPU.
#pragma once

#include <concepts>
#include <cstddef>

#include "nullcline/gpu/kernel.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline::gpu {

/// The products and factorizations of a device, for matrices of T in its memory:
///
///   multiply_transposed(a, b, c)   c = a bᵀ; only as many columns of a are read as b has
///   multiply(a, b, c)              c = a b; only as many columns of c are written as b has
///   grams(n, size, a, out)         out_i = a_iᵀ a_i for n square matrices
///   lu(n, size, a, pivots, info)   factors in place; info_i is not zero where a pivot is zero
///   lu_solve(n, size, factors, pivots, x)   for one right-hand side each, in place
///
/// The last three take pointers to matrices and vectors, which lie on the device as those do.
template <class D, class T>
concept HasDenseRoutines =
    requires(D& device, std::size_t n, MatrixView<const T> a, MatrixView<T> c, T* const* matrices,
             int* pivots, const int* read_pivots) {
        device.multiply_transposed(a, a, c);
        device.multiply(a, a, c);
        device.grams(n, n, matrices, matrices);
        device.lu(n, n, matrices, pivots, pivots);
        device.lu_solve(n, n, matrices, read_pivots, matrices);
    };

/// A GPU, whose work is done in the order in which it was given.
///
///   allocate(bytes), release(p)   its memory, uninitialized
///   free_bytes()                  how much is left
///   upload(to, from, bytes)       from the host, whose memory may be freed at once
///   copy(to, from, bytes)         from the device, to where there is what is to be had only after
///                                 synchronize() if that is the host
///   zero(p, bytes)
///   launch(n, kernel)             run a kernel (gpu/kernel.hpp) in n blocks
///   synchronize()                 wait until all is done
///   seconds(f)                    how long it takes for the work that f launches
template <class D>
concept GpuDevice =
    requires(D& device, const D& idle, std::byte* memory, void* to, const void* from, std::size_t n,
             archetypes::Kernel kernel, nullcline::archetypes::Action give_work) {
        { device.allocate(n) } -> std::same_as<std::byte*>;
        device.release(memory);
        { idle.free_bytes() } -> std::same_as<std::size_t>;
        device.upload(to, from, n);
        device.copy(to, from, n);
        device.zero(to, n);
        device.launch(n, kernel);
        device.synchronize();
        { device.seconds(give_work) } -> std::same_as<double>;
    } &&
    HasDenseRoutines<D, float> && HasDenseRoutines<D, double>;

}  // namespace nullcline::gpu
