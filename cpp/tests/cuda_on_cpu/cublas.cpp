// cuBLAS on a CPU, by its reference: matrices are column-major, pivots count from one, batched
// routines take pointers that lie on the device, and all is done when the stream comes to it.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <utility>

#include "block.hpp"
#include "device.hpp"

struct CublasHandle {
    cudaStream_t stream = nullptr;
};

namespace nullcline::cuda_on_cpu {
namespace {

enum Operation { plain = 0, transposed = 1 };

std::atomic<std::size_t> n_factored = 0;

/// A wrong argument is a fault of the program, however it would be reported.
void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "cuBLAS on a CPU: wrong %s\n", what);
        std::abort();
    }
}

/// A matrix in column-major order, or its transpose.
template <class T>
struct Columns {
    T* data;
    std::ptrdiff_t stride;
    Operation operation = plain;

    T& operator()(int i, int j) const {
        return operation == plain ? data[i + j * stride] : data[j + i * stride];
    }
};

int submit(CublasHandle* handle, std::function<void()> work) {
    return enqueue(handle->stream, std::move(work)) == cudaSuccess ? 0 : 13;
}

template <class T>
struct Product {
    Operation of_a, of_b;
    int m, n, k;
    T alpha;
    const T* a;
    int a_stride;
    const T* b;
    int b_stride;
    T beta;
    T* c;
    int c_stride;

    void check() const {
        require(m >= 0 && n >= 0 && k >= 0, "size of a product");
        require(a_stride >= std::max(1, of_a == plain ? m : k), "leading dimension of a");
        require(b_stride >= std::max(1, of_b == plain ? k : n), "leading dimension of b");
        require(c_stride >= std::max(1, m), "leading dimension of c");
    }

    void operator()() const {
        const Columns<const T> left{a, a_stride, of_a};
        const Columns<const T> right{b, b_stride, of_b};
        const Columns<T> out{c, c_stride};
        for (int j = 0; j < n; ++j) {
            for (int i = 0; i < m; ++i) {
                T sum = 0;
                for (int l = 0; l < k; ++l) {
                    sum += left(i, l) * right(l, j);
                }
                out(i, j) = alpha * sum + (beta == 0 ? T{0} : beta * out(i, j));
            }
        }
    }
};

/// Factor in place, with partial pivoting; returns the place of the first pivot that is zero.
template <class T>
int factor(const Columns<T>& a, int n, int* pivots) {
    int info = 0;
    for (int k = 0; k < n; ++k) {
        int pivot = k;
        for (int i = k + 1; i < n; ++i) {
            pivot = std::abs(a(i, k)) > std::abs(a(pivot, k)) ? i : pivot;
        }
        pivots[k] = pivot + 1;
        if (a(pivot, k) == T{0}) {
            info = info == 0 ? k + 1 : info;
            continue;
        }
        for (int j = 0; pivot != k && j < n; ++j) {
            std::swap(a(k, j), a(pivot, j));
        }
        for (int i = k + 1; i < n; ++i) {
            a(i, k) /= a(k, k);
            for (int j = k + 1; j < n; ++j) {
                a(i, j) -= a(i, k) * a(k, j);
            }
        }
    }
    return info;
}

/// Solve P L U x = b, or its transpose, in place.
template <class T>
void solve(Operation operation, const Columns<const T>& a, int n, const int* pivots, T* x) {
    if (operation == plain) {
        for (int k = 0; k < n; ++k) {
            std::swap(x[k], x[pivots[k] - 1]);
        }
        for (int i = 0; i < n; ++i) {
            for (int j = 0; j < i; ++j) {
                x[i] -= a(i, j) * x[j];
            }
        }
        for (int i = n; i-- > 0;) {
            for (int j = i + 1; j < n; ++j) {
                x[i] -= a(i, j) * x[j];
            }
            x[i] /= a(i, i);
        }
        return;
    }
    for (int i = 0; i < n; ++i) {
        for (int j = 0; j < i; ++j) {
            x[i] -= a(j, i) * x[j];
        }
        x[i] /= a(i, i);
    }
    for (int i = n; i-- > 0;) {
        for (int j = i + 1; j < n; ++j) {
            x[i] -= a(j, i) * x[j];
        }
    }
    for (int k = n; k-- > 0;) {
        std::swap(x[k], x[pivots[k] - 1]);
    }
}

/// Products by pointers that lie on the device.
template <class T>
int gemm_batched(CublasHandle* handle, const Product<T>& alike, const T* const* a,
                 const T* const* b, T* const* c, int count) {
    alike.check();
    require(count > 0, "number of products");
    return submit(handle, [=] {
        for (int i = 0; i < count; ++i) {
            Product<T> product = alike;
            product.a = a[i];
            product.b = b[i];
            product.c = c[i];
            product();
        }
    });
}

template <class T>
int getrf_batched(CublasHandle* handle, int n, T* const* a, int stride, int* pivots, int* info,
                  int count) {
    require(stride >= std::max(1, n), "leading dimension");
    return submit(handle, [=] {
        for (int i = 0; i < count; ++i) {
            ++n_factored;
            info[i] = factor(Columns<T>{a[i], stride}, n, pivots + i * n);
        }
    });
}

template <class T>
int getrs_batched(CublasHandle* handle, Operation operation, int n, int n_right, const T* const* a,
                  int stride, const int* pivots, T* const* b, int b_stride, int* host_info,
                  int count) {
    require(stride >= std::max(1, n) && b_stride >= std::max(1, n), "leading dimension");
    *host_info = 0;
    return submit(handle, [=] {
        for (int i = 0; i < count; ++i) {
            for (int right = 0; right < n_right; ++right) {
                solve(operation, Columns<const T>{a[i], stride}, n, pivots + i * n,
                      b[i] + std::ptrdiff_t{right} * b_stride);
            }
        }
    });
}

}  // namespace

std::size_t n_factorizations() { return n_factored; }

}  // namespace nullcline::cuda_on_cpu

using namespace nullcline::cuda_on_cpu;

extern "C" {

int cublasCreate_v2(CublasHandle** handle) {
    *handle = new CublasHandle;
    return 0;
}
int cublasDestroy_v2(CublasHandle* handle) {
    delete handle;
    return 0;
}
int cublasSetStream_v2(CublasHandle* handle, cudaStream_t stream) {
    handle->stream = stream;
    return 0;
}
const char* cublasGetStatusString(int) { return "a status"; }

#define ROUTINES(P, T)                                                                             \
    int cublas##P##gemm_v2(CublasHandle* handle, Operation of_a, Operation of_b, int m, int n,     \
                           int k, const T* alpha, const T* a, int lda, const T* b, int ldb,        \
                           const T* beta, T* c, int ldc) {                                         \
        const Product<T> product{of_a, of_b, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc};      \
        product.check();                                                                           \
        return submit(handle, product);                                                            \
    }                                                                                              \
    int cublas##P##gemmBatched(CublasHandle* handle, Operation of_a, Operation of_b, int m, int n, \
                               int k, const T* alpha, const T* const* a, int lda,                  \
                               const T* const* b, int ldb, const T* beta, T* const* c, int ldc,    \
                               int count) {                                                        \
        const Product<T> alike{of_a, of_b,    m,   n,     k,       *alpha, nullptr,                \
                               lda,  nullptr, ldb, *beta, nullptr, ldc};                           \
        return gemm_batched(handle, alike, a, b, c, count);                                        \
    }                                                                                              \
    int cublas##P##getrfBatched(CublasHandle* handle, int n, T* const* a, int lda, int* pivots,    \
                                int* info, int count) {                                            \
        return getrf_batched(handle, n, a, lda, pivots, info, count);                              \
    }                                                                                              \
    int cublas##P##getrsBatched(CublasHandle* handle, Operation operation, int n, int n_right,     \
                                const T* const* a, int lda, const int* pivots, T* const* b,        \
                                int ldb, int* info, int count) {                                   \
        return getrs_batched(handle, operation, n, n_right, a, lda, pivots, b, ldb, info, count);  \
    }

ROUTINES(D, double)
ROUTINES(S, float)

}  // extern "C"
