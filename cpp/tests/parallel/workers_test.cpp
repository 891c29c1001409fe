// Workers and tiles: everyone runs once, and exceptions come to the thread that waits.
#include "nullcline/parallel/workers.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/claims.hpp"

namespace nullcline {
namespace {

struct FromWorker : std::runtime_error {
    FromWorker() : std::runtime_error("a worker's") {}
};

struct FromPoll : std::runtime_error {
    FromPoll() : std::runtime_error("poll's") {}
};

void wait_for(const Cancellation& cancellation) {
    while (!cancellation.requested()) {
        std::this_thread::yield();
    }
}

TEST("every worker runs once, and nothing is thrown where nobody throws") {
    std::atomic<int> n_runs{0};
    run_workers(5, [&](const Cancellation&) { ++n_runs; }, [] {});
    CHECK(n_runs == 5);
}

TEST("a worker's exception is thrown once all have ended") {
    constexpr int n_workers = 4;
    std::atomic<int> n_begun{0};
    std::atomic<int> n_ended{0};
    const auto body = [&](const Cancellation& cancellation) {
        if (++n_begun == n_workers) {
            ++n_ended;
            throw FromWorker();
        }
        wait_for(cancellation);  // for ever, unless the exception stops this one
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ++n_ended;
    };
    CHECK_THROWS(run_workers(n_workers, body, [] {}), FromWorker);
    CHECK(n_ended == n_workers);
}

TEST("poll's exception stops the workers and is thrown once all have ended") {
    constexpr int n_workers = 3;
    std::atomic<int> n_ended{0};
    const auto body = [&](const Cancellation& cancellation) {
        wait_for(cancellation);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ++n_ended;
    };
    CHECK_THROWS(run_workers(n_workers, body, [] { throw FromPoll(); }), FromPoll);
    CHECK(n_ended == n_workers);
}

TEST("of several exceptions the first is thrown") {
    const auto body = [](const Cancellation& cancellation) {
        wait_for(cancellation);
        throw FromWorker();
    };
    CHECK_THROWS(run_workers(3, body, [] { throw FromPoll(); }), FromPoll);
}

TEST("poll is called by the thread that waits, while workers work") {
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<int> n_polls{0};
    std::atomic<bool> by_caller{true};
    const auto body = [&](const Cancellation&) {
        by_caller = by_caller && std::this_thread::get_id() != caller;
        while (n_polls < 2) {
            std::this_thread::yield();
        }
    };
    run_workers(2, body, [&] {
        by_caller = by_caller && std::this_thread::get_id() == caller;
        ++n_polls;
    });
    CHECK(n_polls >= 2 && by_caller);
}

TEST("workers that there is no room for are not begun, and the others do the work") {
    constexpr std::size_t beyond = std::numeric_limits<std::size_t>::max() / 4;
    CHECK(room_for(1) && !room_for(beyond));
    CHECK(n_workers_with_room(1) == 1);
    CHECK(n_workers_with_room(3) <= 3 && n_workers_with_room(3) >= 1);
}

TEST("tiles cover every item once, whatever their size and the number of threads") {
    for (const std::size_t n : {0U, 1U, 7U, 48U, 100U}) {
        for (const std::size_t tile : {1U, 7U, 48U}) {
            for (const std::size_t n_threads : {1U, 3U}) {
                std::vector<std::atomic<int>> visits(n);
                const auto body = [&](std::size_t first, std::size_t count) {
                    CHECK(count > 0 && count <= tile && first + count <= n);
                    for (std::size_t i = first; i < first + count; ++i) {
                        ++visits[i];
                    }
                };
                for_each_tile(n, tile, n_threads, body, [] {});
                CHECK(std::ranges::all_of(visits, [](const auto& v) { return v == 1; }));
            }
        }
    }
}

TEST("a tile's exception leaves the tiles behind it alone") {
    std::atomic<int> n_tiles{0};
    const auto body = [&](std::size_t, std::size_t) {
        if (++n_tiles == 3) {
            throw FromWorker();
        }
    };
    CHECK_THROWS(for_each_tile(100, 1, 1, body, [] {}), FromWorker);
    CHECK(n_tiles == 3);
}

TEST("poll's exception leaves the tiles alone that nobody has begun") {
    constexpr int n_tiles = 5000;
    std::atomic<int> n_begun{0};
    const auto body = [&](std::size_t, std::size_t) {
        ++n_begun;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    CHECK_THROWS(for_each_tile(n_tiles, 1, 2, body, [] { throw FromPoll(); }), FromPoll);
    CHECK(n_begun < n_tiles);
}

}  // namespace
}  // namespace nullcline
