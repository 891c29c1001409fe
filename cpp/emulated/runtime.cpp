// The emulated GPU as a runtime.
#include "nullcline/gpu/runtime.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

#include "device.hpp"
#include "nullcline/gpu/backend.hpp"
#include "nullcline/gpu/measure.hpp"
#include "nullcline/gpu/rows.hpp"

namespace nullcline::emulated {

static_assert(SearchBackend<gpu::Backend<Device, double>>);
static_assert(SearchBackend<gpu::Backend<Device, float>>);

const bool is_gpu = false;

/// Nothing, so that tests see what a device does for large networks alone.
const double launch_seconds = 0;

void load_cublas(const std::string&) {}

int device_count() { return 1; }

std::string device_name(int) { return "emulated GPU"; }

std::pair<int, int> compute_capability(int) { return {0, 0}; }

std::pair<int, int> least_compute_capability() { return {0, 0}; }

int device_of(const void*) { return 0; }

void* allocate(int, std::size_t bytes) {
    void* const data = std::malloc(bytes + 1);
    if (data == nullptr) {
        throw std::bad_alloc();
    }
    return data;
}

void release(int, void* data) noexcept { std::free(data); }

void copy_to_host(int, void* to, const void* from, std::size_t bytes) {
    std::memcpy(to, from, bytes);
}

template <class T>
gpu::Labels search(const gpu::Problem<T>& problem) {
    Device device;
    return gpu::search(device, problem);
}

template <class T>
void copy(const gpu::Source& from, T* to, int, const std::vector<std::uintptr_t>&) {
    Device device;
    gpu::copy_rows(device, from, 0, MatrixView<T>(to, from.rows, from.cols));
}

template <class T>
gpu::Rates measure(const Cell<T>& cell, std::size_t n_states, std::size_t square, int) {
    Device device;
    return gpu::measure(device, cell, n_states, square);
}

template void copy(const gpu::Source&, double*, int, const std::vector<std::uintptr_t>&);
template void copy(const gpu::Source&, float*, int, const std::vector<std::uintptr_t>&);
template gpu::Rates measure(const Cell<double>&, std::size_t, std::size_t, int);
template gpu::Rates measure(const Cell<float>&, std::size_t, std::size_t, int);
template gpu::Labels search(const gpu::Problem<double>&);
template gpu::Labels search(const gpu::Problem<float>&);

}  // namespace nullcline::emulated
