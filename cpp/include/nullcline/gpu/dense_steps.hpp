// Steps by factors of dense matrices, for all slots of a tile at once.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/batching/operands.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/gpu/dense_kernels.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// The matrices of a tile's slots, stacked: normal matrices by slots, which keep them for further
/// steps from the same state, all others by places, side by side for those that ask now. LU serves
/// the symmetric ones too: it is what cuBLAS has for a batch, and one that is not positive definite
/// gives a step that is rejected.
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

/// Write out the Jacobians of these slots.
template <GpuDevice Device, class E, class T = typename E::Scalar>
void assemble_jacobians(Device& device, const E& equation, MatrixView<const T> weights,
                        const SolveOperands<T>& operands, const DenseMemory<T>& memory,
                        Places slots) {
    const std::size_t n_slots = slots.size();
    MatrixView<T> gated;
    if (equation.n_gated() > 0) {
        const std::size_t units = equation.units();
        const MatrixView<T> gates(memory.gates.data(), units, n_slots * units);
        gated = {memory.gated.data(), units, n_slots * units};
        const std::size_t n_gating = weights.rows() > units ? units : 0;
        device.launch(n_slots * units,
                      WriteGates<T>{slots, weights.middle_rows(units, n_gating), operands, gates});
        device.multiply(gated_rows(equation, weights), gates, gated);
    }
    const AssembleJacobians<T> assemble{slots,    weights, equation.size(),
                                        operands, gated,   memory.jacobians};
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
          jacobian_pointers_(device, memory.info.rows(), 1),
          normal_pointers_(device, memory.info.rows(), 1),
          matrix_pointers_(device, memory.info.rows(), 1),
          vector_pointers_(device, memory.info.rows(), 1),
          lists_(device, 2, memory.info.rows()),
          counts_(device, 1, 2) {
        device.launch(1, ListPointers<T>{memory.jacobians, matrices(), memory.solutions,
                                         jacobian_pointers_.elements(), matrix_pointers_.elements(),
                                         vector_pointers_.elements()});
    }

    /// Solve for those of the first `n_slots` slots that have requested it; false if none has. The
    /// host waits to know how many they are: factorizations of idle slots would take longer.
    template <class Scalars>
    [[nodiscard]] bool solve(const SolveOperands<T>& operands, MatrixView<Scalars> scalars,
                             std::size_t n_slots) {
        const auto [waiting, renewed] = list(operands, scalars, n_slots);
        const std::size_t size = equation_.size();
        const std::size_t n = waiting.size();
        if (n == 0) {
            return false;
        }
        if (factors_ == Factors::normal) {
            assemble_jacobians(device_, equation_, weights_, operands, memory_, renewed);
            device_.grams(renewed.size(), size, jacobian_pointers_.elements().data(),
                          normal_pointers_.elements().data());
            device_.launch(n * size,
                           ShiftNormals<T>{waiting, operands, memory_.normals, memory_.factors_of});
        } else {  // the last factors have taken the place of the Jacobians
            assemble_jacobians(device_, equation_, weights_, operands, memory_, waiting);
        }
        device_.launch(n, CopySteps<T>{waiting, operands.step, memory_.solutions});
        device_.lu(n, size, matrix_pointers_.elements().data(), memory_.pivots.data(),
                   memory_.info.data());
        device_.lu_solve(n, size, matrix_pointers_.elements().data(), memory_.pivots.data(),
                         vector_pointers_.elements().data());
        device_.launch(
            n, ReturnSteps<T>{waiting, operands, memory_.solutions, memory_.info.elements()});
        return true;
    }

  private:
    /// The slots that wait for a step, and those of them whose Jacobian is new.
    template <class Scalars>
    [[nodiscard]] std::pair<Places, Places> list(const SolveOperands<T>& operands,
                                                 MatrixView<Scalars> scalars, std::size_t n_slots) {
        const std::span<std::size_t> waiting = lists_.view().row(0);
        const std::span<std::size_t> renewed = lists_.view().row(1);
        unsigned long long* const counts = counts_.elements().data();
        device_.zero(counts, 2 * sizeof(unsigned long long));
        device_.launch(n_slots, ListWaiting<Scalars, T>{scalars, operands.changed, waiting, renewed,
                                                        counts, counts + 1, memory_.normals,
                                                        normal_pointers_.elements()});
        const std::vector<unsigned long long> n = counts_.download();
        return {waiting.first(static_cast<std::size_t>(n[0])),
                renewed.first(static_cast<std::size_t>(n[1]))};
    }

    /// What is factored, in place.
    [[nodiscard]] MatrixView<T> matrices() const {
        return factors_ == Factors::normal ? memory_.factors_of : memory_.jacobians;
    }

    Device& device_;
    DenseMemory<T> memory_;
    E equation_;
    MatrixView<const T> weights_;  // of the equation, written out
    Factors factors_;
    Array<Device, T*> jacobian_pointers_, normal_pointers_;  // of those that are renewed
    Array<Device, T*> matrix_pointers_, vector_pointers_;
    Array<Device, std::size_t> lists_;
    Array<Device, unsigned long long> counts_;
};

}  // namespace nullcline::gpu
