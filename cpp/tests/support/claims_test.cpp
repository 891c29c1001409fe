// The checks themselves: tests that pass whatever happens would be worth nothing.
#include "support/claims.hpp"

#include <limits>
#include <stdexcept>

using nullcline::tests::Failure;

TEST("a check fails where its condition does not hold") {
    CHECK_THROWS(CHECK(1 + 1 == 3), Failure);
    CHECK(1 + 1 == 2);
}

TEST("numbers further apart than the tolerance, and NaN, are not close") {
    CHECK_CLOSE(1.0, 1.25, 0.25);
    CHECK_THROWS(CHECK_CLOSE(1.0, 1.25, 0.24), Failure);
    CHECK_THROWS(CHECK_CLOSE(1.25, 1.0, 0.24), Failure);
    CHECK_THROWS(CHECK_CLOSE(std::numeric_limits<double>::quiet_NaN(), 1.0, 1.0), Failure);
}

TEST("what throws nothing, or something else, fails a check that it throws") {
    const auto throws = [] { throw std::range_error("as it should"); };
    CHECK_THROWS(CHECK_THROWS(static_cast<void>(0), std::range_error), Failure);
    CHECK_THROWS(CHECK_THROWS(throws(), std::bad_alloc), std::range_error);
    CHECK_THROWS(throws(), std::range_error);
}
