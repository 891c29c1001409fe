#include "context.hpp"

#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "errors.hpp"

namespace nullcline::cuda {
namespace {

/// What an idle context may keep of the device's memory.
constexpr std::size_t kept_bytes = std::size_t{256} * 1024 * 1024;

struct IdleContexts {
    std::mutex mutex;
    std::vector<std::unique_ptr<Context>> contexts;
};

/// Never destroyed: when the process ends the driver may be gone first.
IdleContexts& idle() {
    static auto* const contexts = new IdleContexts;
    return *contexts;
}

std::unique_ptr<Context> take(int device) {
    const std::lock_guard lock(idle().mutex);
    auto& contexts = idle().contexts;
    for (auto it = contexts.begin(); it != contexts.end(); ++it) {
        if ((*it)->device() == device) {
            auto context = std::move(*it);
            contexts.erase(it);
            return context;
        }
    }
    return nullptr;
}

}  // namespace

Context::Context(int device) : device_(device) {
    try {
        check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
        cudaMemPoolProps properties{};
        properties.allocType = cudaMemAllocationTypePinned;
        properties.location.type = cudaMemLocationTypeDevice;
        properties.location.id = device;
        check(cudaMemPoolCreate(&pool_, &properties), "make a pool of memory");
        std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
        check(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &all),
              "set up a pool of memory");
        check_cublas(cublas().create(&blas_), "make a handle");
        check_cublas(cublas().set_stream(blas_, stream_), "use a stream");
    } catch (...) {
        this->~Context();
        throw;
    }
}

Context::~Context() {
    if (stream_ != nullptr) {
        static_cast<void>(cudaStreamSynchronize(stream_));
    }
    if (blas_ != nullptr) {
        static_cast<void>(cublas().destroy(blas_));
    }
    if (pool_ != nullptr) {
        static_cast<void>(cudaMemPoolDestroy(pool_));
    }
    if (stream_ != nullptr) {
        static_cast<void>(cudaStreamDestroy(stream_));
    }
    static_cast<void>(cudaGetLastError());
}

Lease::Lease(int device) : n_exceptions_(std::uncaught_exceptions()), context_(take(device)) {
    if (!context_) {
        context_ = std::make_unique<Context>(device);
    }
}

Lease::~Lease() {
    if (std::uncaught_exceptions() > n_exceptions_) {
        return;  // the context goes, once its stream has ended what it was told
    }
    static_cast<void>(cudaMemPoolTrimTo(context_->pool(), kept_bytes));
    const std::lock_guard lock(idle().mutex);
    idle().contexts.push_back(std::move(context_));
}

}  // namespace nullcline::cuda
