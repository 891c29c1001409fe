// The process that threads compute in: it may end, or fork, while they do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <thread>

namespace nullcline {

/// How many threads compute, and whether they may go on.
///
/// At the process's end the linker takes libraries away, BLAS among them. Threads that compute in
/// the background are told to stop before that, and waited for. While it forks they pause, since a
/// lock that one of them held within BLAS would never be released in the child.
class Process {
  public:
    static Process& self() {
        static Process process;
        return process;
    }

    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    [[nodiscard]] bool ends() const {
        return state_.load(std::memory_order_relaxed) == State::ends;
    }
    /// Whether a thread that computes may go on; while the process forks it waits here.
    [[nodiscard]] bool goes_on() {
        if (state_.load(std::memory_order_relaxed) == State::forks) {
            leave();
            enter();
        }
        return !ends();
    }
    /// How many forks lie between this process and the one that loaded the core.
    [[nodiscard]] std::size_t n_forks() const { return n_forks_; }

    /// Before a fork: have all that compute pause.
    void pause() {
        state_ = State::forks;
        wait_for_computing();
    }
    /// After it, in the parent.
    void resume() { state_ = State::runs; }
    /// After it, in the child, by the one thread that came along.
    void begin_as_child() {
        n_computing_ = 0;
        ++n_forks_;
        resume();
    }

    void enter() {
        ++n_computing_;
        while (state_ == State::forks) {
            --n_computing_;
            sleep();
            ++n_computing_;
        }
    }
    void leave() { --n_computing_; }

  private:
    Process() = default;

    enum class State { runs, forks, ends };

    ~Process() {
        state_ = State::ends;
        wait_for_computing();
    }

    /// Not for ever: the thread that ends the process may be one of those that compute.
    void wait_for_computing() const {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (n_computing_ > 0 && std::chrono::steady_clock::now() < deadline) {
            sleep();
        }
    }
    static void sleep() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }

    std::atomic<State> state_{State::runs};
    std::atomic<std::size_t> n_computing_{0};
    std::atomic<std::size_t> n_forks_{0};
};

/// While it lives, its thread computes.
class Computing {
  public:
    Computing() { Process::self().enter(); }
    ~Computing() { Process::self().leave(); }
    Computing(const Computing&) = delete;
    Computing& operator=(const Computing&) = delete;
};

/// Thrown where a computation is given up because the process ends.
struct ProcessEnds : std::runtime_error {
    ProcessEnds() : std::runtime_error("the process ends, and what it computed is given up") {}
};

/// Thrown where a computation cannot go on since its other threads stayed in the parent process.
struct Forked : std::runtime_error {
    Forked()
        : std::runtime_error(
              "this process was forked from within a computation, whose threads stayed in the "
              "parent: compute in the parent, or begin anew in the child") {}
};

/// Thrown where no thread can be started.
struct NoThread : std::runtime_error {
    NoThread()
        : std::runtime_error(
              "no thread can be started: the system's limit of threads or of memory is reached") {}
};

}  // namespace nullcline
