// A GPU made of the CPU: plain memory, textbook loops, and fibers for threads.
//
// It is slow and obvious. It runs all of the GPU's search but the few lines of cpp/cuda, so that
// what those lines are given can be tested on any machine.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "fibers.hpp"
#include "lanes.hpp"
#include "lu.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/kernel.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::emulated {

class Device {
  public:
    /// `NULLCLINE_EMULATED_GPU_BYTES` sets how much memory it has.
    Device() {
        if (const char* text = std::getenv("NULLCLINE_EMULATED_GPU_BYTES")) {
            n_free_ = std::stoul(text);
        }
    }

    [[nodiscard]] std::byte* allocate(std::size_t bytes) {
        if (bytes > n_free_) {
            throw gpu::OutOfMemory("the device has no " + std::to_string(bytes) + " bytes left");
        }
        n_free_ -= bytes;
        auto* const block = static_cast<std::byte*>(std::malloc(bytes + header));
        if (block == nullptr) {
            throw std::bad_alloc();
        }
        std::memcpy(block, &bytes, sizeof bytes);
        std::memset(block + header, 0xff, bytes);  // NaN, for reads before writes
        return block + header;
    }

    void release(std::byte* data) {
        std::size_t bytes = 0;
        std::memcpy(&bytes, data - header, sizeof bytes);
        n_free_ += bytes;
        std::free(data - header);
    }

    [[nodiscard]] std::size_t free_bytes() const { return n_free_; }

    void upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
    void copy(void* to, const void* from, std::size_t bytes) {
        if (bytes > 0) {
            std::memcpy(to, from, bytes);
        }
    }
    void zero(void* data, std::size_t bytes) { std::memset(data, 0, bytes); }
    void synchronize() {}

    /// How long the work takes that `run` launches.
    template <class Run>
    [[nodiscard]] double seconds(const Run& run) {
        const auto before = std::chrono::steady_clock::now();
        run();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
    }

    template <gpu::Kernel Kernel>
    void launch(std::size_t n_blocks, const Kernel& kernel) {
        for (std::size_t block = 0; block < n_blocks; ++block) {
            Block shared(fibers_);
            typename Kernel::Shared kernel_shared;
            const std::function<void(std::size_t)> body = [&](std::size_t rank) {
                kernel(gpu::CooperativeGroup(BlockLanes(shared, rank)), block, kernel_shared);
            };
            fibers_.run(body);
        }
    }

    /// c = a bᵀ; only as many columns of a are read as b has.
    template <class T>
    void multiply_transposed(MatrixView<const std::type_identity_t<T>> a,
                             MatrixView<const std::type_identity_t<T>> b, MatrixView<T> c) {
        product(c, b.rows(), b.cols(),
                [&](std::size_t i, std::size_t j, std::size_t k) { return a(i, k) * b(j, k); });
    }

    /// c = a b; only as many columns of c are written as b has.
    template <class T>
    void multiply(MatrixView<const std::type_identity_t<T>> a,
                  MatrixView<const std::type_identity_t<T>> b, MatrixView<T> c) {
        product(c, b.cols(), b.rows(),
                [&](std::size_t i, std::size_t j, std::size_t k) { return a(i, k) * b(k, j); });
    }

    /// normals[i] = jacobians[i]ᵀ jacobians[i]
    template <class T>
    void grams(std::size_t count, std::size_t size, T* const* jacobians, T* const* normals) {
        for (std::size_t i = 0; i < count; ++i) {
            const MatrixView<const T> j(jacobians[i], size, size);
            product(MatrixView<T>(normals[i], size, size), size, size,
                    [&](std::size_t a, std::size_t b, std::size_t k) { return j(k, a) * j(k, b); });
        }
    }

    /// Factor matrices in place, with pivots; info[i] is not zero where a pivot is zero.
    template <class T>
    void lu(std::size_t count, std::size_t size, T* const* matrices, int* pivots, int* info) {
        for (std::size_t i = 0; i < count; ++i) {
            info[i] = lu_factors(MatrixView<T>(matrices[i], size, size), pivots + i * size) ? 0 : 1;
        }
    }

    /// Solve for one right-hand side each, in place.
    template <class T>
    void lu_solve(std::size_t count, std::size_t size, T* const* factors, const int* pivots,
                  T* const* vectors) {
        for (std::size_t i = 0; i < count; ++i) {
            lu_solution(MatrixView<const T>(factors[i], size, size), pivots + i * size, vectors[i]);
        }
    }

  private:
    static constexpr std::size_t header = 256;

    template <class T, class Term>
    static void product(MatrixView<T> out, std::size_t width, std::size_t depth, const Term& term) {
        for (std::size_t i = 0; i < out.rows(); ++i) {
            for (std::size_t j = 0; j < width; ++j) {
                T sum = 0;
                for (std::size_t k = 0; k < depth; ++k) {
                    sum += term(i, j, k);
                }
                out(i, j) = sum;
            }
        }
    }

    std::size_t n_free_ = std::size_t{1} << 30U;
    Fibers fibers_{block_size};
};

static_assert(gpu::BlockGroup<gpu::CooperativeGroup<BlockLanes>>);
static_assert(ThreadGroup<gpu::CooperativeGroup<WarpLanes>>);
static_assert(gpu::GpuDevice<Device>);

}  // namespace nullcline::emulated
