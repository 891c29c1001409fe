// Steps by factors of dense matrices, for all slots of a tile at once.
#pragma once

#include <cstddef>

#include "nullcline/batching/operands.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/dense_kernels.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// The matrices of a tile's slots, stacked. LU serves the symmetric ones too: it is what
/// cuBLAS has for a batch, and one that is not positive definite gives a step that is rejected.
template <class T>
struct DenseMemory {
    DenseMemory() = default;
    template <class E>
    DenseMemory(Arena& arena, std::size_t rows, const E& equation, Factors factors)
        : DenseMemory(arena, rows, equation.size(), equation.n_gated(), factors) {}

    MatrixView<T> jacobians, normals, factors_of, solutions;
    MatrixView<T> gates, gated;  // M and W_0 M, of all slots side by side
    MatrixView<int> pivots, info;

  private:
    DenseMemory(Arena& arena, std::size_t rows, std::size_t size, std::size_t n_gated,
                Factors factors)
        : jacobians(arena.matrix<T>(factors == Factors::none ? 0 : rows * size, size)),
          normals(arena.matrix<T>(factors == Factors::normal ? rows * size : 0, size)),
          factors_of(arena.matrix<T>(factors == Factors::normal ? rows * size : 0, size)),
          solutions(arena.matrix<T>(factors == Factors::none ? 0 : rows, size)),
          gates(arena.matrix<T>(factors == Factors::none ? 0 : rows * n_gated, n_gated)),
          gated(arena.matrix<T>(factors == Factors::none ? 0 : rows * n_gated, n_gated)),
          pivots(arena.matrix<int>(factors == Factors::none ? 0 : rows, size)),
          info(arena.matrix<int>(factors == Factors::none ? 0 : rows, 1)) {}
};

/// Write out the Jacobians of the first `n_slots` slots where they have changed.
template <GpuDevice Device, class E, class T = typename E::Scalar>
void assemble_jacobians(Device& device, const E& equation, MatrixView<const T> weights,
                        const SolveOperands<T>& operands, const DenseMemory<T>& memory,
                        std::size_t n_slots) {
    MatrixView<T> gated;
    if (equation.n_gated() > 0) {
        const std::size_t units = equation.units();
        const MatrixView<T> gates(memory.gates.data(), units, n_slots * units);
        gated = {memory.gated.data(), units, n_slots * units};
        const std::size_t n_gating = weights.rows() > units ? units : 0;
        device.launch(n_slots * units,
                      WriteGates<T>{weights.middle_rows(units, n_gating), operands, gates});
        device.multiply(gated_rows(equation, weights), gates, gated);
    }
    const AssembleJacobians<T> assemble{weights, equation.size(), operands, gated,
                                        memory.jacobians};
    device.launch(n_slots * assemble.blocks_per_slot(), assemble);
}

template <GpuDevice Device, class E>
class DenseSteps {
  public:
    using T = typename E::Scalar;

    DenseSteps(Device& device, const DenseMemory<T>& memory, const E& equation,
               MatrixView<const T> weights, Factors factors)
        : device_(device),
          memory_(memory),
          equation_(equation),
          weights_(weights),
          factors_(factors),
          matrix_pointers_(device, memory.info.rows(), 1),
          vector_pointers_(device, memory.info.rows(), 1) {
        device.launch(1, ListPointers<T>{matrices(), memory.solutions, matrix_pointers_.elements(),
                                         vector_pointers_.elements()});
    }

    /// Solve for the first `n_slots` slots; those that did not request it keep what they have.
    template <class Scalars>
    void solve(const SolveOperands<T>& operands, MatrixView<Scalars> scalars, std::size_t n_slots) {
        const std::size_t size = equation_.size();
        assemble_jacobians(device_, equation_, weights_, operands, memory_, n_slots);
        if (factors_ == Factors::normal) {
            device_.grams(n_slots, size, memory_.jacobians.data(), memory_.normals.data());
            device_.launch(n_slots * size,
                           ShiftNormals<T>{operands, memory_.normals, memory_.factors_of});
        }
        device_.launch(n_slots, CopySteps<T>{operands.step, memory_.solutions});
        device_.lu(n_slots, size, matrix_pointers_.elements().data(), memory_.pivots.data(),
                   memory_.info.data());
        device_.lu_solve(n_slots, size, matrix_pointers_.elements().data(), memory_.pivots.data(),
                         vector_pointers_.elements().data());
        device_.launch(n_slots, ReturnSteps<Scalars, T>{scalars, operands, memory_.solutions,
                                                        memory_.info.elements()});
    }

  private:
    /// What is factored, in place.
    [[nodiscard]] MatrixView<T> matrices() const {
        return factors_ == Factors::normal ? memory_.factors_of : memory_.jacobians;
    }

    Device& device_;
    DenseMemory<T> memory_;
    E equation_;
    MatrixView<const T> weights_;  // of the equation, written out
    Factors factors_;
    Array<Device, T*> matrix_pointers_, vector_pointers_;
};

}  // namespace nullcline::gpu
