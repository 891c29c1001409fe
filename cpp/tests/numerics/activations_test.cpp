// Every activation against the C library and differences, in more precision than is tested.
#include "nullcline/numerics/activations.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>

#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr int n_trials = 20'000;

/// The functions as they are written in books.
long double reference(std::string_view name, long double u) {
    if (name == "tanh") {
        return std::tanh(u);
    }
    if (name == "relu") {
        return std::max(u, 0.0L);
    }
    if (name == "logistic") {
        return 1 / (1 + std::exp(-u));
    }
    if (name == "softplus") {
        return std::max(u, 0.0L) + std::log1p(std::exp(-std::abs(u)));
    }
    if (name == "hard_tanh") {
        return std::clamp(u, -1.0L, 1.0L);
    }
    return name == "identity" ? u : std::max(std::tanh(u), 0.0L);
}

template <class Use>
void for_each_activation(const Use& use) {
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        with_activation(static_cast<Activation>(k), use);
    }
}

/// At u, and not so near a kink that a difference would straddle it.
bool is_away_from_kinks(double u) { return std::abs(u) > 1e-3 && std::abs(std::abs(u) - 1) > 1e-3; }

template <class A, class T>
void check_value(Random& random) {
    for (int i = 0; i < n_trials; ++i) {
        const T u = static_cast<T>(random.uniform(-30, 30));
        const long double exact = reference(A::name, static_cast<long double>(u));
        const long double error = std::abs(static_cast<long double>(A::at(u).value) - exact);
        CHECK(error <= 8 * std::numeric_limits<T>::epsilon() * std::abs(exact));
    }
}

TEST("every activation's value is the function's, to a few ulp in either precision") {
    for_each_activation([]<class A>() {
        Random random(61);
        check_value<A, double>(random);
        check_value<A, float>(random);
    });
}

TEST("every activation's derivatives are those that differences show") {
    for_each_activation([]<class A>() {
        Random random(62);
        for (int i = 0; i < n_trials; ++i) {
            const double u = random.uniform(-5, 5);
            if (!A::is_smooth && !is_away_from_kinks(u)) {
                continue;
            }
            const long double step = 1e-4L;
            const auto f = [&](long double shift) {
                return reference(A::name, static_cast<long double>(u) + shift);
            };
            const auto found = A::at(u);
            CHECK_CLOSE(found.first, static_cast<double>((f(step) - f(-step)) / (2 * step)), 1e-8);
            CHECK_CLOSE(found.second,
                        static_cast<double>((f(step) - 2 * f(0) + f(-step)) / (step * step)), 1e-6);
        }
    });
}

TEST("every activation keeps to its range, and NaN stays NaN") {
    for_each_activation([]<class A>() {
        Random random(63);
        const Range<double> range = A::template range<double>;
        for (int i = 0; i < n_trials; ++i) {
            const double value = A::at(random.uniform(-800, 800)).value;
            CHECK(value >= range.low - 1e-15 && value <= range.high + 1e-15);
        }
        CHECK(std::isnan(A::at(std::numeric_limits<double>::quiet_NaN()).value));
    });
}

TEST("the error that an activation carries covers what a wrong argument does to it") {
    constexpr double eps = std::numeric_limits<double>::epsilon();
    for_each_activation([]<class A>() {
        Random random(64);
        for (int i = 0; i < n_trials; ++i) {
            const double u = random.uniform(-6, 6);
            const double error = random.uniform(0, 1e4);  // in units of eps
            const Rounded<double> found = activate<A>(Rounded<double>{u, error});
            const double there = A::at(u + random.uniform(-1, 1) * error * eps).value;
            CHECK(std::abs(there - found.value) <= 1.01 * (found.error + 8) * eps);
        }
    });
}

TEST("an activation has its name back by its number, and no other name has one") {
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        CHECK(activation_named(activation_names[k]) == static_cast<Activation>(k));
        CHECK(with_activation(static_cast<Activation>(k), []<class A>() { return A::name; }) ==
              activation_names[k]);
    }
    CHECK(!activation_named("sine").has_value());
}

TEST("a unit that has its own activation gives what a uniform network's does") {
    Random random(65);
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        const double number = static_cast<double>(k);
        for (int i = 0; i < 100; ++i) {
            const auto u = variable<0, 2>(random.uniform(-3, 3));
            const auto one = PerUnit::of(u, &number, 0);
            const auto other = with_activation(static_cast<Activation>(k), [&]<class A>() {
                return Uniform<A>::of(u, &number, 0);
            });
            CHECK(one.value == other.value);
            CHECK((one.template gradient<0>() == other.template gradient<0>()));
            CHECK((one.template hessian<0, 0>() == other.template hessian<0, 0>()));
        }
    }
}

}  // namespace
}  // namespace nullcline
