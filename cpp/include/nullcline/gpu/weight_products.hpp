// Products of many states with weights on a device, dense or of low rank.
#pragma once

#include <cstddef>

#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline::gpu {

/// Multiplies at most `n_states` states at a time; owns the memory for the first factor's products.
template <GpuDevice Device, class T>
class WeightProducts {
  public:
    WeightProducts(Device& device, std::size_t n_states, const Weights<T>& weights)
        : device_(device) {
        if (weights.is_low_rank()) {
            inner_ = Array<Device, T>(device, n_states, weights.rank());
        }
    }

    /// out = V Wᵀ: W v for every row v.
    void multiply_transposed(MatrixView<const T> v, const Weights<T>& w, MatrixView<T> out) const {
        if (w.rows() == 0) {
            return;
        }
        if (!w.is_low_rank()) {
            return device_.multiply_transposed(v, w.dense(), out);
        }
        const MatrixView<T> inner = inner_.view().middle_rows(0, v.rows());
        device_.multiply(v.columns(0, w.cols()), w.right(), inner);
        device_.multiply_transposed(MatrixView<const T>(inner), w.left(), out);
    }

    /// out = U W: Wᵀ u for every row u.
    void multiply(MatrixView<const T> u, const Weights<T>& w, MatrixView<T> out) const {
        if (w.rows() == 0) {
            return device_.zero(out.data(), out.rows() * out.stride() * sizeof(T));
        }
        if (!w.is_low_rank()) {
            return device_.multiply(u, w.dense(), out);
        }
        const MatrixView<T> inner = inner_.view().middle_rows(0, u.rows());
        device_.multiply(u, w.left(), inner);
        device_.multiply_transposed(MatrixView<const T>(inner), w.right(),
                                    out.columns(0, w.cols()));
    }

  private:
    Device& device_;
    Array<Device, T> inner_;
};

}  // namespace nullcline::gpu
