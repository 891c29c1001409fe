// CUDA's runtime and driver, as far as cpp/cuda calls them (see device.hpp).
#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "block.hpp"
#include "device.hpp"

/// The work that is to be done, in order.
struct CudaStream {
    int device = 0;
    std::deque<std::function<void()>> work;
};

struct CudaEvent {
    int device = 0;
    cudaStream_t stream = nullptr;
};

struct CudaPool {
    int device = 0;
    std::size_t used = 0;
};

/// A driver's context.
struct CudaContext {
    int device = 0;
};

namespace nullcline::cuda_on_cpu {
namespace {

struct Allocation {
    std::size_t bytes = 0;
    int device = 0;
    cudaMemPool_t pool = nullptr;
};

std::mutex mutex;
std::map<std::uintptr_t, Allocation> allocations;
std::size_t total_bytes = std::size_t{1} << 30U;
std::array<std::atomic<bool>, n_devices> contexts_made{};
std::array<CudaContext, n_devices> primary_contexts{{{0}, {1}}};

thread_local std::vector<CudaContext*> context_stack;
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t fail(cudaError_t error) {
    last_error = error;
    return error;
}

/// The current device, with a context.
int device_in_use() {
    const int device = current_device();
    contexts_made[static_cast<std::size_t>(device)] = true;
    return device;
}

/// What cannot be reported: a program that does it is wrong, and there is nobody to tell.
void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "CUDA on a CPU: %s\n", what);
        std::abort();
    }
}

std::size_t bytes_on(int device) {
    std::size_t bytes = 0;
    for (const auto& [address, allocation] : allocations) {
        bytes += allocation.device == device ? allocation.bytes : 0;
    }
    return bytes;
}

/// Allocated one by one, so that a sanitizer sees where each ends.
cudaError_t allocate(void** data, std::size_t bytes, int device, cudaMemPool_t pool) {
    const std::lock_guard lock(mutex);
    if (bytes_on(device) + bytes > total_bytes) {
        return fail(cudaErrorMemoryAllocation);
    }
    *data = std::malloc(bytes);
    require(*data != nullptr, "the host is out of memory");
    std::memset(*data, 0xff, bytes);  // NaN
    allocations[reinterpret_cast<std::uintptr_t>(*data)] = {bytes, device, pool};
    if (pool != nullptr) {
        pool->used += bytes;
    }
    return cudaSuccess;
}

void release(void* data) {
    const std::lock_guard lock(mutex);
    const auto found = allocations.find(reinterpret_cast<std::uintptr_t>(data));
    require(found != allocations.end(), "memory is freed that is not allocated");
    if (found->second.pool != nullptr) {
        found->second.pool->used -= found->second.bytes;
    }
    allocations.erase(found);
    std::free(data);
}

void drain(CudaStream& stream) {
    while (!stream.work.empty()) {
        const auto next = std::move(stream.work.front());
        stream.work.pop_front();
        next();
    }
}

/// Handles 0 to 2 are those of the current device's default streams.
CudaStream& stream_of(cudaStream_t stream) {
    constexpr std::size_t n_defaults = 3;
    static std::array<CudaStream, n_devices * n_defaults> defaults;
    const auto number = reinterpret_cast<std::uintptr_t>(stream);
    if (number >= n_defaults) {
        return *stream;
    }
    const int device = current_device();
    CudaStream& own = defaults[static_cast<std::size_t>(device) * n_defaults + number];
    own.device = device;
    return own;
}

}  // namespace

bool has_context(int device) { return contexts_made[static_cast<std::size_t>(device)]; }

int current_device() { return context_stack.empty() ? 0 : context_stack.back()->device; }

std::size_t bytes_in_use() {
    const std::lock_guard lock(mutex);
    std::size_t bytes = 0;
    for (int device = 0; device < n_devices; ++device) {
        bytes += bytes_on(device);
    }
    return bytes;
}

void set_memory(std::size_t bytes) {
    const std::lock_guard lock(mutex);
    total_bytes = bytes;
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
    CudaStream& queue = stream_of(stream);
    if (queue.device != device_in_use()) {
        return fail(cudaErrorInvalidResourceHandle);
    }
    queue.work.push_back(std::move(work));
    return cudaSuccess;
}

}  // namespace nullcline::cuda_on_cpu

using namespace nullcline::cuda_on_cpu;

extern "C" {

// The driver.

int cuInit(unsigned) { return cudaSuccess; }

int cuDevicePrimaryCtxRetain(CudaContext** context, int device) {
    if (device < 0 || device >= n_devices) {
        return cudaErrorInvalidDevice;
    }
    contexts_made[static_cast<std::size_t>(device)] = true;
    *context = &primary_contexts[static_cast<std::size_t>(device)];
    return cudaSuccess;
}

int cuCtxPushCurrent_v2(CudaContext* context) {
    context_stack.push_back(context);
    return cudaSuccess;
}

int cuCtxPopCurrent_v2(CudaContext** context) {
    require(!context_stack.empty(), "a context is popped that nobody has pushed");
    *context = context_stack.back();
    context_stack.pop_back();
    return cudaSuccess;
}

// Devices.

const char* cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "an error";
}

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

cudaError_t cudaGetDeviceCount(int* count) {
    *count = n_devices;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    std::snprintf(properties->name, sizeof properties->name, "CPU %d", device);
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    *value = attribute == cudaDevAttrComputeCapabilityMajor ? 8 : 0;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
    const auto number = reinterpret_cast<std::uintptr_t>(address);
    const std::lock_guard lock(mutex);
    auto found = allocations.upper_bound(number);
    *attributes = {cudaMemoryTypeUnregistered, -1};
    if (found != allocations.begin() &&
        number < (--found)->first + std::max<std::size_t>(1, found->second.bytes)) {
        *attributes = {cudaMemoryTypeDevice, found->second.device};
    }
    return cudaSuccess;
}

// Streams and events.

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new CudaStream{device_in_use(), {}};
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    drain(*stream);
    delete stream;
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    drain(stream_of(stream));
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    CudaStream* const awaited = event->stream;
    return enqueue(stream, [=] { drain(stream_of(awaited)); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
    *event = new CudaEvent{device_in_use(), nullptr};
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    if (event->device != stream_of(stream).device) {
        return fail(cudaErrorInvalidResourceHandle);
    }
    event->stream = stream;
    return enqueue(stream, [] {});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    drain(stream_of(event->stream));
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
    *milliseconds = 1;
    return cudaSuccess;
}

// Memory.

cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps* properties) {
    if (properties->location.id != device_in_use()) {
        return fail(cudaErrorInvalidDevice);
    }
    *pool = new CudaPool{properties->location.id, 0};
    return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
    require(pool->used == 0, "a pool is destroyed while its memory is in use");
    delete pool;
    return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr, void* value) {
    const std::lock_guard lock(mutex);
    const std::uint64_t used = pool->used;
    std::memcpy(value, &used, sizeof used);
    return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) { return cudaSuccess; }

cudaError_t cudaMallocFromPoolAsync(void** data, std::size_t bytes, cudaMemPool_t pool,
                                    cudaStream_t stream) {
    if (pool->device != stream_of(stream).device) {
        return fail(cudaErrorInvalidResourceHandle);
    }
    return allocate(data, bytes, pool->device, pool);
}

cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
    return enqueue(stream, [=] { release(data); });
}

cudaError_t cudaMalloc(void** data, std::size_t bytes) {
    return allocate(data, bytes, device_in_use(), nullptr);
}

cudaError_t cudaFree(void* data) {
    static_cast<void>(device_in_use());
    if (data != nullptr) {
        release(data);
    }
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    const int device = device_in_use();
    const std::lock_guard lock(mutex);
    *total = total_bytes;
    *free = total_bytes - bytes_on(device);
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind) {
    static_cast<void>(device_in_use());
    std::memcpy(to, from, bytes);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
    return enqueue(stream, [=] { std::memcpy(to, from, bytes); });
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
    return enqueue(stream, [=] { std::memset(data, value, bytes); });
}

}  // extern "C"
