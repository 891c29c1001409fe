// Contexts, created when no idle one is left.
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
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "make a stream");
    stream_.reset(stream);
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = device;
    cudaMemPool_t pool = nullptr;
    check(cudaMemPoolCreate(&pool, &properties), "make a pool of memory");
    pool_.reset(pool);
    std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all),
          "set up a pool of memory");
    CublasHandle blas = nullptr;
    check_cublas(cublas().create(&blas), "make a handle");
    blas_.reset(blas);
    check_cublas(cublas().set_stream(blas, stream), "use a stream");
}

Context::~Context() { static_cast<void>(cudaStreamSynchronize(stream_.get())); }

void Context::Destroy::operator()(cudaStream_t stream) const {
    static_cast<void>(cudaStreamDestroy(stream));
}

void Context::Destroy::operator()(cudaMemPool_t pool) const {
    static_cast<void>(cudaMemPoolDestroy(pool));
}

void Context::Destroy::operator()(CublasHandle blas) const {
    static_cast<void>(cublas().destroy(blas));
}

Lease::Lease(int device) : n_exceptions_(std::uncaught_exceptions()), context_(take(device)) {
    if (!context_) {
        context_ = std::make_unique<Context>(device);
    }
}

Lease::~Lease() {
    if (std::uncaught_exceptions() > n_exceptions_) {
        return;  // the context is destroyed, once its stream has finished
    }
    static_cast<void>(cudaMemPoolTrimTo(context_->pool(), kept_bytes));
    const std::lock_guard lock(idle().mutex);
    idle().contexts.push_back(std::move(context_));
}

}  // namespace nullcline::cuda
