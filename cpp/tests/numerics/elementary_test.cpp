// Against the C library in more precision than is tested.
#include "nullcline/numerics/elementary.hpp"

#include <cmath>
#include <limits>

#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr int n_trials = 200'000;

/// How far a number is from the truth, in units in the last place of a T.
template <class T>
double ulps(T computed, long double exact) {
    const T near = std::abs(static_cast<T>(exact));
    const T ulp = std::nextafter(near, std::numeric_limits<T>::infinity()) - near;
    return static_cast<double>(std::abs(computed - exact) / ulp);
}

/// Tiny, ordinary and large ones.
template <class T>
T argument(Random& random, double largest) {
    return static_cast<T>(random.uniform() < 0 ? random.over_magnitudes(-30, std::log10(largest))
                                               : random.uniform(-10, 10));
}

template <class T>
void check_tanh() {
    Random random(31);
    for (int i = 0; i < n_trials; ++i) {
        const T x = argument<T>(random, 1000);
        CHECK_CLOSE(ulps(elementary::tanh(x), std::tanh(static_cast<long double>(x))), 0.0, 3.0);
    }
}

template <class T>
void check_logistic() {
    Random random(32);
    for (int i = 0; i < n_trials; ++i) {
        const T x =
            argument<T>(random, static_cast<double>(elementary::Format<T>::largest_exponent));
        const auto gate = elementary::logistic(x);
        const auto exact_x = static_cast<long double>(x);
        CHECK_CLOSE(ulps(gate.value, 1 / (1 + std::exp(-exact_x))), 0.0, 3.0);
        CHECK_CLOSE(ulps(gate.complement, 1 / (1 + std::exp(exact_x))), 0.0, 3.0);
    }
}

template <class T>
void check_limits() {
    const T infinity = std::numeric_limits<T>::infinity();
    const T nan = std::numeric_limits<T>::quiet_NaN();
    CHECK(elementary::tanh(infinity) == 1 && elementary::tanh(-infinity) == -1);
    CHECK(elementary::logistic(infinity).value == 1);
    CHECK(elementary::logistic(-infinity).complement == 1);
    CHECK(elementary::logistic(-infinity).value >= 0);
    CHECK(elementary::logistic(-infinity).value < std::numeric_limits<T>::min() * 4);
    CHECK(elementary::tanh(T{0}) == 0);
    CHECK(elementary::logistic(T{0}).value == T{1} / 2);
    CHECK(std::isnan(elementary::tanh(nan)));
    CHECK(std::isnan(elementary::logistic(nan).value));
    CHECK(std::isnan(elementary::logistic(nan).complement));
}

TEST("tanh is within 3 ulp of the C library's, in double precision") { check_tanh<double>(); }
TEST("tanh is within 3 ulp of the C library's, in single precision") { check_tanh<float>(); }

TEST("a gate and its complement are within 3 ulp of the C library's, in double precision") {
    check_logistic<double>();
}
TEST("a gate and its complement are within 3 ulp of the C library's, in single precision") {
    check_logistic<float>();
}

TEST("tanh and gates saturate at infinity and let NaN pass") {
    check_limits<double>();
    check_limits<float>();
}

TEST("exp(x) is put together from a power of two and exp(r) - 1") {
    Random random(33);
    for (int i = 0; i < n_trials; ++i) {
        const double x = random.uniform(-700, 700);
        const auto e = elementary::split_exp(x);
        int exponent = 0;
        CHECK(std::frexp(e.power, &exponent) == 0.5);
        CHECK(std::abs(e.expm1) < 0.42);  // √2 − 1, and a little
        const auto exact = std::exp(static_cast<long double>(x));
        CHECK_CLOSE(ulps(e.power * e.expm1 + e.power, exact), 0.0, 3.0);
    }
}

}  // namespace
}  // namespace nullcline
