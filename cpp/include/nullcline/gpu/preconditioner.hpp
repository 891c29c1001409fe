// The preconditioner that all starts share, made on a device (see cpu/preconditioner.hpp).
#pragma once

#include <array>
#include <cmath>
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

namespace detail {

/// The memory in which the preconditioner is made.
template <class T>
struct PreconditionerMemory {
    PreconditionerMemory(std::byte* base, const CellEquation<T>& reduced,
                         const CellEquation<T>& settling)
        : arena(base),
          state(arena, TileShape::of(settling, 1, 0)),
          solve(arena, TileShape::of(reduced, 1, 0)),
          dense(arena, 1, reduced, Factors::normal),
          matrix(arena.matrix<double>(reduced.size(), reduced.size())),
          inverse(arena.matrix<double>(reduced.size(), reduced.size())),
          product(arena.matrix<double>(reduced.size(), reduced.size())),
          correction(arena.matrix<double>(reduced.size(), reduced.size())),
          slot(arena.matrix<std::size_t>(1, 1)),
          n_not_finite(arena.matrix<unsigned long long>(1, 1)) {}

    Arena arena;
    StateMemory<T> state;
    SolveOperands<T> solve;
    DenseMemory<T> dense;
    MatrixView<double> matrix, inverse, product, correction;
    MatrixView<std::size_t> slot;  // the number of the only one
    MatrixView<unsigned long long> n_not_finite;
};

/// Bring the network from zero to its settled state, and compute that state's products.
template <GpuDevice Device, class T>
void settle(Device& device, const CellEquation<T>& settling, const StateMemory<T>& state,
            std::span<const T> drive) {
    const WeightProducts<Device, T> products(device, 1, settling.weights());
    device.zero(state.h.data(), settling.size() * sizeof(T));
    for (std::size_t i = 0; i < tuning.settling_steps; ++i) {
        multiply_state(device, products, settling, state, drive);
        device.launch(1, TakeNetworkStep<CellEquation<T>>{settling, state, drive});
    }
    multiply_state(device, products, settling, state, drive);
}

/// Steps after which the iteration below is at the inverse, to the rounding of single precision.
///
/// From I / trace, the error of an eigenvalue λ is 1 − λ / trace, and every step squares it. None
/// is below μ, which is a known part of the trace.
[[nodiscard]] inline std::size_t inversion_steps(std::size_t size) {
    const double condition = 1 + static_cast<double>(size) / tuning.preconditioner_shift;
    const double digits = -std::log(1e-8);
    return static_cast<std::size_t>(std::ceil(std::log2(condition * digits)));
}

/// `inverse` = A⁻¹ for A = JᵀJ + μI, from the Jacobian J that is in `dense`, by Newton's and
/// Schulz's iteration X ← X (2I − A X): products alone, which fill a device. The factorization of a
/// single matrix is one block's work (Golub and Van Loan, Matrix Computations, 9.4.1; Pan and
/// Schreiber, SIAM J. Sci. Stat. Comput. 12, 1991).
template <GpuDevice Device, class T>
void invert_normal_matrix(Device& device, const PreconditionerMemory<T>& at, Places slot) {
    const std::size_t size = at.inverse.cols();
    const std::array<T*, 2> addresses{at.dense.jacobians.data(), at.dense.normals.data()};
    const Array<Device, T*> matrices(device, std::span<T* const>(addresses));
    device.grams(1, size, matrices.elements().data(), matrices.elements().data() + 1);
    device.launch(1, SetPreconditionerShift<T>{at.dense.normals, at.solve.shift});
    device.launch(size, ShiftNormals<T>{slot, at.solve, at.dense.normals, at.dense.factors_of});
    device.launch(size, StartInverse<T>{at.dense.factors_of, at.matrix, at.inverse});
    for (std::size_t i = 0; i < inversion_steps(size); ++i) {
        device.multiply(MatrixView<const double>(at.matrix), MatrixView<const double>(at.inverse),
                        at.product);
        device.multiply(MatrixView<const double>(at.inverse), MatrixView<const double>(at.product),
                        at.correction);
        device.launch(size, ImproveInverse{at.inverse, at.correction});
    }
}

template <GpuDevice Device, class T>
[[nodiscard]] bool all_finite(Device& device, MatrixView<T> values,
                              MatrixView<unsigned long long> counter) {
    device.zero(counter.data(), sizeof(unsigned long long));
    device.launch(1, CountNotFinite<T>{values.elements(), counter.data()});
    unsigned long long n_not_finite = 0;
    device.copy(&n_not_finite, counter.data(), sizeof n_not_finite);
    device.synchronize();
    return n_not_finite == 0;
}

}  // namespace detail

/// (JᵀJ + μI)⁻¹ of the reduced residual at the settled state, in single precision; empty where that
/// is not finite.
template <GpuDevice Device, class T>
[[nodiscard]] Array<Device, float> make_inverse(Device& device, const DeviceCell<Device, T>& cell) {
    const CellEquation<T> reduced = nullcline::reduced(cell.view());
    const CellEquation<T> settling = nullcline::settling(cell.view());
    const auto memory_at = [&](std::byte* base) {
        return detail::PreconditionerMemory<T>(base, reduced, settling);
    };
    const Buffer<Device> buffer(device, memory_at(nullptr).arena.used());
    const auto at = memory_at(buffer.data());
    const auto drive = cell.zero_input_drive().row(0);
    detail::settle(device, settling, at.state, drive);
    device.launch(1, LinearizeSettledState<CellEquation<T>>{reduced, at.state, drive, at.solve});
    device.zero(at.slot.data(), sizeof(std::size_t));
    const Places slot = at.slot.elements();
    assemble_jacobians(device, reduced, cell.dense(reduced), at.solve, at.dense, slot);
    detail::invert_normal_matrix(device, at, slot);
    if (!detail::all_finite(device, at.inverse, at.n_not_finite)) {
        return {};
    }
    Array<Device, float> inverse(device, reduced.size(), reduced.size());
    device.launch(reduced.size(), ConvertRows<double, float>{at.inverse, inverse.view()});
    return inverse;
}

}  // namespace nullcline::gpu
