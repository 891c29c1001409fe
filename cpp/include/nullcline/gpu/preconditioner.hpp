// The preconditioner that all starts share, made on a device (see cpu/preconditioner.hpp).
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/cell.hpp"
#include "nullcline/gpu/dense_kernels.hpp"
#include "nullcline/gpu/dense_steps.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/row_kernels.hpp"
#include "nullcline/gpu/weight_products.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline::gpu {

/// The products of one state.
template <GpuDevice Device, class T>
void multiply_state(Device& device, const WeightProducts<Device, T>& products,
                    const CellEquation<T>& equation, const StateMemory<T>& state,
                    std::span<const T> drive) {
    const std::size_t n_gated = equation.n_gated();
    const std::size_t n_plain = state.products.cols() - n_gated;
    products.multiply_transposed(state.h, plain_weights(equation),
                                 state.products.columns(n_gated, n_plain));
    if (n_gated > 0) {
        device.launch(1, ComputeGatedInput<CellEquation<T>>{equation, state, drive});
        products.multiply_transposed(state.gated_input, gated_weights(equation),
                                     state.products.columns(0, n_gated));
    }
}

/// (JᵀJ + μI)⁻¹ of the reduced residual at the settled state, in single precision; empty where that
/// is not finite.
template <GpuDevice Device, class T>
[[nodiscard]] Array<Device, float> make_inverse(Device& device, const DeviceCell<Device, T>& cell) {
    const CellEquation<T> reduced = nullcline::reduced(cell.view());
    const CellEquation<T> update = nullcline::update(cell.view());
    const std::size_t size = reduced.size();
    struct Layout {
        Layout(std::byte* base, const CellEquation<T>& reduced, const CellEquation<T>& update)
            : arena(base),
              state(arena, TileShape::of(update, 1, 0)),
              solve(arena, TileShape::of(reduced, 1, 0)),
              dense(arena, 1, reduced, Factors::normal),
              inverse(arena.matrix<T>(reduced.size(), reduced.size())),
              pointers(arena.matrix<T*>(2, 1)),
              n_not_finite(arena.matrix<unsigned long long>(1, 1)) {}

        Arena arena;
        StateMemory<T> state;
        SolveOperands<T> solve;
        DenseMemory<T> dense;
        MatrixView<T> inverse;
        MatrixView<T*> pointers;
        MatrixView<unsigned long long> n_not_finite;
    };
    const auto layout_at = [&](std::byte* base) { return Layout(base, reduced, update); };
    const Buffer<Device> memory(device, layout_at(nullptr).arena.used());
    const Layout at = layout_at(memory.data());

    const auto drive = cell.zero_input_drive().row(0);
    const WeightProducts<Device, T> products(device, 1, update.weights());
    device.zero(at.state.h.data(), update.size() * sizeof(T));
    for (std::size_t i = 0; i < tuning.settling_steps; ++i) {
        multiply_state(device, products, update, at.state, drive);
        device.launch(1, TakeNetworkStep<CellEquation<T>>{update, at.state, drive});
    }
    multiply_state(device, products, update, at.state, drive);
    device.launch(1, LinearizeSettledState<CellEquation<T>>{reduced, at.state, drive, at.solve});
    assemble_jacobians(device, reduced, cell.dense(reduced), at.solve, at.dense, 1);
    device.grams(1, size, at.dense.jacobians.data(), at.dense.normals.data());
    device.launch(1, SetPreconditionerShift<T>{at.dense.normals, at.solve.shift});
    device.launch(size, ShiftNormals<T>{at.solve, at.dense.normals, at.dense.factors_of});
    device.launch(1,
                  ListPointers<T>{at.dense.factors_of, at.inverse, at.pointers.elements().first(1),
                                  at.pointers.elements().last(1)});
    T** const factors = at.pointers.row(0).data();
    device.lu(1, size, factors, at.dense.pivots.data(), at.dense.info.data());
    device.lu_invert(size, factors, at.dense.pivots.data(), at.pointers.row(1).data(),
                     at.dense.info.data());

    device.zero(at.n_not_finite.data(), sizeof(unsigned long long));
    device.launch(1, CountNotFinite<T>{at.inverse.elements(), at.n_not_finite.data()});
    unsigned long long n_not_finite = 0;
    device.copy(&n_not_finite, at.n_not_finite.data(), sizeof n_not_finite);
    device.synchronize();
    if (n_not_finite > 0) {
        return {};
    }
    Array<Device, float> inverse(device, size, size);
    device.launch(size, ConvertRows<T, float>{at.inverse, inverse.view()});
    return inverse;
}

}  // namespace nullcline::gpu
