// CUDA as a runtime (see gpu/runtime.hpp), but for the search itself.
#include "nullcline/gpu/runtime.hpp"

#include <cuda_runtime_api.h>

#include <exception>
#include <stdexcept>

#include "driver.hpp"
#include "errors.hpp"

namespace nullcline::cuda {

const bool is_gpu = true;

const double launch_seconds = gpu::Costs().launch;

int device_count() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaErrorNoDevice) {
        static_cast<void>(cudaGetLastError());
        return 0;
    }
    if (status == cudaErrorInsufficientDriver) {
        static_cast<void>(cudaGetLastError());
        int driver = 0;
        static_cast<void>(cudaDriverGetVersion(&driver));
        if (driver == 0) {
            throw std::runtime_error("no NVIDIA driver was found");
        }
        throw std::runtime_error("the NVIDIA driver is too old: it supports CUDA " +
                                 std::to_string(driver / 1000) + "." +
                                 std::to_string(driver % 1000 / 10) + ", and this build needs " +
                                 std::to_string(CUDART_VERSION / 1000) + "." +
                                 std::to_string(CUDART_VERSION % 1000 / 10) +
                                 "; update the driver, or build with an older toolkit");
    }
    check(status, "count devices");
    return count;
}

std::string device_name(int device) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "query a device's name");
    return properties.name;
}

std::pair<int, int> compute_capability(int device) {
    int major = 0;
    int minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
          "query a device's compute capability");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device),
          "query a device's compute capability");
    return {major, minor};
}

int device_of(const void* address) {
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, address), "query where an address lies");
    const bool on_device =
        attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged;
    return on_device ? attributes.device : -1;
}

void* allocate(int device, std::size_t bytes) {
    const CurrentDevice current(device);
    void* data = nullptr;
    if (bytes > 0) {
        check(cudaMalloc(&data, bytes), "allocate memory");
    }
    return data;
}

void release(int device, void* data) noexcept {
    try {
        const CurrentDevice current(device);
        static_cast<void>(cudaFree(data));
    } catch (const std::exception&) {
        // The process ends, or was forked: the memory is the driver's to release.
    }
}

void copy_to_host(int device, void* to, const void* from, std::size_t bytes) {
    const CurrentDevice current(device);
    check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copy memory");
}

}  // namespace nullcline::cuda
