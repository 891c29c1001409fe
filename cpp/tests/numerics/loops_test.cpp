// Loops over units and rows that are compiled in several versions, against plain ones.
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/numerics/adam.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/subspace.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr double float_tolerance = 1e-5;

TEST("a dot product, a norm and a scaled sum of vectors are those of plain loops") {
    Random random(51);
    for (const std::size_t n : {0U, 1U, 7U, 64U, 301U}) {
        const auto a = random.vector<double>(n);
        auto b = random.vector<double>(n);
        const auto before = b;
        long double dot_product = 0;
        long double square = 0;
        for (std::size_t i = 0; i < n; ++i) {
            dot_product += static_cast<long double>(a[i]) * b[i];
            square += static_cast<long double>(a[i]) * a[i];
        }
        CHECK_CLOSE(dot(std::span<const double>(a), std::span<const double>(b)), dot_product,
                    1e-13);
        CHECK_CLOSE(norm(std::span<const double>(a)), std::sqrt(square), 1e-13);
        add_scaled(0.75, std::span<const double>(a), std::span<double>(b));
        for (std::size_t i = 0; i < n; ++i) {
            CHECK_CLOSE(b[i], before[i] + 0.75 * a[i], 1e-15);
        }
    }
}

TEST("coordinates are dot products with rows, and a combination is a sum of rows") {
    Random random(52);
    const std::size_t n_rows = 9;
    const std::size_t size = 45;
    const Matrix<float> rows = random.matrix<float>(n_rows, size);
    const auto x = random.vector<float>(size);
    const auto c = random.vector<float>(n_rows);
    const auto before = random.vector<float>(size);
    std::vector<float> out(n_rows);
    std::vector<float> y = before;
    coordinates(rows.view(), x, out);
    add_combination(rows.view(), c, y);
    for (std::size_t i = 0; i < n_rows; ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < size; ++j) {
            sum += static_cast<double>(rows.view()(i, j)) * x[j];
        }
        CHECK_CLOSE(out[i], sum, float_tolerance);
    }
    for (std::size_t j = 0; j < size; ++j) {
        double sum = before[j];
        for (std::size_t i = 0; i < n_rows; ++i) {
            sum += static_cast<double>(rows.view()(i, j)) * c[i];
        }
        CHECK_CLOSE(y[j], sum, float_tolerance);
    }
}

/// A symmetric matrix for each unit, made of its upper triangle, times the unit's fields.
template <class T>
void check_curvature(double tolerance) {
    Random random(53);
    const std::size_t size = 21;
    for (std::size_t n_fields = 1; n_fields <= 6; ++n_fields) {
        CHECK(curvature_size(n_fields, size) == n_fields * (n_fields + 1) / 2 * size);
        const auto hessian = random.vector<T>(curvature_size(n_fields, size));
        const auto fields = random.vector<T>(n_fields * size);
        std::vector<T> out(n_fields * size);
        apply_curvature(std::span<const T>(hessian), std::span<const T>(fields), size,
                        std::span<T>(out));
        for (std::size_t i = 0; i < size; ++i) {
            std::array<std::array<double, 6>, 6> full{};
            std::size_t entry = 0;
            for (std::size_t p = 0; p < n_fields; ++p) {
                for (std::size_t q = p; q < n_fields; ++q, ++entry) {
                    full[p][q] = full[q][p] = static_cast<double>(hessian[entry * size + i]);
                }
            }
            for (std::size_t p = 0; p < n_fields; ++p) {
                double sum = 0;
                for (std::size_t q = 0; q < n_fields; ++q) {
                    sum += full[p][q] * static_cast<double>(fields[q * size + i]);
                }
                CHECK_CLOSE(static_cast<double>(out[p * size + i]), sum, tolerance);
            }
        }
    }
}

TEST("curvature is a symmetric matrix per unit over the unit's fields") {
    check_curvature<double>(1e-14);
    check_curvature<float>(float_tolerance);
}

TEST("a step of Adam is the paper's") {
    Random random(54);
    const std::size_t size = 37;
    std::vector<float> first(size);
    std::vector<float> second(size);
    std::vector<float> change(size);
    std::vector<double> m(size);
    std::vector<double> v(size);
    const double rate = 0.01;
    for (int t = 1; t <= 20; ++t) {
        const auto gradient = random.vector<float>(size);
        const AdamFactors factors{static_cast<float>(-rate / (1 - std::pow(0.9, t))),
                                  static_cast<float>(1 / (1 - std::pow(0.999, t)))};
        adam_step(first, second, gradient, factors, change);
        for (std::size_t i = 0; i < size; ++i) {
            const double g = gradient[i];
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            const double expected = -rate * (m[i] / (1 - std::pow(0.9, t))) /
                                    (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
            CHECK_CLOSE(change[i], expected, 1e-6);
        }
    }
}

}  // namespace
}  // namespace nullcline
