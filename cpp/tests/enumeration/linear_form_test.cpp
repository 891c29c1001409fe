// Lines around functions, and linear forms of computations, against the same at random points.
#include "nullcline/enumeration/linear_form.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "nullcline/enumeration/contraction.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline::enumeration {
namespace {

using tests::Random;

Interval random_interval(Random& random) {
    const double middle = random.uniform(-6, 6);
    const double radius = std::pow(10.0, random.uniform(-9, 1));
    return {middle - radius, middle + radius};
}

TEST("a function lies between the lines of its chord, over intervals of every width") {
    Random random(1);
    for (int i = 0; i < 20'000; ++i) {
        const Interval u = random_interval(random);
        const double x = std::clamp(random.uniform(u.low, u.high), u.low, u.high);
        with_activation(static_cast<Activation>(random.below(n_activations)), [&]<class A>() {
            const Chord chord = chord_of<A>(u);
            const double off = A::at(x).value - (chord.slope * x + chord.constant);
            CHECK(std::abs(off) <= chord.error + 1e-13 * (1 + std::abs(x)));
        });
    }
}

TEST("a wide chord leaves a third of what an interval of slopes does") {
    const Interval u(-3, 3);
    CHECK(tanh_chord(u).error < detail::chord_by_slopes<Tanh>(u).error / 3);
}

TEST("what is mapped into an image lies in its arguments") {
    Random random(2);
    for (int i = 0; i < 10'000; ++i) {
        const double x = random.uniform(-12, 12);
        CHECK(arguments_of<Tanh>(enclosed_tanh(x)).contains(x));
        CHECK(arguments_of<LogisticSigmoid>(enclosed_logistic(x).value).contains(x));
    }
}

/// A linear form of two fields, and a value that it holds, at the same point of the fields.
struct Sample {
    LinearForm form;
    double value;

    [[nodiscard]] bool holds(const std::array<double, 2>& at) const {
        double off = value - form.value;
        for (std::size_t k = 0; k < at.size(); ++k) {
            off -= form.spread[k] * at[k];
        }
        const double slack = 1e-12 * (1 + std::abs(value));
        return !(std::abs(off) > form.error + slack) && form.range.low <= value + slack &&
               value <= form.range.high + slack;
    }
};

TEST("a computation lies within its linear form wherever its fields are") {
    Random random(3);
    for (int i = 0; i < 20'000; ++i) {
        const std::array<double, 2> at{random.uniform(), random.uniform()};
        std::vector<Sample> samples;
        for (std::size_t k = 0; k < at.size(); ++k) {
            const double middle = random.uniform(-2, 2);
            const double radius = std::pow(10.0, random.uniform(-6, 0.5));
            LinearForm field{middle, {}, 0, {middle - radius, middle + radius}, nullptr};
            field.spread[k] = radius;
            samples.push_back({field, middle + radius * at[k]});
        }
        for (int step = 0; step < 5; ++step) {
            const Sample a = samples[random.below(samples.size())];
            const Sample b = samples[random.below(samples.size())];
            const std::size_t operation = random.below(6);
            if (operation == 0) {
                samples.push_back({a.form + b.form, a.value + b.value});
            } else if (operation == 1) {
                samples.push_back({a.form - b.form, a.value - b.value});
            } else if (operation == 2) {
                samples.push_back({a.form * b.form, a.value * b.value});
            } else if (operation == 3) {
                samples.push_back({tanh(a.form), std::tanh(a.value)});
            } else if (operation == 4) {
                const auto gate = logistic(a.form);
                samples.push_back({gate.value, 1 / (1 + std::exp(-a.value))});
            } else {
                const auto gate = logistic(a.form);
                samples.push_back({b.form / gate.complement, b.value * (1 + std::exp(a.value))});
            }
            if (!(std::abs(samples.back().value) < 1e3)) {
                break;
            }
            CHECK(samples.back().holds(at));
        }
    }
}

TEST("rows of a linear system are tightened, and no solution is lost") {
    Random random(4);
    for (int i = 0; i < 5'000; ++i) {
        constexpr std::size_t n = 4;
        const std::vector<double> a = random.vector<double>(n);
        const std::vector<double> x = random.vector<double>(n);
        Sides box(n);
        double sum = 0;
        for (std::size_t j = 0; j < n; ++j) {
            box[j] = {x[j] - random.uniform(0, 2), x[j] + random.uniform(0, 2)};
            sum += a[j] * x[j];
        }
        const Sides before = box;
        CHECK(tighten_row(a.data(), nullptr, n, {sum - 1e-9, sum + 1e-9}, box));
        for (std::size_t j = 0; j < n; ++j) {
            CHECK(box[j].contains(x[j]));
            CHECK(box[j].low >= before[j].low && box[j].high <= before[j].high);
        }
        double reach = 0;
        for (std::size_t j = 0; j < n; ++j) {
            reach += std::max(a[j] * before[j].low, a[j] * before[j].high);
        }
        Sides none = before;
        CHECK(!tighten_row(a.data(), nullptr, n, {reach + 1e-6, reach + 1}, none));
    }
}

TEST("the sign of a determinant is that of its factors") {
    Square a(3);
    const double entries[3][3] = {{0, 2, 1}, {1, 0, 0}, {0, 1, 3}};
    for (std::size_t i = 0; i < 3; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            a(i, j) = entries[i][j];
        }
    }
    const auto inverse = invert(a);  // det = -5
    CHECK(inverse.has_value());
    CHECK(inverse->sign == -1);
    const Square error = defect(inverse->matrix, a, Square(3));
    CHECK(error(0, 0) < 1e-14);
    CHECK(!invert(Square(2)).has_value());
}

}  // namespace
}  // namespace nullcline::enumeration
