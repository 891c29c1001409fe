// Row-scaled Jacobians by their products, against the matrix written out by its definition.
#include "nullcline/numerics/jacobian.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/numerics/vectors.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"
#include "support/reference_blas.hpp"

namespace nullcline {
namespace {

using tests::Random;
using tests::use_reference_blas;

constexpr std::size_t units = 7;
constexpr double tolerance = 1e-13;

/// A Jacobian of random numbers: its parts, blocks of weights, and maybe a gate.
struct Example {
    Example(std::size_t n_parts, std::size_t n_blocks, bool is_gated)
        : parts(n_parts),
          blocks(n_blocks),
          size(n_parts * units),
          random(1000 * n_parts + 10 * n_blocks + (is_gated ? 1 : 0)),
          weights(random.matrix<double>(n_blocks * units, units)),
          scales(random.vector<double>(n_parts * n_blocks * units)),
          identity(random.vector<double>(n_parts * n_parts * units)),
          gate(random.vector<double>(is_gated ? 2 * units : 0)) {}

    [[nodiscard]] JacobianView<double> jacobian() const { return {scales, identity, gate}; }

    /// Σ_k diag(c_pk) W_k − diag(d_pq), entry by entry.
    [[nodiscard]] Matrix<double> matrix() const {
        Matrix<double> out(size, size);
        for (std::size_t row = 0; row < size; ++row) {
            const std::size_t p = row / units;
            const std::size_t i = row % units;
            for (std::size_t column = 0; column < size; ++column) {
                const std::size_t q = column / units;
                const std::size_t j = column % units;
                double entry = i == j ? -identity[(p * parts + q) * units + i] : 0;
                for (std::size_t k = 0; q == 0 && k < blocks; ++k) {
                    entry += scales[(p * blocks + k) * units + i] * weight(k, i, j);
                }
                out.view()(row, column) = entry;
            }
        }
        return out;
    }

    /// An entry of W_k, or of W_0 (diag(a) W_1 + diag(b)) where the first block is gated.
    [[nodiscard]] double weight(std::size_t k, std::size_t i, std::size_t j) const {
        const MatrixView<const double> w = weights.view();
        if (k > 0 || gate.empty()) {
            return w(k * units + i, j);
        }
        double sum = w(i, j) * gate[units + j];
        for (std::size_t l = 0; l < units; ++l) {
            sum += w(i, l) * gate[l] * w(units + l, j);
        }
        return sum;
    }

    std::size_t parts, blocks, size;
    Random random;
    Matrix<double> weights;
    std::vector<double> scales, identity, gate;
};

/// Call `use(example)` for every shape that cells have, and then for gated ones.
template <class Use>
void for_each_example(const Use& use) {
    for (std::size_t parts = 1; parts <= 2; ++parts) {
        for (std::size_t blocks = 1; blocks <= 6; ++blocks) {
            use(Example(parts, blocks, false));
        }
    }
    for (std::size_t blocks = 2; blocks <= 4; ++blocks) {
        use(Example(1, blocks, true));
    }
}

/// W_k x for the blocks from `first` to `last`.
void multiply_blocks(const Example& e, std::size_t first, std::size_t last,
                     std::span<const double> x, std::span<double> products) {
    for (std::size_t row = first * units; row < last * units; ++row) {
        products[row] = 0;
        for (std::size_t j = 0; j < units; ++j) {
            products[row] += e.weights.view()(row, j) * x[j];
        }
    }
}

/// Σ_k W_kᵀ y_k over the blocks from `first` to `last`.
std::vector<double> multiply_transposed_blocks(const Example& e, std::size_t first,
                                               std::size_t last, std::span<const double> y) {
    std::vector<double> sum(units);
    for (std::size_t row = first * units; row < last * units; ++row) {
        for (std::size_t j = 0; j < units; ++j) {
            sum[j] += e.weights.view()(row, j) * y[row];
        }
    }
    return sum;
}

TEST("an assembled row-scaled Jacobian is its definition, entry by entry") {
    use_reference_blas<double>();
    for_each_example([](const Example& e) {
        Matrix<double> assembled(e.size, e.size);
        std::ranges::fill(assembled.elements(), 1e300);  // every entry is to be written
        assemble(e.jacobian(), e.weights.view(), assembled.view());
        const Matrix<double> expected = e.matrix();
        for (std::size_t k = 0; k < e.size * e.size; ++k) {
            CHECK_CLOSE(assembled.elements()[k], expected.elements()[k], tolerance);
        }
    });
}

TEST("row-scaled Jacobian products agree with the assembled matrix") {
    const SerialGroup group;
    for_each_example([&](const Example& e) {
        Random random(81);
        const auto v = random.vector<double>(e.size);
        std::vector<double> products(e.blocks * units);
        const std::size_t first_plain = e.gate.empty() ? 0 : 1;
        multiply_blocks(e, first_plain, e.blocks, v, products);
        if (!e.gate.empty()) {
            std::vector<double> seen(units);
            gate_jvp(group, std::span<const double>(e.gate), std::span<const double>(products),
                     std::span<const double>(v), std::span<double>(seen));
            multiply_blocks(e, 0, 1, seen, products);
        }
        std::vector<double> out(e.size);
        finish_jvp(group, e.jacobian(), std::span<const double>(products),
                   std::span<const double>(v), std::span<double>(out));
        const Matrix<double> expected = e.matrix();
        for (std::size_t i = 0; i < e.size; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j < e.size; ++j) {
                sum += expected.view()(i, j) * v[j];
            }
            CHECK_CLOSE(out[i], sum, tolerance);
        }
    });
}

TEST("transposed row-scaled Jacobian products agree with the assembled matrix") {
    const SerialGroup group;
    for_each_example([&](const Example& e) {
        Random random(82);
        const auto u = random.vector<double>(e.size);
        std::vector<double> scaled(e.blocks * units);
        begin_vjp(group, e.jacobian(), std::span<const double>(u), std::span<double>(scaled));
        std::vector<double> out(e.size);
        if (e.gate.empty()) {
            std::ranges::copy(multiply_transposed_blocks(e, 0, e.blocks, scaled), out.begin());
        } else {
            const std::vector<double> w = multiply_transposed_blocks(e, 0, 1, scaled);
            begin_gate_vjp(group, std::span<const double>(e.gate), std::span<const double>(w),
                           std::span<double>(scaled));
            std::ranges::copy(multiply_transposed_blocks(e, 1, e.blocks, scaled), out.begin());
            finish_gate_vjp(group, std::span<const double>(e.gate), std::span<const double>(w),
                            std::span<double>(out).first(units));
        }
        finish_vjp(group, e.jacobian(), std::span<const double>(u), std::span<double>(out));
        const Matrix<double> expected = e.matrix();
        for (std::size_t j = 0; j < e.size; ++j) {
            double sum = 0;
            for (std::size_t i = 0; i < e.size; ++i) {
                sum += expected.view()(i, j) * u[i];
            }
            CHECK_CLOSE(out[j], sum, tolerance);
        }
    });
}

TEST("the size of a Jacobian's terms is that of its matrices, scaled and summed in squares") {
    const SerialGroup group;
    for_each_example([&](const Example& e) {
        std::vector<double> row_norms(e.blocks * units);
        for (std::size_t row = 0; row < row_norms.size(); ++row) {
            row_norms[row] = norm(e.weights.row(row));
        }
        double of_gate = 1;  // the mean square of M's rows, its two terms apart
        if (!e.gate.empty()) {
            of_gate = 0;
            for (std::size_t i = 0; i < units; ++i) {
                of_gate += (std::pow(e.gate[i] * row_norms[units + i], 2) +
                            std::pow(e.gate[units + i], 2)) /
                           static_cast<double>(units);
            }
        }
        double square = 0;
        for (const double d : e.identity) {
            square += d * d;
        }
        for (std::size_t p = 0; p < e.parts; ++p) {
            for (std::size_t row = 0; row < e.blocks * units; ++row) {
                const double term = e.scales[p * e.blocks * units + row] * row_norms[row];
                square += term * term * (row < units ? of_gate : 1);
            }
        }
        const double actual = term_norm(group, e.jacobian(), std::span<const double>(row_norms));
        CHECK_CLOSE(actual, std::sqrt(square), tolerance);
    });
}

TEST("the diagonal of a part is what couples it to itself") {
    const Example e(2, 3, false);
    for (std::size_t p = 0; p < 2; ++p) {
        const auto diagonal = e.jacobian().diagonal(e.size, p);
        CHECK(diagonal.size() == units);
        for (std::size_t i = 0; i < units; ++i) {
            CHECK(diagonal[i] == e.identity[(p * 2 + p) * units + i]);
        }
    }
}

}  // namespace
}  // namespace nullcline
