// The few products and factorizations that we need, for row-major matrices, over a BLAS and LAPACK
// that are handed to us as function pointers at run time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::blas {

/// Fortran's routines in one precision, as SciPy's Cython API declares them.
template <class T>
struct Routines {
    void (*gemm)(char*, char*, int*, int*, int*, T*, T*, int*, T*, int*, T*, T*, int*) = nullptr;
    void (*gemv)(char*, int*, int*, T*, T*, int*, T*, int*, T*, T*, int*) = nullptr;
    void (*syrk)(char*, char*, int*, int*, T*, T*, int*, T*, T*, int*) = nullptr;
    void (*getrf)(int*, int*, T*, int*, int*, int*) = nullptr;
    void (*getrs)(char*, int*, int*, T*, int*, int*, T*, int*, int*) = nullptr;
    void (*potrf)(char*, int*, T*, int*, int*) = nullptr;
    void (*potrs)(char*, int*, int*, T*, int*, T*, int*, int*) = nullptr;
    void (*syevd)(char*, char*, int*, T*, int*, T*, T*, int*, int*, int*, int*) = nullptr;
};

/// The routines in use; the bindings fill them in before the first call.
template <class T>
Routines<T>& routines() {
    static Routines<T> table;
    return table;
}

/// A dimension as Fortran's 32-bit integer; throws where it is too large.
inline int to_int(std::size_t n) {
    if (n > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        throw std::length_error("a matrix dimension is beyond what 32-bit BLAS can take");
    }
    return static_cast<int>(n);
}

// Fortran takes everything by non-const pointer, also what it only reads.
template <class T>
T* input(const T* data) {
    return const_cast<T*>(data);
}

// A row-major matrix is the transpose of the column-major one in the same memory, so each product
// below computes its transpose in Fortran.

/// c = a bᵀ, for a (m, k), b (n, k), c (m, n); only the first k columns of a wider a are read.
template <class T>
void multiply_transposed(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
    char transposed = 'T';
    char plain = 'N';
    int m = to_int(a.rows());
    int n = to_int(b.rows());
    int k = to_int(b.cols());
    int a_stride = to_int(a.stride());
    int b_stride = to_int(b.stride());
    int c_stride = to_int(c.stride());
    T one = 1;
    T zero = 0;
    routines<T>().gemm(&transposed, &plain, &n, &m, &k, &one, input(b.data()), &b_stride,
                       input(a.data()), &a_stride, &zero, c.data(), &c_stride);
}

/// c = a b, for a (m, k), b (k, n), c (m, n); only the first n columns of a wider c are written.
template <class T>
void multiply(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
    char plain = 'N';
    int m = to_int(a.rows());
    int n = to_int(b.cols());
    int k = to_int(a.cols());
    int a_stride = to_int(a.stride());
    int b_stride = to_int(b.stride());
    int c_stride = to_int(c.stride());
    T one = 1;
    T zero = 0;
    routines<T>().gemm(&plain, &plain, &n, &m, &k, &one, input(b.data()), &b_stride,
                       input(a.data()), &a_stride, &zero, c.data(), &c_stride);
}

/// c = aᵀ b, for a (k, m), b (k, n), c (m, n); only the first n columns of a wider c are written.
template <class T>
void multiply_by_transpose(MatrixView<const T> a, MatrixView<const T> b, MatrixView<T> c) {
    char transposed = 'T';
    char plain = 'N';
    int m = to_int(a.cols());
    int n = to_int(b.cols());
    int k = to_int(a.rows());
    int a_stride = to_int(a.stride());
    int b_stride = to_int(b.stride());
    int c_stride = to_int(c.stride());
    T one = 1;
    T zero = 0;
    routines<T>().gemm(&plain, &transposed, &n, &m, &k, &one, input(b.data()), &b_stride,
                       input(a.data()), &a_stride, &zero, c.data(), &c_stride);
}

/// y = a x.
template <class T>
void multiply_vector(MatrixView<const T> a, std::span<const T> x, std::span<T> y) {
    char transposed = 'T';
    int rows = to_int(a.rows());
    int cols = to_int(a.cols());
    int step = 1;
    T one = 1;
    T zero = 0;
    routines<T>().gemv(&transposed, &cols, &rows, &one, input(a.data()), &cols, input(x.data()),
                       &step, &zero, y.data(), &step);
}

/// y = aᵀ x.
template <class T>
void multiply_vector_by_transpose(MatrixView<const T> a, std::span<const T> x, std::span<T> y) {
    char plain = 'N';
    int rows = to_int(a.rows());
    int cols = to_int(a.cols());
    int step = 1;
    T one = 1;
    T zero = 0;
    routines<T>().gemv(&plain, &cols, &rows, &one, input(a.data()), &cols, input(x.data()), &step,
                       &zero, y.data(), &step);
}

// A symmetric matrix is stored as one triangle: the lower one to Fortran, the upper one to C.

/// c = aᵀ a; only j >= i of c(i, j) is written.
template <class T>
void gram(MatrixView<const T> a, MatrixView<T> c) {
    char lower = 'L';
    char plain = 'N';
    int n = to_int(a.cols());
    int k = to_int(a.rows());
    T one = 1;
    T zero = 0;
    routines<T>().syrk(&lower, &plain, &n, &k, &one, input(a.data()), &n, &zero, c.data(), &n);
}

/// Cholesky's factor of a symmetric matrix, in place; false where it is not positive definite.
template <class T>
[[nodiscard]] bool cholesky(MatrixView<T> a) {
    char lower = 'L';
    int n = to_int(a.rows());
    int info = 0;
    routines<T>().potrf(&lower, &n, a.data(), &n, &info);
    return info == 0;
}

/// Solve for every row of b, in place, with the factor that `cholesky` made.
template <class T>
void cholesky_solve(MatrixView<const T> factor, MatrixView<T> b) {
    char lower = 'L';
    int n = to_int(factor.rows());
    int count = to_int(b.rows());
    int info = 0;
    routines<T>().potrs(&lower, &n, &count, input(factor.data()), &n, b.data(), &n, &info);
}

/// LU factors in place; false where a pivot is exactly zero.
template <class T>
[[nodiscard]] bool lu(MatrixView<T> a, std::span<int> pivots) {
    int n = to_int(a.rows());
    int info = 0;
    routines<T>().getrf(&n, &n, a.data(), &n, pivots.data(), &info);
    return info == 0;
}

/// Solve a x = b in place, with the factors that `lu` made of a.
template <class T>
void lu_solve(MatrixView<const T> factors, std::span<const int> pivots, std::span<T> b) {
    char transposed = 'T';
    int n = to_int(factors.rows());
    int one = 1;
    int info = 0;
    routines<T>().getrs(&transposed, &n, &one, input(factors.data()), &n, input(pivots.data()),
                        b.data(), &n, &info);
}

/// Eigenvalues of a symmetric matrix, ascending; its rows become the eigenvectors.
template <class T>
void symmetric_eigen(MatrixView<T> a, std::span<T> eigenvalues) {
    char vectors = 'V';
    char lower = 'L';
    int n = to_int(a.rows());
    int stride = to_int(a.stride());
    int info = 0;
    int query = -1;
    T best_size = 0;
    int best_integer_size = 0;
    const auto call = [&](T* work, int* size, int* integers, int* integer_size) {
        routines<T>().syevd(&vectors, &lower, &n, a.data(), &stride, eigenvalues.data(), work, size,
                            integers, integer_size, &info);
    };
    call(&best_size, &query, &best_integer_size, &query);
    std::vector<T> work(static_cast<std::size_t>(best_size) + 1);
    std::vector<int> integers(static_cast<std::size_t>(std::max(best_integer_size, 1)));
    int size = to_int(work.size());
    int integer_size = to_int(integers.size());
    call(work.data(), &size, integers.data(), &integer_size);
    if (info != 0) {
        throw std::runtime_error("LAPACK's syevd did not converge");
    }
}

}  // namespace nullcline::blas
