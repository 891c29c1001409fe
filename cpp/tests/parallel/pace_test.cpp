// What is done now and then.
#include "nullcline/parallel/pace.hpp"

#include <chrono>

#include "support/claims.hpp"

namespace nullcline {
namespace {

TEST("a pace is due at once, and then once an interval however often it is asked") {
    Pace pace;
    const Pace::Clock::time_point begin{std::chrono::hours(1)};
    int n_due = 0;
    for (int millisecond = 0; millisecond < 1000; ++millisecond) {
        n_due += pace.is_due(begin + std::chrono::milliseconds(millisecond)) ? 1 : 0;
    }
    CHECK(n_due == std::chrono::milliseconds(1000) / poll_interval);
    CHECK(Pace().is_due());
}

}  // namespace
}  // namespace nullcline
