// Products with panels, and flushed subnormals, beside plain loops.
#include "nullcline/numerics/panels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

#include "nullcline/numerics/flushed.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

template <class T>
void check_products(std::size_t rows, std::size_t depth, std::size_t cols, double tolerance) {
    Random random(rows + 7 * depth + 11 * cols);
    const Matrix<T> a = random.matrix<T>(rows, depth + 3);
    const Matrix<T> b = random.matrix<T>(depth, cols);
    const Matrix<T> before = random.matrix<T>(rows, cols + 2);
    Matrix<T> turned(depth, rows + 5);
    Matrix<T> b_turned(cols, depth);
    for (std::size_t k = 0; k < depth; ++k) {
        for (std::size_t i = 0; i < rows; ++i) {
            turned.view()(k, i) = a.view()(i, k);
        }
        for (std::size_t j = 0; j < cols; ++j) {
            b_turned.view()(j, k) = b.view()(k, j);
        }
    }
    Matrix<T> c = before;
    Matrix<T> d = before;
    add_product(a.view().columns(0, depth), Panels<T>::of(b.view()), c.view().columns(0, cols));
    add_transposed_product(std::as_const(turned).view().columns(0, rows),
                           Panels<T>::transpose_of(std::as_const(b_turned).view()),
                           d.view().columns(0, cols));
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < cols; ++j) {
            double sum = before.view()(i, j);
            for (std::size_t k = 0; k < depth; ++k) {
                sum += static_cast<double>(a.view()(i, k)) * static_cast<double>(b.view()(k, j));
            }
            CHECK_CLOSE(c.view()(i, j), sum, tolerance);
        }
        CHECK(std::ranges::equal(c.row(i), d.row(i)));
        CHECK(c.view()(i, cols) == before.view()(i, cols));
    }
}

TEST("a product with panels is added to what was there, for all shapes and of either side") {
    for (const std::size_t rows : {1U, 2U, 11U, 12U, 13U, 25U}) {
        for (const std::size_t cols : {1U, 15U, 16U, 17U, 32U, 70U}) {
            check_products<float>(rows, 33, cols, 1e-5);
            check_products<double>(rows, 5, cols, 1e-14);
        }
    }
    check_products<float>(7, 700, 40, 1e-4);
    check_products<double>(7, 700, 20, 1e-12);
}

TEST("an element of a product does not depend on its row, nor on how many rows there are") {
    Random random(71);
    const Matrix<float> b = random.matrix<float>(300, 37);
    const auto panels = Panels<float>::of(b.view());
    const Matrix<float> a = random.matrix<float>(30, 300);
    Matrix<float> all(30, 37);
    add_product(a.view(), panels, all.view());
    for (std::size_t first = 0; first < 30; ++first) {
        for (std::size_t count = 1; first + count <= 30; ++count) {
            Matrix<float> some(count, 37);
            add_product(a.view().middle_rows(first, count), panels, some.view());
            for (std::size_t i = 0; i < count; ++i) {
                CHECK(std::ranges::equal(some.row(i), all.row(first + i)));
            }
        }
    }
}

TEST("panels take another matrix, larger or smaller, and nothing of the one before is left") {
    Random random(72);
    Panels<double> panels = Panels<double>::of(random.matrix<double>(9, 20).view());
    for (const std::size_t depth : {4U, 12U}) {
        const Matrix<double> b = random.matrix<double>(depth, 18);
        const Matrix<double> a = random.matrix<double>(3, depth);
        panels.lay(b.view());
        Matrix<double> c(3, 18);
        Matrix<double> expected(3, 18);
        add_product(a.view(), panels, c.view());
        add_product(a.view(), Panels<double>::of(b.view()), expected.view());
        CHECK(std::ranges::equal(c.elements(), expected.elements()));
    }
}

TEST("shapes that do not fit a product with panels are refused") {
    const auto b = Panels<float>::of(MatrixView<const float>(Matrix<float>(5, 4).view()));
    const Matrix<float> a(3, 5);
    const Matrix<float> narrow(3, 4);
    Matrix<float> c(3, 4);
    Matrix<float> wide(3, 5);
    add_product(a.view(), b, c.view());
    CHECK_THROWS(add_product(narrow.view(), b, c.view()), std::invalid_argument);
    CHECK_THROWS(add_product(a.view(), b, wide.view()), std::invalid_argument);
    CHECK_THROWS(add_transposed_product(a.view(), b, c.view()), std::invalid_argument);
}

#if defined(__SSE2__)
TEST("subnormal numbers are zeros while they are flushed, and themselves again after") {
    volatile float smallest = std::numeric_limits<float>::min();
    {
        const FlushedSubnormals flushed;
        CHECK(smallest * 0.5F == 0.0F);
    }
    CHECK(smallest * 0.5F > 0.0F);
}
#endif

}  // namespace
}  // namespace nullcline
