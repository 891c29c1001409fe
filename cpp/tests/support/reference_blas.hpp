// Fortran's routines as plain loops, for tests of what is built on a BLAS: of each, what the core
// asks of it and no more.
#pragma once

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "nullcline/numerics/blas.hpp"

namespace nullcline::tests {

/// A column-major matrix, as Fortran sees it, or its transpose.
template <class T>
struct Columns {
    T* data;
    int stride;
    bool transposed = false;

    T& operator()(int i, int j) const {
        return transposed ? data[static_cast<std::ptrdiff_t>(i) * stride + j]
                          : data[static_cast<std::ptrdiff_t>(j) * stride + i];
    }
};

inline void expect(bool asked) {
    if (!asked) {
        throw std::logic_error("the reference BLAS has no such case");
    }
}

template <class T>
struct ReferenceBlas {
    static void gemm(char* transposed_a, char* transposed_b, int* m, int* n, int* k, T* alpha, T* a,
                     int* a_stride, T* b, int* b_stride, T* beta, T* c, int* c_stride) {
        expect(*beta == 0);
        const Columns<T> left{a, *a_stride, *transposed_a == 'T'};
        const Columns<T> right{b, *b_stride, *transposed_b == 'T'};
        const Columns<T> out{c, *c_stride};
        for (int i = 0; i < *m; ++i) {
            for (int j = 0; j < *n; ++j) {
                T sum = 0;
                for (int l = 0; l < *k; ++l) {
                    sum += left(i, l) * right(l, j);
                }
                out(i, j) = *alpha * sum;
            }
        }
    }

    static void gemv(char* transposed, int* m, int* n, T* alpha, T* a, int* a_stride, T* x,
                     int* x_step, T* beta, T* y, int* y_step) {
        expect(*beta == 0 && *x_step == 1 && *y_step == 1);
        const bool turned = *transposed == 'T';
        const Columns<T> matrix{a, *a_stride, turned};
        for (int i = 0; i < (turned ? *n : *m); ++i) {
            T sum = 0;
            for (int j = 0; j < (turned ? *m : *n); ++j) {
                sum += matrix(i, j) * x[j];
            }
            y[i] = *alpha * sum;
        }
    }

    static void syrk(char* triangle, char* transposed, int* n, int* k, T* alpha, T* a,
                     int* a_stride, T* beta, T* c, int* c_stride) {
        expect(*triangle == 'L' && *transposed == 'N' && *beta == 0);
        const Columns<T> matrix{a, *a_stride};
        const Columns<T> out{c, *c_stride};
        for (int j = 0; j < *n; ++j) {
            for (int i = j; i < *n; ++i) {
                T sum = 0;
                for (int l = 0; l < *k; ++l) {
                    sum += matrix(i, l) * matrix(j, l);
                }
                out(i, j) = *alpha * sum;
            }
        }
    }

    static void getrf(int* m, int* n, T* a, int* a_stride, int* pivots, int* info) {
        expect(*m == *n);
        const Columns<T> matrix{a, *a_stride};
        *info = 0;
        for (int k = 0; k < *n; ++k) {
            int pivot = k;
            for (int i = k + 1; i < *n; ++i) {
                pivot = std::abs(matrix(i, k)) > std::abs(matrix(pivot, k)) ? i : pivot;
            }
            pivots[k] = pivot + 1;  // Fortran counts from one
            if (matrix(pivot, k) == 0) {
                *info = k + 1;
                return;
            }
            for (int j = 0; j < *n; ++j) {
                std::swap(matrix(k, j), matrix(pivot, j));
            }
            for (int i = k + 1; i < *n; ++i) {
                matrix(i, k) /= matrix(k, k);
                for (int j = k + 1; j < *n; ++j) {
                    matrix(i, j) -= matrix(i, k) * matrix(k, j);
                }
            }
        }
    }

    /// (P L U)ᵀ x = b, so Uᵀ first.
    static void getrs(char* transposed, int* n, int* count, T* a, int* a_stride, int* pivots, T* b,
                      int*, int* info) {
        expect(*transposed == 'T' && *count == 1);
        const Columns<T> factors{a, *a_stride};
        for (int i = 0; i < *n; ++i) {
            for (int j = 0; j < i; ++j) {
                b[i] -= factors(j, i) * b[j];
            }
            b[i] /= factors(i, i);
        }
        for (int i = *n; i-- > 0;) {
            for (int j = i + 1; j < *n; ++j) {
                b[i] -= factors(j, i) * b[j];
            }
        }
        for (int k = *n; k-- > 0;) {
            std::swap(b[k], b[pivots[k] - 1]);
        }
        *info = 0;
    }

    static void potrf(char* triangle, int* n, T* a, int* a_stride, int* info) {
        expect(*triangle == 'L');
        const Columns<T> matrix{a, *a_stride};
        *info = 0;
        for (int j = 0; j < *n; ++j) {
            for (int k = 0; k < j; ++k) {
                matrix(j, j) -= matrix(j, k) * matrix(j, k);
            }
            if (!(matrix(j, j) > 0)) {
                *info = j + 1;
                return;
            }
            matrix(j, j) = std::sqrt(matrix(j, j));
            for (int i = j + 1; i < *n; ++i) {
                for (int k = 0; k < j; ++k) {
                    matrix(i, j) -= matrix(i, k) * matrix(j, k);
                }
                matrix(i, j) /= matrix(j, j);
            }
        }
    }

    static void potrs(char* triangle, int* n, int* count, T* a, int* a_stride, T* b, int* b_stride,
                      int* info) {
        expect(*triangle == 'L');
        const Columns<T> factor{a, *a_stride};
        const Columns<T> out{b, *b_stride};
        for (int column = 0; column < *count; ++column) {
            for (int i = 0; i < *n; ++i) {
                for (int j = 0; j < i; ++j) {
                    out(i, column) -= factor(i, j) * out(j, column);
                }
                out(i, column) /= factor(i, i);
            }
            for (int i = *n; i-- > 0;) {
                for (int j = i + 1; j < *n; ++j) {
                    out(i, column) -= factor(j, i) * out(j, column);
                }
                out(i, column) /= factor(i, i);
            }
        }
        *info = 0;
    }

    /// Jacobi's method, an entry at a time; of the matrix the lower triangle counts.
    static void syevd(char* vectors, char* triangle, int* n, T* a, int* a_stride, T* eigenvalues,
                      T* work, int* work_size, int* integers, int*, int* info) {
        expect(*vectors == 'V' && *triangle == 'L');
        const auto order = static_cast<std::size_t>(*n);
        *info = 0;
        if (*work_size == -1) {
            *work = 1;
            *integers = 1;
            return;
        }
        const Columns<T> matrix{a, *a_stride};
        Matrix<T> left_memory(order, order);
        Matrix<T> basis_memory(order, order);
        const Columns<T> left{left_memory.elements().data(), *n};
        const Columns<T> basis{basis_memory.elements().data(), *n};
        for (int i = 0; i < *n; ++i) {
            basis(i, i) = 1;
            for (int j = 0; j < *n; ++j) {
                left(i, j) = i > j ? matrix(i, j) : matrix(j, i);
            }
        }
        for (int sweep = 0; sweep < 30; ++sweep) {
            for (int p = 0; p < *n; ++p) {
                for (int q = p + 1; q < *n; ++q) {
                    const T angle = std::atan2(2 * left(p, q), left(q, q) - left(p, p)) / 2;
                    turn(left, *n, p, q, std::cos(angle), std::sin(angle));
                    turn({left.data, *n, true}, *n, p, q, std::cos(angle), std::sin(angle));
                    turn(basis, *n, p, q, std::cos(angle), std::sin(angle));
                }
            }
        }
        for (int i = 0; i < *n; ++i) {
            int place = 0;
            for (int j = 0; j < *n; ++j) {
                place += left(j, j) < left(i, i) || (left(j, j) == left(i, i) && j < i) ? 1 : 0;
            }
            eigenvalues[place] = left(i, i);
            for (int row = 0; row < *n; ++row) {
                matrix(row, place) = basis(row, i);
            }
        }
    }

  private:
    /// Turn two columns within their plane.
    static void turn(const Columns<T>& matrix, int n, int p, int q, T c, T s) {
        for (int row = 0; row < n; ++row) {
            const T before = matrix(row, p);
            matrix(row, p) = c * before - s * matrix(row, q);
            matrix(row, q) = s * before + c * matrix(row, q);
        }
    }
};

/// Make the core use them.
template <class T>
void use_reference_blas() {
    using R = ReferenceBlas<T>;
    blas::routines<T>() = {&R::gemm,  &R::gemv,  &R::syrk,  &R::getrf,
                           &R::getrs, &R::potrf, &R::potrs, &R::syevd};
}

}  // namespace nullcline::tests
