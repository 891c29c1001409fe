// Threads over independent work, while the caller waits and can be interrupted.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "nullcline/parallel/cancellation.hpp"
#include "nullcline/parallel/process.hpp"

namespace nullcline {

/// Called now and then by the thread that waits for the workers; what it throws stops the work.
using Poll = std::function<void()>;

inline constexpr std::chrono::milliseconds poll_interval{50};

/// Memory for nothing but to see whether there is room for it; null where there is none.
[[nodiscard]] inline std::unique_ptr<std::byte[]> room_for(std::size_t bytes) {
    std::unique_ptr<std::byte[]> room(new (std::nothrow) std::byte[bytes]);
    if (room) {  // a compiler may leave out what is never written to
        *static_cast<volatile std::byte*>(room.get()) = std::byte{};
    }
    return room;
}

/// How many of so many workers there is address space for; at least one.
///
/// OpenBLAS looks for ever for the 32 MiB that each thread's products need, and nothing interrupts
/// it. So where the space is limited, workers that it may not suffice for are not begun. What there
/// was room for once is not asked for again: their buffers are kept.
[[nodiscard]] inline std::size_t n_workers_with_room(std::size_t n_wanted) {
    constexpr std::size_t bytes = std::size_t{128} << 20U;  // also for a stack and the operands
    static std::atomic<std::size_t> n_ever{1};
    std::size_t n = std::min<std::size_t>(n_wanted, n_ever);
    std::vector<std::unique_ptr<std::byte[]>> rooms;
    rooms.reserve(n_wanted - n);
    for (; n < n_wanted; ++n) {
        if (!rooms.emplace_back(room_for(bytes))) {
            break;
        }
    }
    if (n > n_ever) {
        n_ever = n;
    }
    return n;
}

/// A thread that is waited for before it is forgotten, as std::jthread is, which the libraries of
/// Apple's compilers for macOS 14 lack.
class JoinedThread {
  public:
    template <class Work>
    explicit JoinedThread(const Work& work) : thread_(work) {}
    JoinedThread(JoinedThread&&) noexcept = default;
    JoinedThread& operator=(JoinedThread&&) = delete;
    ~JoinedThread() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

  private:
    std::thread thread_;
};

/// Run `body(cancellation)` in `n_workers` threads until all return.
///
/// The caller's thread computes nothing: it wakes every `poll_interval` to call `poll`. The first
/// exception, from a worker or from `poll`, stops the others and is thrown here once all have
/// returned. Where the system has fewer threads or less memory left, fewer do all the work: `body`
/// shares it out among those that come.
template <class Body>
void run_workers(std::size_t n_workers, const Body& body, const Poll& poll) {
    const std::size_t n_forks = Process::self().n_forks();
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t n_running = 0;
    std::exception_ptr failure;
    Cancellation cancellation;

    const auto fail = [&](std::exception_ptr error) {
        cancellation.request();
        if (!failure) {
            failure = std::move(error);
        }
    };
    const auto work = [&] {
        // A thread's first exception takes memory, which it had better not find used up: this takes
        // it now, or the C library would end the process.
        std::exception_ptr error = std::current_exception();
        try {
            const Computing computing;
            body(cancellation);
        } catch (...) {
            error = std::current_exception();
        }
        const std::lock_guard lock(mutex);
        if (error) {
            fail(std::move(error));
        }
        --n_running;
        ended.notify_one();
    };

    n_workers = n_workers_with_room(n_workers);
    auto workers = std::make_unique<std::vector<JoinedThread>>();
    workers->reserve(n_workers);
    std::unique_lock lock(mutex);
    try {
        for (std::size_t i = 0; i < n_workers; ++i) {
            workers->emplace_back(std::ref(work));
            ++n_running;
        }
    } catch (const std::system_error&) {
        if (n_running == 0) {
            fail(std::make_exception_ptr(NoThread()));
        }
    } catch (...) {
        fail(std::current_exception());
    }
    while (!ended.wait_for(lock, poll_interval, [&] { return n_running == 0; })) {
        lock.unlock();
        std::exception_ptr error;
        try {
            poll();
        } catch (...) {
            error = std::current_exception();
        }
        if (Process::self().n_forks() != n_forks) {  // `poll` has, and none of these is here
            static_cast<void>(workers.release());
            throw Forked();
        }
        lock.lock();
        if (error) {
            fail(std::move(error));
        }
    }
    lock.unlock();
    workers->clear();
    if (failure) {
        std::rethrow_exception(failure);
    }
    if (Process::self().ends()) {
        throw ProcessEnds();
    }
}

/// Call `body(first, count)` for every tile of `n` items, tiles spread over threads as they free
/// up.
template <class Body>
void for_each_tile(std::size_t n, std::size_t tile, std::size_t n_threads, const Body& body,
                   const Poll& poll) {
    const std::size_t n_tiles = (n + tile - 1) / tile;
    if (n_tiles <= 1) {  // too short to interrupt, and not worth a thread
        if (n > 0) {
            body(std::size_t{0}, n);
        }
        return;
    }
    std::atomic<std::size_t> next{0};
    const auto take_tiles = [&](const Cancellation& cancellation) {
        for (std::size_t i = next++; i < n_tiles && !cancellation.requested(); i = next++) {
            body(i * tile, std::min(tile, n - i * tile));
        }
    };
    run_workers(std::min(n_threads, n_tiles), take_tiles, poll);
}

}  // namespace nullcline
