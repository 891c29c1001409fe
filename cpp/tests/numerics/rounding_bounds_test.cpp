// Bounds of many roundings at once hold what is rounded, measured in twice the precision.
#include "nullcline/numerics/rounding_bounds.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include "nullcline/numerics/default_arithmetic.hpp"
#include "nullcline/numerics/flushed.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"
#include "support/twofold.hpp"

namespace nullcline {
namespace {

using tests::Random;
using tests::Twofold;

TEST("the relative error of n operations is n units of rounding and a little more") {
    for (const std::size_t n : {1U, 10U, 1000U, 1000000U}) {
        const double units = static_cast<double>(n) * 0x1p-53;
        CHECK(relative_error(n) > units);
        CHECK(relative_error(n) < units * (1 + 2 * units + 1e-9));
        // (1 + u)^n - 1, which γ_n bounds
        CHECK(relative_error(n) >= std::expm1(static_cast<double>(n) * std::log1p(0x1p-53)));
    }
}

TEST("a product with balls holds those of numbers within, where its terms cancel too") {
    Random random(1);
    for (int trial = 0; trial < 3000; ++trial) {
        const std::size_t n = 1 + random.below(30);
        std::vector<double> w(n);
        Balls x(n);
        double sum = 0;
        for (std::size_t j = 0; j < n; ++j) {
            w[j] = random.over_magnitudes(-3, 6);
            x[j] = {random.uniform(), random.below(2) == 0 ? 0 : random.uniform(0, 1)};
            sum += w[j] * x[j].middle;
        }
        const bool by_constant = random.below(2) == 0;
        const double constant = by_constant ? -sum : 0;
        if (!by_constant) {  // the last term cancels the others
            w[n - 1] -= sum / x[n - 1].middle;
        }
        const Affine found = dot(w, x, constant);
        Twofold highest;
        highest.add(constant);
        double linear = 0;
        for (std::size_t j = 0; j < n; ++j) {
            highest.add_product(w[j], x[j].middle);
            highest.add_product(std::abs(w[j]), x[j].radius);
            linear += std::abs(w[j]) * x[j].radius;
        }
        CHECK(highest.lies_in(found.ball().interval()));
        CHECK(found.linear >= linear * (1 - 1e-15));
    }
}

TEST("a ball and its interval hold the same numbers, but for rounding outward") {
    Random random(2);
    for (int trial = 0; trial < 3000; ++trial) {
        const Ball ball{random.over_magnitudes(-5, 5), std::abs(random.over_magnitudes(-20, 5))};
        const Interval all = ball.interval();
        Twofold top;
        top.add(ball.middle);
        top.add(ball.radius);
        Twofold bottom;
        bottom.add(ball.middle);
        bottom.add(-ball.radius);
        CHECK(top.lies_in(all) && bottom.lies_in(all));
        CHECK(all.high - all.low <= 2 * ball.radius + 1e-14 * ball.magnitude());
        const Ball back = ball_of(all);
        CHECK(back.middle - back.radius <= all.low && all.high <= back.middle + back.radius);
        CHECK(ball.magnitude() >= std::abs(ball.middle) + ball.radius);
    }
}

TEST("subnormal numbers count, whatever the caller has set, and are as they were afterwards") {
    const FlushedSubnormals caller;
    volatile double tiny = 0x1p-1060;
    volatile double huge = 0x1p1000;
    const bool were_lost = tiny * huge == 0;
    {
        const DefaultArithmetic arithmetic;
        CHECK(tiny * huge == 0x1p-60);
    }
    CHECK((tiny * huge == 0) == were_lost);
}

}  // namespace
}  // namespace nullcline
