// Running error bounds of random computations in single precision, against the same ones in more.
#include "nullcline/numerics/rounded.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "nullcline/numerics/activations.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

/// A number and what it would be without rounding.
struct Twin {
    Rounded<float> rounded;
    long double exact;

    [[nodiscard]] double error() const {
        return static_cast<double>(std::abs(static_cast<long double>(rounded.value) - exact));
    }
    [[nodiscard]] double bound() const {
        return static_cast<double>(rounded.error) * std::numeric_limits<float>::epsilon();
    }
};

enum class Operation { plus, minus, times, over, relu, tanh, logistic, complement, count };

long double exact_logistic(long double x) { return 1 / (1 + std::exp(-x)); }

Twin apply(Operation operation, const Twin& a, const Twin& b) {
    switch (operation) {
        case Operation::plus:
            return {a.rounded + b.rounded, a.exact + b.exact};
        case Operation::minus:
            return {a.rounded - b.rounded, a.exact - b.exact};
        case Operation::times:
            return {a.rounded * b.rounded, a.exact * b.exact};
        case Operation::over:
            return {a.rounded / b.rounded, a.exact / b.exact};
        case Operation::tanh:
            return {tanh(a.rounded), std::tanh(a.exact)};
        case Operation::logistic:
            return {logistic(a.rounded).value, exact_logistic(a.exact)};
        case Operation::relu:
            return {activate<Relu>(a.rounded), std::max(a.exact, 0.0L)};
        default:
            return {logistic(a.rounded).complement, exact_logistic(-a.exact)};
    }
}

constexpr auto all = static_cast<std::size_t>(Operation::count);

/// Call `use(result, operation)` on every intermediate result of random computations of so many
/// operations, which are of the first so many kinds.
template <class Use>
void compute_at_random(std::uint64_t seed, std::size_t n_operations, std::size_t n_kinds,
                       const Use& use) {
    constexpr std::size_t n_inputs = 5;
    Random random(seed);
    for (int trial = 0; trial < 5000; ++trial) {
        std::vector<Twin> known;
        for (std::size_t i = 0; i < n_inputs; ++i) {
            const auto value = static_cast<float>(random.uniform(-3, 3));
            known.push_back({{value, 0}, value});
        }
        for (std::size_t i = 0; i < n_operations; ++i) {
            const auto operation = static_cast<Operation>(random.below(n_kinds));
            const Twin a = known[random.below(known.size())];
            const Twin b = known[random.below(known.size())];
            if (operation == Operation::over && std::abs(b.exact) < 0.1L) {
                continue;  // what is close to zero may be zero, with an error beyond any bound
            }
            const Twin result = apply(operation, a, b);
            if (std::abs(result.exact) < 100) {
                use(result, operation);
                known.push_back(result);
            }
        }
    }
}

void check_bounds(std::size_t n_kinds, double slack) {
    compute_at_random(71, 15, n_kinds, [&](const Twin& result, Operation) {
        CHECK_CLOSE(result.error(), 0.0, result.bound() * slack);
    });
}

TEST("a running error bound covers the true error of sums, products, quotients and ReLUs") {
    check_bounds(static_cast<std::size_t>(Operation::tanh), 1.001);  // it is of first order
}

// tanh and gates are counted with an error of one eps of their own, and have up to 3 ulp.
TEST("a running error bound covers two thirds of the true error, tanh and gates included") {
    check_bounds(all, 1.5);
}

TEST("of one operation a running error bound is of the size of the largest error") {
    std::vector<double> closest(all);
    compute_at_random(72, 1, all, [&](const Twin& result, Operation operation) {
        double& ratio = closest[static_cast<std::size_t>(operation)];
        if (result.bound() > 0) {
            ratio = std::max(ratio, result.error() / result.bound());
        } else {
            CHECK(result.error() == 0);
        }
    });
    closest[static_cast<std::size_t>(Operation::relu)] = 1;  // it is exact
    for (const double ratio : closest) {
        CHECK(ratio > 0.25);
    }
}

TEST("the error of a saturated tanh's argument does not count, however large") {
    const Rounded<float> far{30, 1e30F};
    CHECK(tanh(far).value == 1 && tanh(far).error == 1);
    const Rounded<float> near{0, 1000};
    CHECK(tanh(near).error > 999);
}

TEST("a gate's error is its argument's times its slope, and its own") {
    const auto gate = logistic(Rounded<float>{0, 1000});
    CHECK_CLOSE(gate.value.error, 250.5, 1e-3);
    CHECK_CLOSE(gate.complement.error, 250.5, 1e-3);
    CHECK(logistic(Rounded<float>{80, 1000}).value.error == 1);
}

TEST("a ReLU keeps its argument's error, on either side of zero") {
    CHECK(activate<Relu>(Rounded<float>{2, 5}).error == 5 &&
          activate<Relu>(Rounded<float>{2, 5}).value == 2);
    CHECK(activate<Relu>(Rounded<float>{-2, 5}).error == 5 &&
          activate<Relu>(Rounded<float>{-2, 5}).value == 0);
}

}  // namespace
}  // namespace nullcline
