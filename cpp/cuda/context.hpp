// The resources of a search that are expensive to create: a stream, a handle of cuBLAS, a pool of
// memory. They are created once and reused.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>
#include <type_traits>

#include "cublas.hpp"

namespace nullcline::cuda {

/// The resources of one device, which must be the current one whenever it is used.
class Context {
  public:
    explicit Context(int device);
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context();

    [[nodiscard]] int device() const { return device_; }
    [[nodiscard]] cudaStream_t stream() const { return stream_.get(); }
    [[nodiscard]] CublasHandle blas() const { return blas_.get(); }
    [[nodiscard]] cudaMemPool_t pool() const { return pool_.get(); }

  private:
    struct Destroy {
        void operator()(cudaStream_t stream) const;
        void operator()(cudaMemPool_t pool) const;
        void operator()(CublasHandle blas) const;
    };
    template <class Handle>
    using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy>;

    int device_;
    Owned<cudaStream_t> stream_;
    Owned<cudaMemPool_t> pool_;
    Owned<CublasHandle> blas_;
};

/// A context for one search. It is given back afterwards, with what memory it has, for the next
/// search; after an exception it is not used again.
class Lease {
  public:
    explicit Lease(int device);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();

    [[nodiscard]] const Context& operator*() const { return *context_; }
    [[nodiscard]] const Context* operator->() const { return context_.get(); }

  private:
    int n_exceptions_;
    std::unique_ptr<Context> context_;
};

}  // namespace nullcline::cuda
