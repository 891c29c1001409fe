// A cell's weights on a device.
#pragma once

#include <span>

#include "nullcline/cells/cell.hpp"
#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/row_kernels.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline::gpu {

template <GpuDevice Device, class T>
class DeviceCell {
  public:
    DeviceCell(Device& device, const Cell<T>& cell)
        : device_(device),
          cell_(cell),
          input_(device, cell.input()),
          weights_(device, cell.recurrent()),
          zero_input_drive_(device, cell.zero_input_drive()),
          parameters_(device, cell.parameters()),
          row_norms_(device, cell.row_norms()),
          lows_(device, std::span<const T>(cell.bounds().lows)),
          highs_(device, std::span<const T>(cell.bounds().highs)) {}

    [[nodiscard]] CellView<T> view() const {
        Box<T> box{cell_.bounds().range};
        if (!cell_.bounds().lows.empty()) {
            box.lows = lows_.elements().data();
            box.highs = highs_.elements().data();
        }
        return cell_.view(weights_.view(), parameters_.elements(), row_norms_.elements(), box);
    }
    [[nodiscard]] MatrixView<const T> input() const { return input_.view(); }
    [[nodiscard]] MatrixView<const T> zero_input_drive() const { return zero_input_drive_.view(); }

    /// An equation's weights in single precision.
    template <class E>
    [[nodiscard]] Weights<float> single(const E& equation) const {
        return weights_.single().middle_rows(0, equation.weights().rows());
    }

    /// An equation's weights written out, for factorizations of its Jacobians. Those of low rank
    /// are multiplied out on first use, which a matrix-free search never makes.
    template <class E>
    [[nodiscard]] MatrixView<const T> dense(const E& equation) const {
        const Weights<T> weights = equation.weights();
        if (!weights.is_low_rank()) {
            return weights.dense();
        }
        if (dense_.view().rows() == 0) {
            const Weights<T> all = weights_.view();
            dense_ = Array<Device, T>(device_, all.rows(), all.cols());
            device_.multiply_transposed(all.left(), all.right(), dense_.view());
        }
        return dense_.view().middle_rows(0, weights.rows());
    }

  private:
    /// W, or its factors, in both precisions.
    class WeightArrays {
      public:
        WeightArrays(Device& device, const Weights<T>& host)
            : first_(device, host.is_low_rank() ? host.left() : host.dense()),
              first_single_(device, first_.view().rows(), first_.view().cols()) {
            convert(device, first_, first_single_);
            if (host.is_low_rank()) {
                right_ = Array<Device, T>(device, host.right());
                right_single_ = Array<Device, float>(device, host.cols(), host.rank());
                convert(device, right_, right_single_);
            }
        }

        [[nodiscard]] Weights<T> view() const { return weights<T>(first_, right_); }
        [[nodiscard]] Weights<float> single() const {
            return weights<float>(first_single_, right_single_);
        }

      private:
        static void convert(Device& device, const Array<Device, T>& from,
                            const Array<Device, float>& to) {
            device.launch(from.view().rows(), ConvertRows<T, float>{from.view(), to.view()});
        }
        template <class U>
        [[nodiscard]] static Weights<U> weights(const Array<Device, U>& first,
                                                const Array<Device, U>& right) {
            const MatrixView<const U> matrix = first.view();
            return right.view().rows() > 0 ? Weights<U>(matrix, right.view()) : Weights<U>(matrix);
        }

        Array<Device, T> first_, right_;
        Array<Device, float> first_single_, right_single_;
    };

    Device& device_;
    const Cell<T>& cell_;
    Array<Device, T> input_;
    WeightArrays weights_;
    Array<Device, T> zero_input_drive_, parameters_, row_norms_, lows_, highs_;
    mutable Array<Device, T> dense_;
};

}  // namespace nullcline::gpu
