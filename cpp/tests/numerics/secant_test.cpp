// Secants against differences, in more precision than is tested.
#include "nullcline/numerics/secant.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

#include "nullcline/numerics/activations.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr int n_trials = 20'000;

/// A field with the values x in both runs.
template <std::size_t field, class T>
constexpr Secant<T, 1U << field> both_runs(std::array<T, 2> x) {
    return between(x[0], x[1], variable<field, 1>(x[0]));
}

std::array<double, 2> random_pair(Random& random, double low, double high) {
    return {random.uniform(low, high), random.uniform(low, high)};
}

/// How far Σ_k c_k Δ(field k) is from the number's own change.
template <class S, class T>
T gap(const S& of, const std::array<T, 2>& x, const std::array<T, 2>& y) {
    const auto& c = of.mean;
    return std::abs(c.template gradient<0>() * (x[1] - x[0]) +
                    c.template gradient<1>() * (y[1] - y[0]) - (of.actual - of.base));
}

TEST("sums, products and quotients change by the changes of their fields, exactly to rounding") {
    Random random(71);
    for (int i = 0; i < n_trials; ++i) {
        const auto at_x = random_pair(random, -3, 3);
        const auto at_y = random_pair(random, 0.5, 3);
        const auto x = both_runs<0>(at_x);
        const auto y = both_runs<1>(at_y);
        CHECK(gap(x + y, at_x, at_y) <= 1e-14);
        CHECK(gap(x - y, at_x, at_y) <= 1e-14);
        CHECK(gap(x * y, at_x, at_y) <= 1e-14);
        CHECK(gap(x / y, at_x, at_y) <= 1e-13);
        CHECK(gap(2.0 * (1.0 - x) * (x * y + (0.5 + y)), at_x, at_y) <= 1e-13);
    }
}

TEST("a product is shared out between its factors by their means") {
    const auto product = both_runs<0>(std::array{2.0, 5.0}) * both_runs<1>(std::array{3.0, 7.0});
    CHECK(product.base == 6 && product.actual == 35);
    CHECK(product.mean.gradient<0>() == 5);
    CHECK(product.mean.gradient<1>() == 3.5);
}

TEST("gates and their complements change by the changes of their fields") {
    Random random(72);
    for (int i = 0; i < n_trials; ++i) {
        const auto at_x = random_pair(random, -6, 6);
        const auto at_y = random_pair(random, -6, 6);
        const auto x = both_runs<0>(at_x);
        const auto y = both_runs<1>(at_y);
        const auto gate = logistic(x - y);
        CHECK(gap(gate.value, at_x, at_y) <= 1e-14);
        CHECK(gap(gate.complement * x + gate.value * tanh(x * y), at_x, at_y) <= 1e-13);
    }
}

TEST("where the runs meet, secants are first derivatives") {
    Random random(73);
    const auto of = [](const auto& x, const auto& y) {
        const auto gate = logistic(x + y);
        return gate.value * tanh(x * y) / (1.0 + gate.complement) - y;
    };
    for (int i = 0; i < n_trials; ++i) {
        const double a = random.uniform(-3, 3);
        const double b = random.uniform(-3, 3);
        const auto jet = of(variable<0, 1>(a), variable<1, 1>(b));
        const auto met = of(both_runs<0>(std::array{a, a}), both_runs<1>(std::array{b, b})).mean;
        CHECK_CLOSE(met.value, jet.value, 1e-15);
        CHECK_CLOSE(met.template gradient<0>(), jet.template gradient<0>(), 1e-14);
        CHECK_CLOSE(met.template gradient<1>(), jet.template gradient<1>(), 1e-14);
    }
}

/// f(a) − f(b) without cancellation, as it is written in books.
long double difference(std::string_view name, long double a, long double b) {
    const auto relu = [](long double u) { return std::max(u, 0.0L); };
    if (name == "tanh") {
        return std::sinh(a - b) / std::cosh(a) / std::cosh(b);
    }
    if (name == "relu") {
        return relu(a) - relu(b);
    }
    if (name == "logistic") {
        return std::sinh((a - b) / 2) / std::cosh(a / 2) / std::cosh(b / 2) / 2;
    }
    if (name == "softplus") {
        return a < b ? -difference(name, b, a) : std::log1p(std::expm1(a - b) / (1 + std::exp(-b)));
    }
    if (name == "hard_tanh") {
        return std::clamp(a, -1.0L, 1.0L) - std::clamp(b, -1.0L, 1.0L);
    }
    return name == "identity" ? a - b : difference("tanh", relu(a), relu(b));
}

/// Pairs of all distances, down to neighbours.
template <class A, class T>
void check_secant(Random& random) {
    for (int i = 0; i < n_trials; ++i) {
        const T a = static_cast<T>(random.uniform(-40, 40));
        const double apart = 40 * std::pow(10.0, random.uniform(-17, 0));
        const T b = static_cast<T>(static_cast<double>(a) + random.uniform(-1, 1) * apart);
        const long double exact =
            difference(A::name, static_cast<long double>(a), static_cast<long double>(b));
        const long double found = static_cast<long double>(A::secant(a, b)) *
                                  (static_cast<long double>(a) - static_cast<long double>(b));
        CHECK(std::abs(found - exact) <= 8 * std::numeric_limits<T>::epsilon() * std::abs(exact));
        CHECK(A::secant(a, b) == A::secant(b, a));
    }
}

template <class Use>
void for_each_activation(const Use& use) {
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        with_activation(static_cast<Activation>(k), use);
    }
}

TEST("an activation's divided difference times a − b is f(a) − f(b), however near they are") {
    for_each_activation([]<class A>() {
        Random random(74);
        check_secant<A, double>(random);
        check_secant<A, float>(random);
    });
}

TEST("where its arguments meet, an activation's divided difference is its derivative") {
    for_each_activation([]<class A>() {
        Random random(75);
        for (int i = 0; i < n_trials; ++i) {
            const double u = random.uniform(-30, 30);
            CHECK_CLOSE(A::secant(u, u), A::at(u).first, 1e-15);
        }
    });
}

TEST("divided differences of arguments huge, tiny or not numbers are what they must be") {
    for_each_activation([]<class A>() {
        for (const double a : {-1e300, -800.0, -1e-310, 0.0, 1e-310, 800.0, 1e300}) {
            for (const double b : {-1e300, -800.0, -1e-310, 0.0, 1e-310, 800.0, 1e300}) {
                const double secant = A::secant(a, b);
                CHECK(secant >= 0 && secant <= 1);
            }
        }
        if (A::name != "identity") {
            CHECK(std::isnan(A::secant(std::numeric_limits<double>::quiet_NaN(), 1.0)));
            CHECK(std::isnan(A::secant(1.0, std::numeric_limits<double>::quiet_NaN())));
        }
    });
}

TEST("units with an activation each and uniform ones change alike") {
    Random random(76);
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        const double number = static_cast<double>(k);
        const auto u = both_runs<0>(random_pair(random, -3, 3));
        const auto one = PerUnit::of(u, &number, 0);
        const auto other = with_activation(
            static_cast<Activation>(k), [&]<class A>() { return Uniform<A>::of(u, &number, 0); });
        CHECK(one.base == other.base && one.actual == other.actual);
        CHECK((one.mean.template gradient<0>() == other.mean.template gradient<0>()));
    }
}

}  // namespace
}  // namespace nullcline
