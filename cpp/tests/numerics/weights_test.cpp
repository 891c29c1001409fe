// Weights of low rank beside the matrix that they are the factors of.
#include "nullcline/numerics/weights.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/numerics/tile_weights.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"
#include "support/reference_blas.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr std::size_t n_rows = 21;
constexpr std::size_t n_cols = 17;
constexpr std::size_t rank = 3;

/// L, R and L Rᵀ.
struct Factors {
    explicit Factors(unsigned seed) : left(n_rows, rank), right(n_cols, rank) {
        Random random(seed);
        for (double& value : left.elements()) {
            value = random.uniform(-1, 1);
        }
        for (double& value : right.elements()) {
            value = random.uniform(-1, 1);
        }
    }
    [[nodiscard]] Weights<double> weights() const { return {left.view(), right.view()}; }
    [[nodiscard]] double product(std::size_t i, std::size_t j) const {
        double sum = 0;
        for (std::size_t r = 0; r < rank; ++r) {
            sum += left.view()(i, r) * right.view()(j, r);
        }
        return sum;
    }

    Matrix<double> left, right;
};

TEST("the products of factors are those of the matrix, for vectors and for rows of states") {
    tests::use_reference_blas<double>();
    const Factors factors(71);
    const Weights<double> weights = factors.weights();
    Random random(72);
    const std::vector<double> v = random.vector<double>(n_cols, -1, 1);
    const std::vector<double> u = random.vector<double>(n_rows, -1, 1);
    std::vector<double> forward(n_rows);
    std::vector<double> backward(n_cols);
    Matrix<double> forward_rows(1, n_rows);
    Matrix<double> backward_rows(1, n_cols);
    multiply_vector(weights, std::span<const double>(v), std::span(forward));
    multiply_vector_by_transpose(weights, std::span<const double>(u), std::span(backward));
    multiply_transposed(MatrixView<const double>(v.data(), 1, n_cols), weights,
                        forward_rows.view());
    multiply(MatrixView<const double>(u.data(), 1, n_rows), weights, backward_rows.view());
    for (std::size_t i = 0; i < n_rows; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < n_cols; ++j) {
            sum += factors.product(i, j) * v[j];
        }
        CHECK_CLOSE(forward[i], sum, 1e-13);
        CHECK_CLOSE(forward_rows.view()(0, i), sum, 1e-13);
    }
    for (std::size_t j = 0; j < n_cols; ++j) {
        double sum = 0;
        for (std::size_t i = 0; i < n_rows; ++i) {
            sum += factors.product(i, j) * u[i];
        }
        CHECK_CLOSE(backward[j], sum, 1e-13);
        CHECK_CLOSE(backward_rows.view()(0, j), sum, 1e-13);
    }
}

TEST("factors multiplied out are the matrix, and rows of weights are rows of it") {
    tests::use_reference_blas<double>();
    const Factors factors(73);
    const DenseWeights<double> dense(factors.weights().middle_rows(2, 5));
    CHECK(dense.view().rows() == 5 && dense.view().cols() == n_cols);
    for (std::size_t i = 0; i < 5; ++i) {
        for (std::size_t j = 0; j < n_cols; ++j) {
            CHECK_CLOSE(dense.view()(i, j), factors.product(2 + i, j), 1e-14);
        }
    }
    CHECK(factors.weights().size() == (n_rows + n_cols) * rank);
}

TEST("no norm of a row of factors is below that of the matrix's row") {
    const Factors factors(74);
    const std::vector<double> bounds = row_norms(factors.weights());
    for (std::size_t i = 0; i < n_rows; ++i) {
        double square = 0;
        for (std::size_t j = 0; j < n_cols; ++j) {
            square += factors.product(i, j) * factors.product(i, j);
        }
        CHECK(bounds[i] >= std::sqrt(square));
    }
}

TEST("weights without rows make no product, and of its transpose zeros") {
    const Factors factors(75);
    const Weights<double> none = factors.weights().middle_rows(n_rows, 0);
    std::vector<double> out(n_cols, 7.0);
    multiply_vector_by_transpose(none, std::span<const double>(), std::span(out));
    for (const double value : out) {
        CHECK(value == 0);
    }
    Matrix<double> rows(2, n_cols + 1);
    rows.view()(0, n_cols) = 7;
    multiply(MatrixView<const double>(out.data(), 2, 0), none, rows.view());
    CHECK(rows.view()(0, 0) == 0 && rows.view()(0, n_cols) == 7);
}

TEST("a tile's products with factors are those with the matrix, in single precision") {
    const Factors factors(76);
    const TileWeights weights(factors.weights());
    Matrix<float> v(tile_rows, n_cols);
    Matrix<float> u(tile_rows, n_rows);
    Random random(77);
    for (float& value : v.elements()) {
        value = static_cast<float>(random.uniform(-1, 1));
    }
    for (float& value : u.elements()) {
        value = static_cast<float>(random.uniform(-1, 1));
    }
    Matrix<float> forward(tile_rows, n_rows);
    Matrix<float> backward(tile_rows, n_cols);
    BusyBlocks busy;
    busy.fill(true);
    weights.forward(v.view(), forward.view(), busy);
    weights.backward(u.view(), backward.view(), busy);
    for (std::size_t row = 0; row < tile_rows; ++row) {
        for (std::size_t i = 0; i < n_rows; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < n_cols; ++j) {
                sum += factors.product(i, j) * static_cast<double>(v.view()(row, j));
            }
            CHECK_CLOSE(static_cast<double>(forward.view()(row, i)), sum, 1e-5);
        }
        for (std::size_t j = 0; j < n_cols; ++j) {
            double sum = 0;
            for (std::size_t i = 0; i < n_rows; ++i) {
                sum += factors.product(i, j) * static_cast<double>(u.view()(row, i));
            }
            CHECK_CLOSE(static_cast<double>(backward.view()(row, j)), sum, 1e-5);
        }
    }
}

}  // namespace
}  // namespace nullcline
