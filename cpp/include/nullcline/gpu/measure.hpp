// How fast a device does what a search is made of, beside how fast it is at all.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/cell.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/gpu/dense_kernels.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/kernel.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/gpu/weight_products.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// Numbers in (−1, 1) that are all different: zeros would flatter a device.
template <class T>
struct FillVaried {
    using Shared = NothingShared;
    MatrixView<T> out;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        const auto to = out.row(row);
        group.for_each(to.size(), [&](std::size_t i) {
            const double place = 0.6180339887498949 * static_cast<double>(row * to.size() + i + 1);
            to[i] = static_cast<T>(2 * (place - std::floor(place)) - 1);
        });
    }
};

/// Linearize an equation at states whose products are known, a block per state.
template <class E>
struct LinearizeRows {
    using T = typename E::Scalar;
    using Shared = NothingShared;
    E equation;
    StateMemory<T> states;
    std::span<const T> drive;

    template <BlockGroup Group>
    NULLCLINE_DEVICE void operator()(const Group& group, std::size_t row, Shared&) const {
        const StateRow<T> at(states, row);
        equation.linearize(group, at.h, at.products, drive, at.out());
    }
};

/// The median time of several runs of `run`, in seconds, after one that warms up.
template <GpuDevice Device, class Run>
[[nodiscard]] double median_seconds(Device& device, const Run& run) {
    constexpr std::size_t n_runs = 7;
    std::vector<double> seconds;
    static_cast<void>(device.seconds(run));
    for (std::size_t i = 0; i < n_runs; ++i) {
        seconds.push_back(device.seconds(run));
    }
    std::ranges::nth_element(seconds, seconds.begin() + n_runs / 2);
    return seconds[n_runs / 2];
}

namespace detail {

/// The rate of a device's best product, that of square matrices of order `order`.
template <class T, GpuDevice Device>
[[nodiscard]] double square_product_rate(Device& device, std::size_t order) {
    const Array<Device, T> a(device, order, order);
    const Array<Device, T> b(device, order, order);
    const Array<Device, T> c(device, order, order);
    device.launch(order, FillVaried<T>{a.view()});
    device.launch(order, FillVaried<T>{b.view()});
    const double flop = 2 * static_cast<double>(order * order) * static_cast<double>(order);
    return flop / median_seconds(device, [&] {
               device.multiply_transposed(MatrixView<const T>(a.view()),
                                          MatrixView<const T>(b.view()), c.view());
           });
}

/// States with the Jacobians of some of them, and the memory to copy those to.
template <class T>
struct MeasuredMemory {
    MeasuredMemory(std::byte* base, const TileShape& shape, std::size_t n_jacobians)
        : arena(base),
          states(arena, shape),
          solve(arena, shape),
          jacobians(arena.matrix<T>(n_jacobians * shape.size(), shape.size())),
          copies(arena.matrix<T>(n_jacobians * shape.size(), shape.size())) {}

    Arena arena;
    StateMemory<T> states;
    SolveOperands<T> solve;
    MatrixView<T> jacobians, copies;
};

/// How many Jacobians to assemble and to copy, at most `n_states`: those of all would take tens of
/// gigabytes of a large network's, and a rate needs no more than keep a device busy for a while.
template <GpuDevice Device>
[[nodiscard]] std::size_t n_measured_jacobians(const Device& device, std::size_t n_states,
                                               std::size_t bytes_of_one) {
    constexpr std::size_t enough = std::size_t{1} << 30U;
    const std::size_t bytes = std::min(enough, device.free_bytes() / 8);
    return std::clamp<std::size_t>(bytes / bytes_of_one, 1, n_states);
}

}  // namespace detail

/// Measure with a cell and `n_states` states; the device's own rates are those of a product of
/// square matrices of order `square` and of copies.
template <GpuDevice Device, class T>
[[nodiscard]] Rates measure(Device& device, const Cell<T>& cell, std::size_t n_states,
                            std::size_t square) {
    const DeviceCell<Device, T> device_cell(device, cell);
    const CellEquation<T> update = nullcline::update(device_cell.view());
    const std::size_t n_jacobians =
        detail::n_measured_jacobians(device, n_states, update.size() * update.size() * sizeof(T));
    const auto memory_at = [&](std::byte* base) {
        return detail::MeasuredMemory<T>(base, TileShape::of(update, n_states, 0), n_jacobians);
    };
    const Buffer<Device> buffer(device, memory_at(nullptr).arena.used());
    const auto at = memory_at(buffer.data());
    device.launch(n_states, FillVaried<T>{at.states.h});
    device.launch(n_states, FillVaried<T>{at.solve.scales});
    device.launch(n_states, FillVaried<T>{at.solve.identity});
    std::vector<std::size_t> slots(n_jacobians);
    std::iota(slots.begin(), slots.end(), std::size_t{0});
    const Array<Device, std::size_t> places(device, std::span<const std::size_t>(slots));
    const AssembleJacobians<T> assemble{
        places.elements(), device_cell.dense(update), update.size(), at.solve, {}, at.jacobians};
    const WeightProducts<Device, T> products(device, n_states, update.weights());
    const MatrixView<const T> h = at.states.h;
    const auto multiply = [&] {
        products.multiply_transposed(h, update.weights(), at.states.products);
    };
    const LinearizeRows<CellEquation<T>> linearize{update, at.states,
                                                   device_cell.zero_input_drive().row(0)};
    const std::size_t n_bytes = at.jacobians.size() * sizeof(T);
    const double flop = 2 * static_cast<double>(n_states * update.weights().rows() * cell.size());
    const auto bytes = static_cast<double>(n_bytes);

    Rates rates;
    rates.square_product = detail::square_product_rate<T>(device, square);
    rates.product = flop / median_seconds(device, multiply);
    rates.residual = flop / median_seconds(device, [&] {
                         multiply();
                         device.launch(n_states, linearize);
                     });
    rates.copy = 2 * bytes / median_seconds(device, [&] {
                     device.copy(at.copies.data(), at.jacobians.data(), n_bytes);
                 });
    rates.assembly = bytes / median_seconds(device, [&] {
                         device.launch(n_jacobians * assemble.blocks_per_slot(), assemble);
                     });
    return rates;
}

}  // namespace nullcline::gpu
