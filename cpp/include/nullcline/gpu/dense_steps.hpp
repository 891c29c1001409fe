// Steps by factors of dense matrices, for all slots of a tile at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "nullcline/arena.hpp"
#include "nullcline/gpu/dense_kernels.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/solvers/tile.hpp"

namespace nullcline::gpu {

/// The matrices of a tile's slots, below each other. LU serves the symmetric ones too: it is what
/// cuBLAS has for a batch, and a matrix that is not positive definite gives a step that is refused.
template <class T>
struct DenseMemory {
    DenseMemory() = default;
    DenseMemory(Arena& arena, std::size_t rows, std::size_t size, Factors factors)
        : jacobians(arena.matrix<T>(factors == Factors::none ? 0 : rows * size, size)),
          normals(arena.matrix<T>(factors == Factors::normal ? rows * size : 0, size)),
          factors_of(arena.matrix<T>(factors == Factors::normal ? rows * size : 0, size)),
          solutions(arena.matrix<T>(factors == Factors::none ? 0 : rows, size)),
          pivots(arena.matrix<int>(factors == Factors::none ? 0 : rows, size)),
          info(arena.matrix<int>(factors == Factors::none ? 0 : rows, 1)) {}

    MatrixView<T> jacobians, normals, factors_of, solutions;
    MatrixView<int> pivots, info;
};

template <class Device, class T>
class DenseSteps {
  public:
    DenseSteps(Device& device, const DenseMemory<T>& memory, MatrixView<const T> weights,
               std::size_t size, Factors factors)
        : device_(device),
          memory_(memory),
          weights_(weights),
          size_(size),
          factors_(factors),
          matrix_pointers_(device, memory.info.rows(), 1),
          vector_pointers_(device, memory.info.rows(), 1) {
        device.launch(1, ListPointers<T>{matrices(), memory.solutions, matrix_pointers_.elements(),
                                         vector_pointers_.elements()});
    }

    /// Solve for the first `n_slots` slots; those that did not ask keep what they have.
    template <class Scalars>
    void solve(const SolveOperands<T>& operands, MatrixView<Scalars> scalars, std::size_t n_slots) {
        const std::size_t size = size_;
        const AssembleJacobians<T> assemble{weights_, size, operands, memory_.jacobians};
        device_.launch(n_slots * assemble.blocks_a_slot(), assemble);
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
    MatrixView<const T> weights_;
    std::size_t size_;
    Factors factors_;
    Array<Device, T*> matrix_pointers_, vector_pointers_;
};

}  // namespace nullcline::gpu
