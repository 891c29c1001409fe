// The few routines of cuBLAS that we call, out of a library that is loaded at run time.
//
// It is not linked, so that the module loads where there is no cuBLAS and can say so, shares the
// copy of half a gigabyte that PyTorch has loaded already, and is built without its headers. The
// routines below have had these signatures since cuBLAS 7.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace nullcline::cuda {

struct CublasContext;
using CublasHandle = CublasContext*;

enum class CublasOperation : int { plain = 0, transposed = 1 };

/// The routines in one precision.
template <class T>
struct CublasRoutines {
    using Op = CublasOperation;

    int (*gemm)(CublasHandle, Op, Op, int m, int n, int k, const T* alpha, const T* a, int lda,
                const T* b, int ldb, const T* beta, T* c, int ldc) = nullptr;
    int (*gemm_batched)(CublasHandle, Op, Op, int m, int n, int k, const T* alpha,
                        const T* const* a, int lda, const T* const* b, int ldb, const T* beta,
                        T* const* c, int ldc, int count) = nullptr;
    int (*getrf_batched)(CublasHandle, int n, T* const* a, int lda, int* pivots, int* info,
                         int count) = nullptr;
    int (*getrs_batched)(CublasHandle, Op, int n, int n_right, const T* const* a, int lda,
                         const int* pivots, T* const* b, int ldb, int* host_info,
                         int count) = nullptr;
};

struct Cublas {
    int (*create)(CublasHandle*) = nullptr;
    int (*destroy)(CublasHandle) = nullptr;
    int (*set_stream)(CublasHandle, cudaStream_t) = nullptr;
    const char* (*status_string)(int) = nullptr;
    CublasRoutines<double> doubles;
    CublasRoutines<float> floats;

    template <class T>
    [[nodiscard]] const CublasRoutines<T>& routines() const {
        if constexpr (sizeof(T) == sizeof(double)) {
            return doubles;
        } else {
            return floats;
        }
    }
};

/// Load the library of this path, or of this name where the system's loader finds it. Throws
/// `std::runtime_error` with the loader's reason.
void load_cublas(const std::string& path);

/// The routines; throws `std::runtime_error` before `load_cublas`.
[[nodiscard]] const Cublas& cublas();

/// Throw if a call of cuBLAS failed.
void check_cublas(int status, const char* doing);

}  // namespace nullcline::cuda
