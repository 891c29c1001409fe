// Rows of a tile that are multiplied apart from the others, because few of them want it.
#pragma once

#include <algorithm>
#include <cstddef>

#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/slot_kernels.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// Memory for the operands and products of so many rows, of at most so many numbers.
template <GpuDevice Device, class T>
class Gathering {
  public:
    Gathering(Device& device, std::size_t n_places, std::size_t n_columns)
        : device_(device),
          operands_(device, n_places, n_columns),
          products_(device, n_places, n_columns),
          slots_(device, 1, n_places),
          n_slots_(device, 1, 1) {}

    /// Gather, from the rows of a tile, the operands of slots that wait for a product; their
    /// products are to go to rows of `results`.
    template <class Scalars>
    [[nodiscard]] GatheredRows<T> gather(MatrixView<Scalars> scalars, Request wanted,
                                         MatrixView<const T> operands, MatrixView<T> results,
                                         std::size_t n_places) {
        const GatheredRows<T> rows{
            operands_.view().middle_rows(0, n_places).columns(0, operands.cols()),
            products_.view().middle_rows(0, n_places).columns(0, results.cols()),
            results,
            slots_.elements().first(n_places),
            n_slots_.elements().data(),
        };
        device_.zero(rows.n_slots, sizeof(unsigned long long));
        device_.launch(operands.rows(), GatherRows<Scalars, T>{scalars, wanted, operands, rows});
        return rows;
    }

  private:
    Device& device_;
    Array<Device, T> operands_, products_;
    Array<Device, std::size_t> slots_;
    Array<Device, unsigned long long> n_slots_;
};

}  // namespace nullcline::gpu
