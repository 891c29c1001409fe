// Boxes of states: their ranges, their faces, and projection into them.
#include "nullcline/numerics/box.hpp"

#include <cstddef>
#include <limits>
#include <vector>

#include "nullcline/parallel/serial_group.hpp"
#include "support/claims.hpp"
#include "support/random.hpp"

namespace nullcline {
namespace {

using tests::Random;

TEST("the open unit range holds the largest number below one, and not one") {
    const Box<double> box{open_unit_range<double>};
    CHECK(box.contains(0, 1 - std::numeric_limits<double>::epsilon()));
    CHECK(box.contains(0, -1 + std::numeric_limits<double>::epsilon()));
    CHECK(!box.contains(0, 1) && !box.contains(0, -1));
    CHECK(!box.has_faces());
}

TEST("a box of one range holds for every unit what lies between its bounds") {
    const Box<double> box{{-2, 3, true}};
    for (const std::size_t unit : {std::size_t{0}, std::size_t{5}}) {
        CHECK(box.contains(unit, -2) && box.contains(unit, 3) && box.contains(unit, 0));
        CHECK(!box.contains(unit, -2.001) && !box.contains(unit, 3.001));
        CHECK(!box.contains(unit, std::numeric_limits<double>::quiet_NaN()));
    }
}

TEST("a box that is shifted holds what it says, unit by unit") {
    Random random(21);
    const std::size_t n = 50;
    std::vector<double> lows = random.vector<double>(n, -2, 0);
    std::vector<double> highs = random.vector<double>(n, 0, 2);
    const std::vector<double> shifts = random.vector<double>(n, -5, 5);
    const Box<double> box{{0, 0, true}, lows.data(), highs.data(), shifts.data()};
    const Box<double> unshifted{{0, 0, true}, lows.data(), highs.data()};
    for (std::size_t i = 0; i < n; ++i) {
        CHECK(unshifted.low(i) == lows[i] && unshifted.high(i) == highs[i]);
        CHECK_CLOSE(box.low(i), lows[i] + shifts[i], 1e-15);
        CHECK_CLOSE(box.high(i), highs[i] + shifts[i], 1e-15);
        const double value = random.uniform(-8, 8);
        CHECK(box.contains(i, value) == (value >= box.low(i) && value <= box.high(i)));
        CHECK(box.contains(i, box.nearest(i, value)));
        CHECK(!box.contains(i, value) || box.nearest(i, value) == value);
        CHECK(value <= box.high(i) || box.nearest(i, value) == box.high(i));
        CHECK(value >= box.low(i) || box.nearest(i, value) == box.low(i));
    }
}

TEST("a face blocks descent that would leave the box, and no other") {
    const Box<double> box{{-1, 1, true}};
    CHECK(box.stops_descent(0, 1, -0.5) && box.stops_descent(0, -1, 0.5));
    CHECK(!box.stops_descent(0, 1, 0.5) && !box.stops_descent(0, -1, -0.5));
    CHECK(!box.stops_descent(0, 0.5, -0.5) && !box.stops_descent(0, -0.5, 0.5));
    CHECK(!box.stops_descent(0, 1, 0.0));
}

TEST("projection brings a state into its box, says so, and does nothing a second time") {
    Random random(22);
    const SerialGroup group;
    const Box<double> box{{-1, 1, true}};
    for (int trial = 0; trial < 20; ++trial) {
        std::vector<double> state = random.vector<double>(30, -1, 1);
        const std::size_t where = random.below(30);
        const std::vector<double> inside = state;
        CHECK(!project_into(group, box, std::span<double>(state)));
        CHECK(state == inside);
        state[where] = random.uniform() < 0 ? -1.5 : 1.5;
        const double face = state[where] < 0 ? -1 : 1;
        CHECK(project_into(group, box, std::span<double>(state)));
        CHECK(state[where] == face);
        CHECK(!project_into(group, box, std::span<double>(state)));
    }
}

}  // namespace
}  // namespace nullcline
