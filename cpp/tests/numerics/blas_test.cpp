// Row-major products over routines that are Fortran's: what is transposed where.
#include "nullcline/numerics/blas.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/claims.hpp"
#include "support/random.hpp"
#include "support/reference_blas.hpp"

namespace nullcline {
namespace {

using tests::Random;
using tests::use_reference_blas;

constexpr double tolerance = 1e-12;

/// aᵀ a + I, in full.
Matrix<double> positive_definite(Random& random, std::size_t n) {
    const Matrix<double> a = random.matrix<double>(n, n);
    Matrix<double> out(n, n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            out.view()(i, j) = i == j ? 1 : 0;
            for (std::size_t k = 0; k < n; ++k) {
                out.view()(i, j) += a.view()(k, i) * a.view()(k, j);
            }
        }
    }
    return out;
}

std::vector<double> product(MatrixView<const double> a, std::span<const double> x) {
    std::vector<double> y(a.rows());
    for (std::size_t i = 0; i < a.rows(); ++i) {
        for (std::size_t j = 0; j < a.cols(); ++j) {
            y[i] += a(i, j) * x[j];
        }
    }
    return y;
}

void check_all_close(std::span<const double> actual, std::span<const double> expected) {
    CHECK(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
        CHECK_CLOSE(actual[i], expected[i], tolerance);
    }
}

TEST("matrix products are those of plain loops, also of some columns of a wider matrix") {
    use_reference_blas<double>();
    Random random(11);
    const Matrix<double> wide = random.matrix<double>(4, 9);
    const MatrixView<const double> a = wide.view().columns(2, 3);
    const Matrix<double> b = random.matrix<double>(3, 5);
    const Matrix<double> b_turned = random.matrix<double>(5, 3);
    Matrix<double> out(4, 8);
    blas::multiply(a, b.view(), out.view().columns(1, 5));
    Matrix<double> out_of_turned(4, 8);
    blas::multiply_transposed(a, b_turned.view(), out_of_turned.view().columns(1, 5));
    Matrix<double> a_turned(3, 4);
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
            a_turned.view()(k, i) = a(i, k);
        }
    }
    Matrix<double> out_by_turned(4, 8);
    blas::multiply_by_transpose(std::as_const(a_turned).view(), b.view(),
                                out_by_turned.view().columns(1, 5));
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 5; ++j) {
            double sum = 0;
            double sum_of_turned = 0;
            for (std::size_t k = 0; k < 3; ++k) {
                sum += a(i, k) * b.view()(k, j);
                sum_of_turned += a(i, k) * b_turned.view()(j, k);
            }
            CHECK_CLOSE(out.view()(i, j + 1), sum, tolerance);
            CHECK_CLOSE(out_of_turned.view()(i, j + 1), sum_of_turned, tolerance);
            CHECK_CLOSE(out_by_turned.view()(i, j + 1), sum, tolerance);
        }
        CHECK(out.view()(i, 0) == 0 && out.view()(i, 6) == 0 && out.view()(i, 7) == 0);
    }
}

TEST("products of a matrix and of its transpose with a vector are those of plain loops") {
    use_reference_blas<double>();
    Random random(12);
    const Matrix<double> a = random.matrix<double>(4, 7);
    Matrix<double> turned(7, 4);
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 7; ++j) {
            turned.view()(j, i) = a.view()(i, j);
        }
    }
    const auto x = random.vector<double>(7);
    const auto u = random.vector<double>(4);
    std::vector<double> y(4);
    std::vector<double> w(7);
    blas::multiply_vector(a.view(), std::span<const double>(x), std::span<double>(y));
    blas::multiply_vector_by_transpose(a.view(), std::span<const double>(u), std::span<double>(w));
    check_all_close(y, product(a.view(), x));
    check_all_close(w, product(std::as_const(turned).view(), u));
}

TEST("a Gram matrix is a transposed a in the upper triangle, and nothing else is written") {
    use_reference_blas<double>();
    Random random(13);
    const Matrix<double> a = random.matrix<double>(6, 4);
    Matrix<double> gram(4, 4);
    blas::gram(a.view(), gram.view());
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 4; ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < 6; ++k) {
                sum += a.view()(k, i) * a.view()(k, j);
            }
            CHECK_CLOSE(gram.view()(i, j), j >= i ? sum : 0, tolerance);
        }
    }
}

TEST("Cholesky's factor solves for every row") {
    use_reference_blas<double>();
    Random random(14);
    const Matrix<double> a = positive_definite(random, 6);
    const Matrix<double> b = random.matrix<double>(3, 6);
    Matrix<double> factor = a;
    Matrix<double> x = b;
    CHECK(blas::cholesky(factor.view()));
    blas::cholesky_solve(std::as_const(factor).view(), x.view());
    for (std::size_t i = 0; i < 3; ++i) {
        check_all_close(product(a.view(), x.row(i)), b.row(i));
    }
}

TEST("Cholesky says that an indefinite matrix is not positive definite") {
    use_reference_blas<double>();
    Random random(15);
    Matrix<double> a = positive_definite(random, 6);
    a.view()(4, 4) = -1;
    CHECK(!blas::cholesky(a.view()));
}

TEST("LU's factors solve, and a matrix of less than full rank is said to be singular") {
    use_reference_blas<double>();
    Random random(16);
    const Matrix<double> a = random.matrix<double>(7, 7);
    const auto b = random.vector<double>(7);
    Matrix<double> factors = a;
    std::vector<int> pivots(7);
    std::vector<double> x = b;
    CHECK(blas::lu(factors.view(), std::span<int>(pivots)));
    blas::lu_solve(std::as_const(factors).view(), std::span<const int>(pivots),
                   std::span<double>(x));
    check_all_close(product(a.view(), x), b);

    Matrix<double> singular(3, 3);
    singular.view()(0, 0) = singular.view()(2, 1) = 1;
    CHECK(!blas::lu(singular.view(), std::span<int>(pivots).first(3)));
}

TEST("rows become the eigenvectors of a symmetric matrix, by rising eigenvalue") {
    use_reference_blas<double>();
    Random random(17);
    const std::size_t n = 8;
    const Matrix<double> a = positive_definite(random, n);
    Matrix<double> vectors = a;
    std::vector<double> eigenvalues(n);
    blas::symmetric_eigen(vectors.view(), std::span<double>(eigenvalues));
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(i == 0 || eigenvalues[i] >= eigenvalues[i - 1]);
        const std::vector<double> image = product(a.view(), vectors.row(i));
        double square = 0;
        for (std::size_t j = 0; j < n; ++j) {
            CHECK_CLOSE(image[j], eigenvalues[i] * vectors.view()(i, j), tolerance * 10);
            square += vectors.view()(i, j) * vectors.view()(i, j);
        }
        CHECK_CLOSE(square, 1.0, tolerance);
    }
}

TEST("a dimension beyond Fortran's integers is refused") {
    const std::size_t largest = std::numeric_limits<int>::max();
    CHECK(blas::to_int(largest) == std::numeric_limits<int>::max());
    CHECK_THROWS(blas::to_int(largest + 1), std::length_error);
}

}  // namespace
}  // namespace nullcline
