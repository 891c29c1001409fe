// Intervals hold what they must, of numbers drawn within their arguments, and little else.
#include "nullcline/numerics/interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr int n_trials = 20'000;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool holds(const Interval& interval, long double x) {
    return !(x < static_cast<long double>(interval.low)) &&
           !(x > static_cast<long double>(interval.high));
}

/// An interval as narrow as rounding, or wide, about a number of any size.
Interval draw(Random& random) {
    const double middle = random.over_magnitudes(-3, 1.5);
    const double radius = random.below(3) == 0 ? 0 : std::pow(10, random.uniform(-17, 1));
    return {middle - radius, middle + radius};
}

double within(Random& random, const Interval& u) {
    const double x = u.low + (u.high - u.low) * random.uniform(0, 1);
    return std::clamp(random.below(4) == 0 ? u.high : x, u.low, u.high);
}

TEST("sums, differences, products and quotients hold every true one of numbers within") {
    Random random(1);
    for (int i = 0; i < n_trials; ++i) {
        const Interval a = draw(random);
        const Interval b = draw(random);
        const auto x = static_cast<long double>(within(random, a));
        const auto y = static_cast<long double>(within(random, b));
        CHECK(holds(a + b, x + y));
        CHECK(holds(a - b, x - y));
        CHECK(holds(a * b, x * y));
        CHECK(y == 0 || holds(a / b, x / y));
    }
}

TEST("exact numbers give intervals of a few units of rounding") {
    Random random(2);
    for (int i = 0; i < n_trials; ++i) {
        const double x = random.over_magnitudes(-3, 3);
        const double y = random.over_magnitudes(-3, 3);
        for (const Interval& z : {Interval(x) * Interval(y), Interval(x) / Interval(y),
                                  Interval(std::abs(x)) + Interval(std::abs(y))}) {
            CHECK(z.high - z.low <= 0x1p-50 * std::abs(z.high));
        }
    }
}

TEST(
    "the middle, the radius and the magnitude hold every number within, and so does the negation") {
    Random random(8);
    for (int i = 0; i < n_trials; ++i) {
        const Interval a = draw(random);
        const auto middle = static_cast<long double>(a.middle());
        for (const double end : {a.low, a.high, within(random, a)}) {
            const auto x = static_cast<long double>(end);
            CHECK(std::abs(x - middle) <= static_cast<long double>(a.radius()));
            CHECK(std::abs(x) <= static_cast<long double>(a.magnitude()));
            CHECK(holds(-a, -x));
        }
        CHECK(a.radius() <= (a.high - a.low) * (0.5 + 1e-9) + 1e-15 * a.magnitude());
    }
}

TEST("products that underflow hold what is lost") {
    constexpr double least = std::numeric_limits<double>::denorm_min();
    for (const double sign : {1.0, -1.0}) {
        const Interval lost = Interval(sign * least) * Interval(0.5 * 0x1p-53);
        CHECK(holds(lost, static_cast<long double>(sign) * 0x1p-1074L * 0x1p-54L));
        const Interval small = Interval(sign * 3 * least) / Interval(7);
        CHECK(holds(small, static_cast<long double>(sign) * 3 * 0x1p-1074L / 7));
    }
}

TEST("a division by what may be zero says nothing") {
    CHECK(!(Interval(1) / Interval(-1, 1)).is_finite());
    CHECK(!(Interval(1) / Interval(0, 1)).is_finite());
    CHECK((Interval(1) / Interval(0.5, 1)).is_finite());
}

TEST("what is not known stays unknown") {
    for (const Interval& u :
         {Interval(nan, 1), Interval(0, nan), Interval(0, infinity), Interval::unknown()}) {
        CHECK(!u.is_finite());
        CHECK(!(u + Interval(1)).is_finite());
        CHECK(!(u - Interval(1)).is_finite());
        CHECK(!(u * Interval(1)).is_finite());
        CHECK(!(u * Interval(0)).is_finite());
        CHECK(!(u / Interval(2)).is_finite());
        CHECK(!(u.magnitude() < infinity));
        CHECK(!(u.radius() < infinity));
    }
}

/// An activation with its first two derivatives, in more precision.
template <class A>
Derivatives<long double> reference(long double u) {
    if constexpr (std::is_same_v<A, Tanh>) {
        const long double f = std::tanh(u);
        const long double first = 1 / (std::cosh(u) * std::cosh(u));
        return {f, first, -2 * f * first};
    } else if constexpr (std::is_same_v<A, LogisticSigmoid>) {
        const long double f = 1 / (1 + std::exp(-u));
        const long double first = f / (1 + std::exp(u));
        return {f, first, -first * std::tanh(u / 2)};
    } else {
        const long double f = 1 / (1 + std::exp(-u));
        return {std::max(u, 0.0L) + std::log1p(std::exp(-std::abs(u))), f, f / (1 + std::exp(u))};
    }
}

/// The range of a derivative over u by many numbers within, its known turning points among them.
template <class A, class Of>
void check_range(Random& random, const Of& of) {
    for (int i = 0; i < n_trials / 20; ++i) {
        const Interval u = draw(random);
        const Interval range = of(enclosed<A>(u));
        long double least = infinity;
        long double largest = -infinity;
        std::vector<double> tried{u.low, u.high};
        for (const double turn : {0.0, 0.6584789484624084, 1.3169578969248166}) {
            tried.push_back(std::clamp(turn, u.low, u.high));
            tried.push_back(std::clamp(-turn, u.low, u.high));
        }
        for (int k = 0; k < 20; ++k) {
            tried.push_back(within(random, u));
        }
        for (const double x : tried) {
            const long double value = of(reference<A>(static_cast<long double>(x)));
            CHECK(holds(range, value));
            least = std::min(least, value);
            largest = std::max(largest, value);
        }
        const long double slack = 1e-8L * (u.high - u.low) + 1e-13L * (1 + std::abs(largest));
        CHECK(static_cast<long double>(range.low) >= least - slack);
        CHECK(static_cast<long double>(range.high) <= largest + slack);
    }
}

template <class A>
void check_activation(std::uint64_t seed) {
    Random random(seed);
    check_range<A>(random, [](const auto& f) { return f.value; });
    check_range<A>(random, [](const auto& f) { return f.first; });
    check_range<A>(random, [](const auto& f) { return f.second; });
}

TEST("the range of tanh, its slope and its bend is as wide as it must be, and no wider") {
    check_activation<Tanh>(3);
}

TEST("the range of a gate, its slope and its bend is as wide as it must be, and no wider") {
    check_activation<LogisticSigmoid>(4);
}

TEST("the range of softplus, its slope and its bend is as wide as it must be, and no wider") {
    check_activation<Softplus>(5);
}

TEST("a gate and its complement hold those of every number within") {
    Random random(7);
    for (int i = 0; i < n_trials / 10; ++i) {
        const Interval u = draw(random);
        const auto gate = enclosed_logistic(u);
        for (const double x : {u.low, u.high, within(random, u)}) {
            const auto exact = static_cast<long double>(x);
            CHECK(holds(gate.value, 1 / (1 + std::exp(-exact))));
            CHECK(holds(gate.complement, 1 / (1 + std::exp(exact))));
        }
    }
}

TEST("a gate's complement is narrow where the gate is nearly one") {
    const auto gate = enclosed_logistic(Interval(40, 40));
    CHECK(gate.complement.low > 0);
    CHECK(gate.complement.high - gate.complement.low < 1e-14 * gate.complement.high);
}

TEST("a function's slope at a kink is every slope between those of its sides, its bend unknown") {
    const auto relu = enclosed<Relu>(Interval(-1, 2));
    CHECK(relu.value.low == 0 && relu.value.high == 2);
    CHECK(relu.first.low == 0 && relu.first.high == 1 && !relu.second.is_finite());
    const auto clipped = enclosed<HardTanh>(Interval(0.5, 2));
    CHECK(clipped.value.low == 0.5 && clipped.value.high == 1);
    CHECK(clipped.first.low == 0 && clipped.first.high == 1 && !clipped.second.is_finite());
    const auto rectified = enclosed<RectifiedTanh>(Interval(-2, -1));
    CHECK(rectified.value.low == 0 && rectified.value.high == 0);
    CHECK(rectified.first.high == 0 && rectified.second.is_finite());
    CHECK(enclosed<Relu>(Interval(1, 2)).first.low == 1);
}

TEST("the value of a function with a kink is its range, on either side and across") {
    const auto is = [](const Interval& x, double low, double high) {
        return x.low == low && x.high == high;
    };
    for (const auto& [low, high] : {std::pair(-3.0, -1.0),
                                    {-2.0, 0.0},
                                    {-1.0, 2.0},
                                    {0.0, 2.0},
                                    {0.5, 2.0},
                                    {-0.5, 0.25},
                                    {-2.0, 2.0},
                                    {1.5, 1.5}}) {
        const Interval u(low, high);
        CHECK(is(enclosed<Relu>(u).value, std::max(low, 0.0), std::max(high, 0.0)));
        CHECK(is(enclosed<HardTanh>(u).value, std::clamp(low, -1.0, 1.0),
                 std::clamp(high, -1.0, 1.0)));
        const Interval rectified = enclosed<RectifiedTanh>(u).value;
        CHECK(holds(rectified, std::max(std::tanh(static_cast<long double>(low)), 0.0L)));
        CHECK(holds(rectified, std::max(std::tanh(static_cast<long double>(high)), 0.0L)));
        CHECK(rectified.low >= 0);
        CHECK(is(enclosed<Identity>(u).value, low, high));
    }
    CHECK(enclosed<Relu>(Interval(-2, -1)).first.high == 0);
    CHECK(enclosed<Relu>(Interval(-2, 0)).first.high == 1);  // the kink is at either end
    CHECK(enclosed<Relu>(Interval(0, 2)).first.low == 0);
    CHECK(!enclosed<Relu>(Interval(0, 2)).second.is_finite());
    CHECK(enclosed<Relu>(Interval(1, 2)).second.is_finite());
    CHECK(enclosed<HardTanh>(Interval(-0.5, 0.5)).first.low == 1);
    CHECK(enclosed<HardTanh>(Interval(2, 3)).first.high == 0);
    CHECK(enclosed<HardTanh>(Interval(-0.5, 1)).first.low == 0);
    CHECK(enclosed<HardTanh>(Interval(-3, 3)).first.high == 1);
    CHECK(!enclosed<HardTanh>(Interval(-1, 0)).second.is_finite());
    CHECK(enclosed<RectifiedTanh>(Interval(-1, 1)).first.low == 0);
    CHECK(enclosed<RectifiedTanh>(Interval(-1, 1)).first.high >= 1);
    CHECK(!enclosed<RectifiedTanh>(Interval(-1, 1)).second.is_finite());
    CHECK(enclosed<RectifiedTanh>(Interval(1, 1)).first.low > 0.4);
}

TEST("a function with a kink of what is not known has its whole range") {
    const auto relu = enclosed<Relu>(Interval(nan, nan));
    CHECK(relu.value.low <= 0 && !relu.value.is_finite());
    CHECK(relu.first.low == 0 && relu.first.high == 1);
    const auto clipped = enclosed<HardTanh>(Interval(nan, nan));
    CHECK(clipped.value.low == -1 && clipped.value.high == 1);
    CHECK(clipped.first.low == 0 && clipped.first.high == 1);
}

TEST("a sum that overflows is not known") {
    constexpr double most = std::numeric_limits<double>::max();
    CHECK(!(Interval(most) + Interval(most)).is_finite());
    CHECK(!(Interval(-most) - Interval(most)).is_finite());
    CHECK(!(Interval(most) * Interval(-2)).is_finite());
    CHECK(!(Interval(most) / Interval(0.5)).is_finite());
}

TEST("functions of what is not known have their whole range") {
    const auto f = enclosed<Tanh>(Interval(nan, nan));
    CHECK(f.value.low == -1 && f.value.high == 1);
    CHECK(f.first.low == 0 && f.first.high == 1);
    CHECK(f.second.low < -0.7698 && f.second.high > 0.7698);
    const auto gate = enclosed_logistic(Interval::unknown());
    CHECK(gate.value.low == 0 && gate.value.high == 1);
}

/// A gate times a tanh of two fields, as a cell's equation: value, gradient and Hessian.
TEST("derivatives of intervals hold those of every number within") {
    Random random(6);
    for (int i = 0; i < n_trials / 10; ++i) {
        const Interval u = draw(random);
        const Interval v = draw(random);
        const auto equation = [](const auto& a, const auto& b) {
            return logistic(a).value * tanh(b) / logistic(b).complement;
        };
        const auto over = equation(variable<0, 2>(u), variable<1, 2>(v));
        const auto at =
            equation(variable<0, 2>(within(random, u)), variable<1, 2>(within(random, v)));
        const double largest_term = 1 + std::exp(v.high);
        const auto close = [&](const Interval& range, double value) {
            const double slack = 1e-13 * largest_term;  // of the number's own rounding
            return !(value < range.low - slack) && !(value > range.high + slack);
        };
        CHECK(close(over.value, at.value));
        CHECK(close(over.gradient<0>(), at.gradient<0>()));
        CHECK(close(over.gradient<1>(), at.gradient<1>()));
        CHECK(close(over.hessian<0, 0>(), at.hessian<0, 0>()));
        CHECK(close(over.hessian<0, 1>(), at.hessian<0, 1>()));
        CHECK(close(over.hessian<1, 1>(), at.hessian<1, 1>()));
    }
}

}  // namespace
}  // namespace nullcline
