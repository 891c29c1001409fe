// Enumerations find the points that are known, prove each, and lose none to what is not finite.
#include "nullcline/enumeration/enumerate.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "nullcline/cells/rnn.hpp"
#include "nullcline/enumeration/cell_system.hpp"
#include "nullcline/enumeration/krawczyk.hpp"
#include "nullcline/enumeration/latent_system.hpp"
#include "nullcline/enumeration/relu_regions.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline::enumeration {
namespace {

using tests::Random;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What an `Rnn` with one activation for all units is made of.
struct Rates {
    Rates(Matrix<double> of, std::vector<double> bias, std::string_view activation)
        : weights(std::move(of)),
          drive(std::move(bias)),
          error(drive.size()),
          parameters(drive.size(),
                     static_cast<double>(static_cast<int>(*activation_named(activation)))) {}

    [[nodiscard]] CellWeights view() const { return {weights.view(), drive, error, parameters}; }

    Matrix<double> weights;
    std::vector<double> drive, error, parameters;
};

Matrix<double> diagonal(std::size_t n, double value) {
    Matrix<double> w(n, n);
    for (std::size_t i = 0; i < n; ++i) {
        w.view()(i, i) = value;
    }
    return w;
}

/// x with f(x) = 0 between two numbers at which f has different signs.
template <class F>
double bisect(const F& f, double low, double high) {
    const bool is_positive = f(low) > 0;
    for (int i = 0; i < 200; ++i) {
        const double middle = (low + high) / 2;
        ((f(middle) > 0) == is_positive ? low : high) = middle;
    }
    return low;
}

bool holds(const Sides& box, std::span<const double> x, double slack = 0) {
    return std::ranges::equal(box, x, [&](const Interval& side, double value) {
        return side.low - slack <= value && value <= side.high + slack;
    });
}

TEST("units that do not see each other have 3^k fixed points, each proved and of the right index") {
    const double outer = bisect([](double h) { return std::tanh(2 * h) - h; }, 0.1, 1);
    for (const std::size_t n : {1U, 2U, 4U}) {
        const Rates network(diagonal(n, 2), std::vector<double>(n), "tanh");
        const CellSystem<Rnn> system(network.view());
        const Enumerated found = enumerate(system, Sides(n, Interval(-1.001, 1.001)), {});
        std::size_t n_points = 1;
        for (std::size_t k = 0; k < n; ++k) {
            n_points *= 3;
        }
        CHECK(found.end == End::done && found.open.empty());
        CHECK(found.roots.size() == n_points);
        for (const Root& root : found.roots) {
            std::vector<double> point;
            int index = 1;
            for (const Interval& side : root.exists) {
                const double at = side.middle();
                point.push_back(std::abs(at) < 0.1 ? 0 : std::copysign(outer, at));
                index *= std::abs(at) < 0.1 ? -1 : 1;
            }
            CHECK(holds(root.exists, point, 1e-15));
            CHECK(largest_width(root.exists) < 1e-12);
            CHECK(root.index == index);
        }
    }
}

TEST("a search that is cut short leaves all points found or in open boxes") {
    const double outer = bisect([](double h) { return std::tanh(2 * h) - h; }, 0.1, 1);
    const Rates network(diagonal(2, 2), std::vector<double>(2), "tanh");
    for (const std::uint64_t most : {1U, 5U, 20U}) {
        Limits limits;
        limits.most_boxes = most;
        const Enumerated found =
            enumerate(CellSystem<Rnn>(network.view()), Sides(2, Interval(-1.001, 1.001)), limits);
        for (const double a : {-outer, 0.0, outer}) {
            for (const double b : {-outer, 0.0, outer}) {
                const std::array point{a, b};
                const bool is_known = std::ranges::any_of(found.roots, [&](const Root& root) {
                    return holds(root.exists, point, 1e-14);
                });
                CHECK(is_known || std::ranges::any_of(found.open, [&](const Sides& box) {
                          return holds(box, point);
                      }));
            }
        }
    }
}

TEST("an enumeration is the same whatever the number of threads") {
    const Rates network(diagonal(4, 2), std::vector<double>(4), "tanh");
    const CellSystem<Rnn> system(network.view());
    Limits limits;
    const Sides box(4, Interval(-1.001, 1.001));
    const Enumerated one = enumerate(system, box, limits);
    limits.n_threads = 3;
    const Enumerated three = enumerate(system, box, limits);
    CHECK(one.n_boxes == three.n_boxes && one.roots.size() == three.roots.size());
    for (std::size_t i = 0; i < one.roots.size(); ++i) {
        CHECK(contains(one.roots[i].exists, three.roots[i].exists));
        CHECK(contains(three.roots[i].exists, one.roots[i].exists));
    }
}

TEST("latent variables and linear regions have the points that boxes have") {
    const double outer = bisect([](double h) { return std::tanh(2 * h) - h; }, 0.1, 1);
    Matrix<double> left(3, 1);
    Matrix<double> right(3, 1);
    left.view()(0, 0) = 2;
    right.view()(0, 0) = 1;
    const std::vector<double> zeros(3);
    const std::vector<Activation> activations(3, *activation_named("tanh"));
    const LatentSystem latent({left.view(), right.view(), zeros, zeros, zeros, activations});
    const Enumerated found = enumerate(latent, Sides(1, Interval(-1.5, 1.5)), {});
    CHECK(found.open.empty() && found.roots.size() == 3);
    CHECK(std::abs(found.roots.back().exists[0].middle() - outer) < 1e-13);

    // h = max(1 − 2 h', 0) of two: each alone, and both at 1/3
    Matrix<double> w(2, 2);
    w.view()(0, 1) = w.view()(1, 0) = -2;
    const Rates competing(w, {1, 1}, "relu");
    const Enumerated winners = enumerate_relu(competing.view(), 1e3, {});
    CHECK(winners.open.empty() && winners.roots.size() == 3);
    const Enumerated beyond = beyond_relu(competing.view(), 1e3, {});
    CHECK(beyond.open.empty() && beyond.roots.empty());
    // h = max(2 h − 1, 0): 0 and 1
    const Rates growing(diagonal(1, 2), {-1}, "relu");
    CHECK(enumerate_relu(growing.view(), 1e3, {}).roots.size() == 2);
}

TEST("what is larger than its bound is found by the search beyond it") {
    const Rates large(diagonal(1, 0.5), {100}, "relu");  // h = 200
    CHECK(!beyond_relu(large.view(), 100, {}).open.empty());
    CHECK(beyond_relu(large.view(), 1000, {}).open.empty());
}

/// Equations of two unknowns, of whose slopes one is not known.
struct Unknown {
    double odd;

    [[nodiscard]] static std::size_t size() { return 2; }
    static void relax(const Sides& box, Relaxation& out) {
        out = Relaxation(2);
        out.range = box;
        out.error.assign(2, infinity);
    }
    void slopes(const Sides& /*box*/, Slopes& out) const {
        out = Slopes(2);
        out.middle(0, 1) = odd;  // an upper triangle: elimination does not meet it
    }
    [[nodiscard]] static Balls residual(std::span<const double> x) {
        return {Ball{-x[0], 0}, Ball{-x[1], 0}};
    }
};

static_assert(System<Unknown>);

TEST("a box whose slopes are not known is neither proved nor left out") {
    for (const double odd : {nan, infinity}) {
        const Unknown system{odd};
        CHECK(!image_of(system, Sides(2, Interval(-1, 1))).has_value());
        Limits limits;
        limits.most_boxes = 50;
        limits.resolution = 0.1;
        const Enumerated found = enumerate(system, Sides(2, Interval(-1, 1)), limits);
        CHECK(found.roots.empty());
        CHECK(std::ranges::any_of(
            found.open, [](const Sides& box) { return holds(box, std::array{0.0, 0.0}); }));
    }
    Slopes slopes(2);
    slopes.radius(0, 0) = slopes.radius(1, 1) = nan;
    const auto [low, high] = halves({{Interval(0, 1), Interval(0, 4)}, 1}, slopes);
    CHECK(low.box[1].high < 4 && low.box[0].high == 1 && high.box[1].low == low.box[1].high);
}

/// x = slope x + bias, exactly linear.
struct Linear {
    double slope, bias;

    [[nodiscard]] static std::size_t size() { return 1; }
    static void relax(const Sides& box, Relaxation& out) {
        out = Relaxation(1);
        out.range = box;
        out.error.assign(1, infinity);
    }
    void slopes(const Sides& /*box*/, Slopes& out) const {
        out = Slopes(1);
        out.middle(0, 0) = slope;
    }
    [[nodiscard]] Balls residual(std::span<const double> x) const {
        return {Ball{slope * x[0] + bias - x[0], 1e-15}};
    }
};

TEST("an index is proved only where the determinant is away from zero") {
    for (const double slope : {-3.0, 0.5, 0.999, 1.001, 4.0}) {
        const auto image = image_of(Linear{slope, 0}, Sides{Interval(-1, 1)});
        CHECK(image.has_value());
        CHECK(image->index == (slope < 1 ? 1 : -1));
        CHECK(image->box[0].contains(0));
    }
    CHECK(!image_of(Linear{1, 0}, Sides{Interval(-1, 1)}).has_value());
    const auto near = image_of(Linear{1 + 0x1p-45, 0}, Sides{Interval(-1, 1)});
    CHECK(!near || near->index == 0 || near->index == -1);
}

TEST("an image holds the zero, wherever the box's middle is") {
    Random random(1);
    for (int i = 0; i < 2000; ++i) {
        const Linear system{random.uniform(-4, 0.9), random.uniform()};
        const double zero = system.bias / (1 - system.slope);
        const double radius = std::pow(10.0, random.uniform(-12, 0));
        const double middle = zero + radius * random.uniform();
        const auto image = image_of(system, Sides{Interval(middle - radius, middle + radius)});
        CHECK(image.has_value());
        CHECK(holds(image->box, std::array{zero}, 1e-15));
    }
}

TEST("an image of a map that bends holds the zero, too") {
    Random random(3);
    for (int i = 0; i < 1000; ++i) {
        const double zero = random.uniform(-0.8, 0.8);
        const double slope = random.uniform(-3, 0.8);
        const Rates network(diagonal(1, slope), {std::atanh(zero) - slope * zero}, "tanh");
        const double radius = std::pow(10.0, random.uniform(-6, -0.5));
        const double middle = zero + radius * random.uniform();
        const auto image = image_of(CellSystem<Rnn>(network.view()),
                                    Sides{Interval(middle - radius, middle + radius)});
        CHECK(!image || holds(image->box, std::array{zero}, 1e-14));
    }
}

TEST("the defect of an inverse is bounded, the matrix's radius included") {
    Random random(2);
    for (int trial = 0; trial < 500; ++trial) {
        const std::size_t n = 1 + random.below(5);
        Square a(n);
        Square radius(n);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                a(i, j) = random.uniform() + (i == j ? 3 : 0);
                radius(i, j) = 0.01 * random.uniform(0, 1);
            }
        }
        const auto inverse = invert(a);
        CHECK(inverse.has_value());
        const Square error = defect(inverse->matrix, a, radius);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) {
                long double product = i == j ? -1 : 0;
                long double spread = 0;
                for (std::size_t k = 0; k < n; ++k) {
                    const auto c = static_cast<long double>(inverse->matrix(i, k));
                    product += c * static_cast<long double>(a(k, j));
                    spread += std::abs(c) * static_cast<long double>(radius(k, j));
                }
                const long double bound = std::abs(product) + spread;
                CHECK(bound * (1 - 1e-15L) <= static_cast<long double>(error(i, j)));
                CHECK(static_cast<long double>(error(i, j)) <= bound * (1 + 1e-6L) + 1e-13L);
            }
        }
    }
}

TEST("zeros that are found twice are one, and those that cannot be told apart stay open") {
    const auto root = [](double low, double high, double reach) {
        return Root{{Interval(low, high)}, {Interval(low - reach, high + reach)}, 1};
    };
    Enumerated same;
    same.roots = {root(0, 1e-12, 1e-3), root(1e-13, 2e-12, 1e-3), root(0.5, 0.5 + 1e-12, 1e-3)};
    detail::merge_roots(same);
    CHECK(same.roots.size() == 2 && same.open.empty());
    Enumerated apart;
    apart.roots = {root(0, 1e-12, 0), root(5e-13, 2e-12, 0)};
    detail::merge_roots(apart);
    CHECK(apart.open.size() == 1);
    CHECK(apart.open[0][0].low == 0 && apart.open[0][0].high == 2e-12);
}

TEST("a box is inside another one where each side is, and its ends are within") {
    const Sides outer{Interval(0, 1), Interval(0, 1)};
    const Interval half(0.25, 0.75);
    CHECK(contains_inside(outer, {half, half}));
    for (const Interval& side : {Interval(-1, 0.5), Interval(0.5, 2), Interval(0, 0.5),
                                 Interval(0.5, 1), Interval(nan, 0.5), Interval(0.5, nan)}) {
        CHECK(!contains_inside(outer, {half, side}));
        CHECK(!contains_inside(outer, {side, half}));
    }
    CHECK(contains(outer, outer) && !contains(outer, {half, Interval(0.5, 2)}));
    CHECK(meet(outer, {half, Interval(1, 2)}) && !meet(outer, {half, Interval(1.5, 2)}));
}

TEST("boxes that touch are one cluster") {
    const std::vector<Sides> merged = detail::clusters(
        {{Interval(0, 1)}, {Interval(3, 4)}, {Interval(1, 2)}, {Interval(2, 2.5)}}, 1e-8);
    CHECK(merged.size() == 2);
}

}  // namespace
}  // namespace nullcline::enumeration
