// A cell's weights on a device.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/cells/cell.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/row_kernels.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

template <GpuDevice Device, class T>
class DeviceCell {
  public:
    DeviceCell(Device& device, const Cell<T>& cell)
        : cell_(cell),
          input_(device, cell.input()),
          recurrent_(device, cell.recurrent()),
          zero_input_drive_(device, cell.zero_input_drive()),
          inner_bias_(device, cell.inner_bias()),
          row_norms_(device, cell.row_norms()),
          single_(device, cell.recurrent().rows(), cell.size()) {
        device.launch(recurrent_.view().rows(),
                      ConvertRows<T, float>{recurrent_.view(), single_.view()});
    }

    [[nodiscard]] CellView<T> view() const {
        return cell_.view(recurrent_.view(), inner_bias_.elements(), row_norms_.elements());
    }
    [[nodiscard]] MatrixView<const T> input() const { return input_.view(); }
    [[nodiscard]] MatrixView<const T> zero_input_drive() const { return zero_input_drive_.view(); }

    /// An equation's weights in single precision.
    template <class E>
    [[nodiscard]] MatrixView<const float> single(const E& equation) const {
        return single_.view().middle_rows(0, equation.weights().rows());
    }

  private:
    const Cell<T>& cell_;
    Array<Device, T> input_, recurrent_, zero_input_drive_, inner_bias_, row_norms_;
    Array<Device, float> single_;
};

}  // namespace nullcline::gpu
