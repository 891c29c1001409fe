// Jets against the rules of calculus, written out, and against finite differences.
#include "nullcline/numerics/jet.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "nullcline/numerics/activations.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

constexpr std::size_t n_fields = 3;

/// A jet with its derivatives by all fields, zeros included.
struct Dense {
    double value = 0;
    std::array<double, n_fields> gradient{};
    std::array<std::array<double, n_fields>, n_fields> hessian{};
};

template <class J, std::size_t p, std::size_t... q>
void write_row(const J& jet, Dense& dense, std::index_sequence<q...>) {
    dense.gradient[p] = jet.template gradient<p>();
    ((dense.hessian[p][q] = jet.template hessian<(p < q ? p : q), (p < q ? q : p)>()), ...);
}

template <class J, std::size_t... p>
Dense dense_of(const J& jet, std::index_sequence<p...> fields) {
    Dense dense;
    dense.value = jet.value;
    (write_row<J, p>(jet, dense, fields), ...);
    return dense;
}

template <class J>
Dense dense_of(const J& jet) {
    return dense_of(jet, std::make_index_sequence<n_fields>{});
}

template <unsigned mask>
Jet<double, mask, 2> random_jet(Random& random) {
    Jet<double, mask, 2> jet{};
    jet.value = random.uniform(0.5, 2);
    for (double& entry : jet.gradient_entries) {
        entry = random.uniform();
    }
    for (double& entry : jet.hessian_entries) {
        entry = random.uniform();
    }
    return jet;
}

/// Call `check(expected_gradient(p), expected_hessian(p, q))` on every derivative of `actual`.
template <class Gradient, class Hessian>
void check_derivatives(const Dense& actual, const Gradient& gradient, const Hessian& hessian,
                       double tolerance) {
    for (std::size_t p = 0; p < n_fields; ++p) {
        CHECK_CLOSE(actual.gradient[p], gradient(p), tolerance);
        for (std::size_t q = 0; q < n_fields; ++q) {
            CHECK_CLOSE(actual.hessian[p][q], hessian(p, q), tolerance);
        }
    }
}

/// Of everything that equations of cells are made of.
template <int order>
auto composite(const std::array<double, n_fields>& at) {
    const auto x = variable<0, order>(at[0]);
    const auto y = variable<1, order>(at[1]);
    const auto z = variable<2, order>(at[2]);
    const auto three = constant<order>(3.0);
    const auto gate = logistic(x - y * z);
    return gate.value * tanh(x * z + y) +
           gate.complement * z * activate<Relu>(x + three) / (three + x * y);
}

TEST("the jet of a sum or difference has the sums or differences of derivatives") {
    Random random(41);
    for (int trial = 0; trial < 100; ++trial) {
        const auto a = random_jet<0b011>(random);
        const auto b = random_jet<0b110>(random);
        const Dense da = dense_of(a);
        const Dense db = dense_of(b);
        for (const double sign : {1.0, -1.0}) {
            const Dense result = sign > 0 ? dense_of(a + b) : dense_of(a - b);
            CHECK_CLOSE(result.value, a.value + sign * b.value, 1e-15);
            check_derivatives(
                result, [&](auto p) { return da.gradient[p] + sign * db.gradient[p]; },
                [&](auto p, auto q) { return da.hessian[p][q] + sign * db.hessian[p][q]; }, 1e-15);
        }
    }
}

TEST("the jet of a product is the product rule") {
    Random random(42);
    for (int trial = 0; trial < 100; ++trial) {
        const auto a = random_jet<0b011>(random);
        const auto b = random_jet<0b110>(random);
        const Dense da = dense_of(a);
        const Dense db = dense_of(b);
        const Dense product = dense_of(a * b);
        CHECK_CLOSE(product.value, a.value * b.value, 1e-15);
        check_derivatives(
            product, [&](auto p) { return da.gradient[p] * b.value + a.value * db.gradient[p]; },
            [&](auto p, auto q) {
                return da.hessian[p][q] * b.value + da.gradient[p] * db.gradient[q] +
                       da.gradient[q] * db.gradient[p] + a.value * db.hessian[p][q];
            },
            1e-14);
    }
}

TEST("a quotient's jet times the divisor's is the dividend's") {
    Random random(43);
    for (int trial = 0; trial < 100; ++trial) {
        const auto a = random_jet<0b011>(random);
        const auto b = random_jet<0b110>(random);
        const Dense expected = dense_of(a);
        const Dense actual = dense_of(a / b * b);
        CHECK_CLOSE(actual.value, expected.value, 1e-14);
        check_derivatives(
            actual, [&](auto p) { return expected.gradient[p]; },
            [&](auto p, auto q) { return expected.hessian[p][q]; }, 1e-13);
    }
}

TEST("first derivatives of a jet agree with finite differences") {
    Random random(44);
    const double step = 1e-5;
    for (int trial = 0; trial < 100; ++trial) {
        const std::array at{random.uniform(), random.uniform(), random.uniform()};
        const Dense jet = dense_of(composite<2>(at));
        for (std::size_t p = 0; p < n_fields; ++p) {
            auto before = at;
            auto after = at;
            before[p] -= step;
            after[p] += step;
            const double difference = composite<0>(after).value - composite<0>(before).value;
            CHECK_CLOSE(jet.gradient[p], difference / (2 * step), 1e-8);
        }
    }
}

TEST("second derivatives of a jet agree with finite differences of first ones") {
    Random random(45);
    const double step = 1e-5;
    for (int trial = 0; trial < 100; ++trial) {
        const std::array at{random.uniform(), random.uniform(), random.uniform()};
        const Dense jet = dense_of(composite<2>(at));
        for (std::size_t p = 0; p < n_fields; ++p) {
            auto before = at;
            auto after = at;
            before[p] -= step;
            after[p] += step;
            const Dense low = dense_of(composite<1>(before));
            const Dense high = dense_of(composite<1>(after));
            for (std::size_t q = 0; q < n_fields; ++q) {
                const double difference = high.gradient[q] - low.gradient[q];
                CHECK_CLOSE(jet.hessian[p][q], difference / (2 * step), 1e-8);
            }
        }
    }
}

TEST("a jet's value and gradient do not depend on the order that it is asked for") {
    Random random(46);
    for (int trial = 0; trial < 100; ++trial) {
        const std::array at{random.uniform(), random.uniform(), random.uniform()};
        const Dense second = dense_of(composite<2>(at));
        CHECK(dense_of(composite<1>(at)).gradient == second.gradient);
        CHECK(composite<1>(at).value == second.value);
        CHECK(composite<0>(at).value == second.value);
    }
}

TEST("a gate's jet and its complement's add up to the constant one") {
    Random random(47);
    for (int trial = 0; trial < 100; ++trial) {
        const auto gate = logistic(random_jet<0b101>(random));
        const Dense sum = dense_of(gate.value + gate.complement);
        CHECK_CLOSE(sum.value, 1.0, 1e-15);
        check_derivatives(sum, [](auto) { return 0.0; }, [](auto, auto) { return 0.0; }, 1e-15);
    }
}

TEST("the jet of a ReLU is its argument's or nothing, and NaN stays NaN") {
    Random random(48);
    auto u = random_jet<0b011>(random);
    const Dense active = dense_of(activate<Relu>(u));
    CHECK(active.value == u.value && active.gradient == dense_of(u).gradient);
    CHECK(active.hessian == dense_of(u).hessian);
    u.value = -u.value;
    const Dense silent = dense_of(activate<Relu>(u));
    CHECK(silent.value == 0);
    check_derivatives(silent, [](auto) { return 0.0; }, [](auto, auto) { return 0.0; }, 0.0);
    u.value = std::numeric_limits<double>::quiet_NaN();
    CHECK(std::isnan(activate<Relu>(u).value));
}

TEST("a jet holds derivatives by the fields that it depends on and by no others") {
    const auto x = variable<0, 2>(1.0);
    const auto z = variable<2, 2>(2.0);
    using Product = decltype(x * z);
    CHECK(Product::fields == 0b101U);
    CHECK(Product::n_gradient == 2 && Product::n_hessian == 3);
    CHECK(Product::field_at(0) == 0 && Product::field_at(1) == 2);
    CHECK((x * z).gradient<1>() == 0);
}

template <unsigned mask>
void check_places() {
    using J = Jet<double, mask, 2>;
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < J::n_fields; ++i) {
        for (std::size_t j = i; j < J::n_fields; ++j, ++wanted) {
            CHECK(J::pair_place(i, j) == wanted);
            CHECK(J::pair_at(wanted) == std::pair(i, j));
        }
    }
    CHECK(wanted == J::n_hessian);
}

TEST("second derivatives stand in the rows of an upper triangle") {
    check_places<0b1>();
    check_places<0b11>();
    check_places<0b1101>();
    check_places<0b111111>();
}

}  // namespace
}  // namespace nullcline
