// Where cuBLAS's headers are, the signatures that we call are checked against them; elsewhere this
// file is empty.
#if __has_include(<cublas_v2.h>)
#include <cublas_v2.h>

#include <type_traits>

#include "cublas.hpp"

namespace nullcline::cuda {
namespace {

/// Whether a value is passed alike: handles and enumerations of ours stand for theirs.
template <class Ours, class Theirs>
constexpr bool passed_alike =
    std::is_same_v<Ours, Theirs> ||
    (std::is_same_v<Ours, CublasHandle> && std::is_same_v<Theirs, cublasHandle_t>) ||
    (std::is_same_v<Ours, CublasHandle*> && std::is_same_v<Theirs, cublasHandle_t*>) ||
    (std::is_same_v<Ours, CublasOperation> && std::is_same_v<Theirs, cublasOperation_t>) ||
    (std::is_same_v<Ours, int> && std::is_same_v<Theirs, cublasStatus_t>);

template <class R, class... A, class S, class... B>
consteval bool called_alike(R (*)(A...), S (*)(B...)) {
    return passed_alike<R, S> && (passed_alike<A, B> && ...);
}

constexpr Cublas ours;
static_assert(called_alike(ours.create, cublasCreate_v2));
static_assert(called_alike(ours.destroy, cublasDestroy_v2));
static_assert(called_alike(ours.set_stream, cublasSetStream_v2));
static_assert(called_alike(ours.status_string, cublasGetStatusString));
static_assert(called_alike(ours.doubles.gemm, cublasDgemm_v2));
static_assert(called_alike(ours.doubles.gemm_strided_batched, cublasDgemmStridedBatched));
static_assert(called_alike(ours.doubles.getrf_batched, cublasDgetrfBatched));
static_assert(called_alike(ours.doubles.getrs_batched, cublasDgetrsBatched));
static_assert(called_alike(ours.doubles.getri_batched, cublasDgetriBatched));
static_assert(called_alike(ours.floats.gemm, cublasSgemm_v2));
static_assert(called_alike(ours.floats.gemm_strided_batched, cublasSgemmStridedBatched));
static_assert(called_alike(ours.floats.getrf_batched, cublasSgetrfBatched));
static_assert(called_alike(ours.floats.getrs_batched, cublasSgetrsBatched));
static_assert(called_alike(ours.floats.getri_batched, cublasSgetriBatched));
static_assert(static_cast<int>(CublasOperation::plain) == CUBLAS_OP_N);
static_assert(static_cast<int>(CublasOperation::transposed) == CUBLAS_OP_T);

}  // namespace
}  // namespace nullcline::cuda
#endif
