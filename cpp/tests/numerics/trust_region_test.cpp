// Trust-region steps against the conditions that a least value within a ball must meet.
#include "nullcline/numerics/trust_region.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/numerics/vectors.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

/// gᵀy + yᵀAy / 2
struct Model {
    SmallMatrix a;
    std::vector<double> g;

    [[nodiscard]] std::size_t order() const { return g.size(); }
    [[nodiscard]] double entry(std::size_t i, std::size_t j) const {
        return i >= j ? a(i, j) : a(j, i);
    }
    [[nodiscard]] double operator()(std::span<const double> y) const {
        double value = 0;
        for (std::size_t i = 0; i < order(); ++i) {
            double image = 0;
            for (std::size_t j = 0; j < order(); ++j) {
                image += entry(i, j) * y[j];
            }
            value += y[i] * (g[i] + image / 2);
        }
        return value;
    }
};

/// Symmetric, its lower triangle written and all else NaN.
SmallMatrix small_matrix(Random& random, std::size_t n, double diagonal) {
    SmallMatrix a;
    for (std::size_t i = 0; i < SmallMatrix::largest; ++i) {
        for (std::size_t j = 0; j < SmallMatrix::largest; ++j) {
            a(i, j) = std::numeric_limits<double>::quiet_NaN();
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            a(i, j) = random.uniform() + (i == j ? diagonal : 0);
        }
    }
    return a;
}

double norm_of(std::span<const double> y) { return norm(y); }

/// Call `use(model, radius)` on models from convex to concave, with balls from small to large.
template <class Use>
void for_each_model(const Use& use) {
    Random random(91);
    for (const std::size_t n : {1U, 2U, 5U, 12U, 32U}) {
        for (int trial = 0; trial < 40; ++trial) {
            const double diagonal = random.uniform(-1, 1) * static_cast<double>(n);
            const Model model{small_matrix(random, n, diagonal), random.vector<double>(n)};
            use(model, std::abs(random.over_magnitudes(-2, 1)), random);
        }
    }
}

TEST("the trust-region step is the model's least within the ball") {
    const SerialGroup group;
    ModelWorkspace work;
    for_each_model([&](const Model& model, double radius, Random& random) {
        const std::size_t n = model.order();
        std::vector<double> y(n);
        const ModelStep step = minimize_model(group, model.a, model.g, radius, y, work);
        CHECK(step.found);
        CHECK(step.multiplier == 0 || step.norm >= 0.9 * radius);
        const double least = model(y);
        for (int i = 0; i < 200; ++i) {  // others in the ball, far from y and close to it
            const double far = std::pow(10.0, random.uniform(-4, 0)) * step.norm;
            std::vector<double> other = y;
            for (double& coordinate : other) {
                coordinate += far * random.uniform();
            }
            const double length = norm_of(other);
            const double into_ball = length > step.norm ? step.norm / length : 1;
            for (double& coordinate : other) {
                coordinate *= into_ball;
            }
            CHECK(model(other) >= least - 1e-12 * (std::abs(least) + step.norm));
        }
    });
}

TEST("the trust-region step solves (A + mu I) y = -g and says its norm and the model's decrease") {
    const SerialGroup group;
    ModelWorkspace work;
    for_each_model([&](const Model& model, double radius, Random&) {
        const std::size_t n = model.order();
        std::vector<double> y(n);
        const ModelStep step = minimize_model(group, model.a, model.g, radius, y, work);
        CHECK(step.multiplier >= 0);
        CHECK(step.norm <= 1.1 * radius);
        CHECK_CLOSE(step.norm, norm_of(y), 1e-10 * step.norm);
        CHECK_CLOSE(step.decrease, -model(y), 1e-9 * (step.decrease + step.norm));
        for (std::size_t i = 0; i < n; ++i) {
            double sum = model.g[i] + step.multiplier * y[i];
            for (std::size_t j = 0; j < n; ++j) {
                sum += model.entry(i, j) * y[j];
            }
            CHECK_CLOSE(sum, 0.0, 1e-9 * (1 + step.multiplier * step.norm));
        }
    });
}

TEST("in the hard case, and close to it, the step stays in the ball and lowers the model") {
    const SerialGroup group;
    ModelWorkspace work;
    SmallMatrix a;
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            a(i, j) = 0;
        }
    }
    a(0, 0) = 2;
    a(1, 1) = 1;
    a(2, 2) = -1;
    // The gradient is all but orthogonal to the direction of negative curvature.
    for (const double along : {0.0, 1e-14, 1e-13, 3e-13, 1e-12, 3e-12, 1e-11, 1e-10}) {
        for (const double radius : {1.0, 3.0, 10.0, 30.0}) {
            const Model model{a, {1, 0, along}};
            std::vector<double> y(3);
            const ModelStep step = minimize_model(group, model.a, model.g, radius, y, work);
            CHECK(step.found && step.norm <= 1.1 * radius && step.decrease > 0);
            CHECK_CLOSE(step.norm, norm_of(y), 1e-9 * step.norm);
            CHECK_CLOSE(step.decrease, -model(y), 1e-9 * step.decrease);
        }
    }
}

TEST("no step is found for a model that is not finite") {
    const SerialGroup group;
    ModelWorkspace work;
    Random random(92);
    std::vector<double> y(4);
    for (const double bad :
         {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
        Model model{small_matrix(random, 4, 2), random.vector<double>(4)};
        CHECK(minimize_model(group, model.a, model.g, 1.0, y, work).found);
        Model of_bad_gradient = model;
        of_bad_gradient.g[2] = bad;
        CHECK(!minimize_model(group, model.a, of_bad_gradient.g, 1.0, y, work).found);
        model.a(3, 1) = bad;
        CHECK(!minimize_model(group, model.a, model.g, 1.0, y, work).found);
    }
}

TEST("Cholesky's small factor times its transpose is the shifted matrix, and it solves") {
    const SerialGroup group;
    Random random(93);
    for (const std::size_t n : {1U, 6U, 32U}) {
        const double shift = 2 * static_cast<double>(n);
        const SmallMatrix a = small_matrix(random, n, 0);
        Triangle factor;
        CHECK(factorize(group, a, n, shift, factor));
        const auto l = [&](std::size_t i, std::size_t j) {
            return i == j ? 1 / factor.reciprocals[i] : factor.below(i, j);
        };
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                double sum = 0;
                for (std::size_t k = 0; k <= j; ++k) {
                    sum += l(i, k) * l(j, k);
                }
                CHECK_CLOSE(sum, a(i, j) + (i == j ? shift : 0), 1e-12 * shift);
            }
        }
        const auto b = random.vector<double>(n);
        std::vector<double> y(n);
        std::vector<double> remainder(n);
        solve_lower(group, factor, b, y, remainder);
        for (std::size_t i = 0; i < n; ++i) {
            double sum = 0;
            for (std::size_t j = 0; j <= i; ++j) {
                sum += l(i, j) * y[j];
            }
            CHECK_CLOSE(sum, b[i], 1e-12);
        }
        solve_upper(group, factor, b, y, remainder);
        for (std::size_t i = 0; i < n; ++i) {
            double sum = 0;
            for (std::size_t j = i; j < n; ++j) {
                sum += l(j, i) * y[j];
            }
            CHECK_CLOSE(sum, -b[i], 1e-12);
        }
    }
}

TEST("Cholesky's small factor of what is not positive definite is refused") {
    const SerialGroup group;
    Random random(94);
    Triangle factor;
    SmallMatrix a = small_matrix(random, 5, 20);
    CHECK(factorize(group, a, 5, 0.0, factor));
    CHECK(!factorize(group, a, 5, -25.0, factor));
    a(3, 3) = std::numeric_limits<double>::quiet_NaN();
    CHECK(!factorize(group, a, 5, 0.0, factor));
}

}  // namespace
}  // namespace nullcline
