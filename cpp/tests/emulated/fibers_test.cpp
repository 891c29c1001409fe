// Fibers and the barriers between them: order, exceptions, and what would be a deadlock.
#include "fibers.hpp"

#include <atomic>
#include <cstddef>
#include <functional>
#include <set>
#include <stdexcept>
#include <vector>

#include "support/claims.hpp"

namespace nullcline::emulated {
namespace {

constexpr std::size_t n_fibers = 6;

using Body = std::function<void(std::size_t)>;

TEST("every fiber runs to its end, with its own rank") {
    Fibers fibers(n_fibers);
    std::vector<int> ended(n_fibers);
    Barrier barrier{n_fibers};
    const Body body = [&](std::size_t rank) {
        fibers.wait(barrier);
        ++ended[rank];
    };
    fibers.run(body);
    CHECK(ended == std::vector<int>(n_fibers, 1));
    fibers.run(body);
    CHECK(ended == std::vector<int>(n_fibers, 2));
}

TEST("no fiber passes a barrier before all have come to it") {
    Fibers fibers(n_fibers);
    Barrier barrier{n_fibers};
    std::atomic<std::size_t> n_come = 0;
    const Body body = [&](std::size_t) {
        for (std::size_t round = 1; round <= 200; ++round) {
            ++n_come;
            fibers.wait(barrier);
            CHECK(n_come == round * n_fibers);
            fibers.wait(barrier);
        }
    };
    fibers.run(body);
    CHECK(n_come == 200 * n_fibers);
}

TEST("who is first between barriers changes, so that races show") {
    Fibers fibers(n_fibers);
    Barrier barrier{n_fibers};
    constexpr std::size_t nobody = n_fibers;
    std::vector<std::atomic<std::size_t>> firsts(500);
    for (auto& first : firsts) {
        first = nobody;
    }
    const Body body = [&](std::size_t rank) {
        for (auto& first : firsts) {
            std::size_t before = nobody;
            first.compare_exchange_strong(before, rank);
            fibers.wait(barrier);
        }
    };
    fibers.run(body);
    const std::set<std::size_t> first(firsts.begin(), firsts.end());
    CHECK(first.size() == n_fibers);
}

TEST("what a fiber throws is thrown by the run, and the fibers that wait for it are unwound") {
    Fibers fibers(n_fibers);
    Barrier barrier{n_fibers};
    std::atomic<std::size_t> n_unwound = 0;
    struct Count {
        std::atomic<std::size_t>& n;
        ~Count() { ++n; }
    };
    const Body body = [&](std::size_t rank) {
        const Count count{n_unwound};
        if (rank == 3) {
            throw std::domain_error("rank 3's");
        }
        fibers.wait(barrier);
    };
    CHECK_THROWS(fibers.run(body), std::domain_error);
    CHECK(n_unwound == n_fibers);
}

TEST("a barrier that cannot be completed is a logic error and no deadlock") {
    Fibers fibers(n_fibers);
    Barrier barrier{n_fibers};
    const Body body = [&](std::size_t rank) {
        if (rank != 0) {
            fibers.wait(barrier);
        }
    };
    CHECK_THROWS(fibers.run(body), std::logic_error);
}

}  // namespace
}  // namespace nullcline::emulated
