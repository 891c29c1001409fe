// Packed products beside those of plain loops.
#include "nullcline/numerics/packed_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

#include "nullcline/numerics/tile_weights.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr BusyBlocks all_busy{true, true, true, true, true, true, true, true};

TEST("a packed product is that of plain loops, also by the first columns of a wider matrix") {
    Random random(61);
    for (const std::size_t cols : {1U, 15U, 16U, 17U, 50U}) {
        const std::size_t depth = 33;
        const Matrix<float> a = random.matrix<float>(tile_rows, depth + 3);
        const Matrix<float> b = random.matrix<float>(depth, cols);
        Matrix<float> c(tile_rows, cols);
        multiply(a.view(), PackedMatrix::of(b.view()), c.view(), all_busy);
        for (std::size_t i = 0; i < tile_rows; ++i) {
            for (std::size_t j = 0; j < cols; ++j) {
                double sum = 0;
                for (std::size_t k = 0; k < depth; ++k) {
                    sum += static_cast<double>(a.view()(i, k)) * b.view()(k, j);
                }
                CHECK_CLOSE(c.view()(i, j), sum, 1e-5);
            }
        }
    }
}

TEST("a row of a packed product does not depend on its place in the tile, nor on the other rows") {
    Random random(62);
    const std::size_t depth = 100;
    const std::size_t cols = 37;
    const auto state = random.vector<float>(depth);
    const Matrix<float> b = random.matrix<float>(depth, cols);
    const PackedMatrix packed = PackedMatrix::of(b.view());
    Matrix<float> first;
    for (std::size_t place = 0; place < tile_rows; ++place) {
        Matrix<float> a = random.matrix<float>(tile_rows, depth);
        std::ranges::copy(state, a.row(place).begin());
        Matrix<float> c(tile_rows, cols);
        multiply(std::as_const(a).view(), packed, c.view(), all_busy);
        if (place == 0) {
            first = c;
        }
        CHECK(std::ranges::equal(c.row(place), first.row(0)));
    }
}

TEST("a tile's product with a matrix and with its transpose are W v and W'u") {
    Random random(63);
    const std::size_t n = 20;
    const std::size_t m = 13;
    const Matrix<double> w = random.matrix<double>(m, n);
    const TileMatrix packed(w.view());
    const Matrix<float> v = random.matrix<float>(tile_rows, n);
    const Matrix<float> u = random.matrix<float>(tile_rows, m);
    Matrix<float> forward(tile_rows, m);
    Matrix<float> backward(tile_rows, n);
    packed.forward(v.view(), forward.view(), all_busy);
    packed.backward(u.view(), backward.view(), all_busy);
    for (std::size_t row = 0; row < tile_rows; ++row) {
        for (std::size_t i = 0; i < m; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < n; ++j) {
                sum += w.view()(i, j) * static_cast<double>(v.view()(row, j));
            }
            CHECK_CLOSE(forward.view()(row, i), sum, 1e-5);
        }
        for (std::size_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::size_t i = 0; i < m; ++i) {
                sum += w.view()(i, j) * static_cast<double>(u.view()(row, i));
            }
            CHECK_CLOSE(backward.view()(row, j), sum, 1e-5);
        }
    }
}

TEST("a packed product writes the busy blocks alone, and of a wider result the first columns") {
    Random random(64);
    const std::size_t depth = 10;
    const std::size_t cols = 18;
    const Matrix<float> a = random.matrix<float>(tile_rows, depth + 3);
    const Matrix<float> b = random.matrix<float>(depth, cols);
    Matrix<float> c(tile_rows, cols + 2);
    std::ranges::fill(c.elements(), 7.0F);
    const BusyBlocks busy{false, true, false, false, true, false, false, true};
    multiply(a.view(), PackedMatrix::of(b.view()), c.view(), busy);
    for (std::size_t i = 0; i < tile_rows; ++i) {
        const bool is_written = busy[i / tile_block];
        for (std::size_t j = 0; j < cols + 2; ++j) {
            CHECK((c.view()(i, j) == 7) == !(is_written && j < cols));
        }
    }
}

TEST("shapes that do not fit a packed product are refused") {
    const PackedMatrix b = PackedMatrix::of(MatrixView<const float>(Matrix<float>(5, 4).view()));
    const Matrix<float> a(tile_rows, 5);
    const Matrix<float> narrow(tile_rows, 4);
    const Matrix<float> low(tile_rows - 1, 5);
    Matrix<float> c(tile_rows, 4);
    Matrix<float> c_narrow(tile_rows, 3);
    multiply(a.view(), b, c.view(), all_busy);
    CHECK_THROWS(multiply(narrow.view(), b, c.view(), all_busy), std::invalid_argument);
    CHECK_THROWS(multiply(low.view(), b, c.view(), all_busy), std::invalid_argument);
    CHECK_THROWS(multiply(a.view(), b, c_narrow.view(), all_busy), std::invalid_argument);
}

}  // namespace
}  // namespace nullcline
