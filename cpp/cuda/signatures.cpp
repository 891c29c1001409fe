// The signatures that we call libraries by, which are loaded at run time, are checked against the
// libraries' headers where those are; elsewhere this file is empty.
#include <type_traits>

#include "cublas.hpp"
#include "driver.hpp"
#if __has_include(<cublas_v2.h>)
#include <cublas_v2.h>
#define NULLCLINE_HAS_CUBLAS
#endif
#if __has_include(<cuda.h>)
#include <cuda.h>
#define NULLCLINE_HAS_DRIVER
#endif

namespace nullcline::cuda {
namespace {

/// Whether a value is passed alike: handles and enumerations of ours stand for theirs.
template <class Ours, class Theirs>
constexpr bool passed_alike = std::is_same_v<Ours, Theirs>;

template <class R, class... A, class S, class... B>
[[maybe_unused]] consteval bool called_alike(R (*)(A...), S (*)(B...)) {
    return passed_alike<R, S> && (passed_alike<A, B> && ...);
}

#ifdef NULLCLINE_HAS_CUBLAS
template <>
constexpr bool passed_alike<CublasHandle, cublasHandle_t> = true;
template <>
constexpr bool passed_alike<CublasHandle*, cublasHandle_t*> = true;
template <>
constexpr bool passed_alike<CublasOperation, cublasOperation_t> = true;
template <>
constexpr bool passed_alike<int, cublasStatus_t> = true;

constexpr Cublas blas;
static_assert(called_alike(blas.create, cublasCreate_v2));
static_assert(called_alike(blas.destroy, cublasDestroy_v2));
static_assert(called_alike(blas.set_stream, cublasSetStream_v2));
static_assert(called_alike(blas.status_string, cublasGetStatusString));
static_assert(called_alike(blas.doubles.gemm, cublasDgemm_v2));
static_assert(called_alike(blas.doubles.gemm_batched, cublasDgemmBatched));
static_assert(called_alike(blas.doubles.getrf_batched, cublasDgetrfBatched));
static_assert(called_alike(blas.doubles.getrs_batched, cublasDgetrsBatched));
static_assert(called_alike(blas.floats.gemm, cublasSgemm_v2));
static_assert(called_alike(blas.floats.gemm_batched, cublasSgemmBatched));
static_assert(called_alike(blas.floats.getrf_batched, cublasSgetrfBatched));
static_assert(called_alike(blas.floats.getrs_batched, cublasSgetrsBatched));
static_assert(static_cast<int>(CublasOperation::plain) == CUBLAS_OP_N);
static_assert(static_cast<int>(CublasOperation::transposed) == CUBLAS_OP_T);
#endif

#ifdef NULLCLINE_HAS_DRIVER
template <>
constexpr bool passed_alike<DriverContext*, CUcontext> = true;
template <>
constexpr bool passed_alike<DriverContext**, CUcontext*> = true;
template <>
constexpr bool passed_alike<int, CUresult> = true;

constexpr Driver driver;
static_assert(called_alike(driver.init, cuInit));
static_assert(called_alike(driver.primary_context, cuDevicePrimaryCtxRetain));
static_assert(called_alike(driver.push, cuCtxPushCurrent));
static_assert(called_alike(driver.pop, cuCtxPopCurrent));
#endif

}  // namespace
}  // namespace nullcline::cuda
