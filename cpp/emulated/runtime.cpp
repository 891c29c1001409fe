// The emulated GPU as a runtime.
#include "nullcline/gpu/runtime.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "device.hpp"
#include "nullcline/gpu/backend.hpp"

namespace nullcline::emulated {

const bool is_gpu = false;

void load_cublas(const std::string&) {}

int device_count() { return 1; }

std::string device_name(int) { return "emulated GPU"; }

std::pair<int, int> compute_capability(int) { return {0, 0}; }

int device_of(const void*) { return 0; }

void* allocate(int, std::size_t bytes) {
    void* const data = std::malloc(bytes + 1);
    if (data == nullptr) {
        throw std::bad_alloc();
    }
    return data;
}

void release(int, void* data) { std::free(data); }

void copy_to_host(int, void* to, const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
}

template <class T>
gpu::Labels search(const gpu::Problem<T>& problem) {
    Device device;
    return gpu::search(device, problem);
}

template gpu::Labels search(const gpu::Problem<double>&);
template gpu::Labels search(const gpu::Problem<float>&);

}  // namespace nullcline::emulated
