// Memory on a device, owned.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/gpu/device.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::gpu {

/// A block of a device's memory.
template <GpuDevice Device>
class Buffer {
  public:
    Buffer() = default;
    Buffer(Device& device, std::size_t bytes)
        : device_(&device), data_(device.allocate(bytes)), bytes_(bytes) {}
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() {
        if (data_ != nullptr) {
            device_->release(data_);
        }
    }

    [[nodiscard]] std::byte* data() const { return data_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    void swap(Buffer& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
    }

    Device* device_ = nullptr;
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

/// A matrix on a device.
template <GpuDevice Device, class T>
class Array {
  public:
    Array() = default;
    Array(Device& device, std::size_t rows, std::size_t cols)
        : device_(&device), buffer_(device, rows * cols * sizeof(T)), rows_(rows), cols_(cols) {}

    /// A copy of what is on the host.
    Array(Device& device, MatrixView<const T> host) : Array(device, host.rows(), host.cols()) {
        device.upload(view().data(), host.data(), host.size() * sizeof(T));
    }
    Array(Device& device, std::span<const T> host)
        : Array(device, MatrixView<const T>(host.data(), 1, host.size())) {}

    [[nodiscard]] MatrixView<T> view() const {
        return {reinterpret_cast<T*>(buffer_.data()), rows_, cols_};
    }
    [[nodiscard]] std::span<T> elements() const { return view().elements(); }

    /// Copy the elements to the host, after all work launched before.
    [[nodiscard]] std::vector<T> download() const {
        std::vector<T> host(rows_ * cols_);
        device_->copy(host.data(), view().data(), host.size() * sizeof(T));
        device_->synchronize();
        return host;
    }

  private:
    Device* device_ = nullptr;
    Buffer<Device> buffer_;
    std::size_t rows_ = 0;
    std::size_t cols_ = 0;
};

}  // namespace nullcline::gpu
