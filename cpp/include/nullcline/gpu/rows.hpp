// Callers' arrays, of any strides and either type, copied to where a search reads them.
#pragma once

#include <cstddef>
#include <string>

#include "nullcline/gpu/device.hpp"
#include "nullcline/gpu/memory.hpp"
#include "nullcline/gpu/problem.hpp"
#include "nullcline/gpu/row_kernels.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// Copy rows of a source to the device, in another type where the two differ; returns how many
/// numbers were not finite.
template <GpuDevice Device, class T>
std::size_t copy_rows(Device& device, const Source& source, std::size_t first, MatrixView<T> to) {
    if (to.size() == 0) {
        return 0;
    }
    const Array<Device, unsigned long long> wrong(device, 1, 1);
    device.zero(wrong.elements().data(), sizeof(unsigned long long));
    const auto copy = [&]<class From>(const From* data) {
        const From* from = data + static_cast<std::ptrdiff_t>(first) * source.row_stride;
        Array<Device, From> staged;
        if (!source.on_device) {  // a contiguous array then
            staged =
                Array<Device, From>(device, MatrixView<const From>(from, to.rows(), to.cols()));
            from = staged.elements().data();
        }
        device.launch(to.rows(), LoadRows<From, T>{from, source.row_stride, source.column_stride,
                                                   to, wrong.elements().data()});
    };
    source.is_double ? copy(static_cast<const double*>(source.data))
                     : copy(static_cast<const float*>(source.data));
    return static_cast<std::size_t>(wrong.download().front());
}

/// Copy rows of a source to the device; throws `NotFinite` where a number is not finite.
template <GpuDevice Device, class T>
void load_rows(Device& device, const Source& source, std::size_t first, MatrixView<T> to,
               const char* name) {
    if (const std::size_t n = copy_rows(device, source, first, to); n > 0) {
        throw NotFinite(std::string(name) + " must be finite, but " + std::to_string(n) +
                        " of its values are NaN or infinite");
    }
}

}  // namespace nullcline::gpu
