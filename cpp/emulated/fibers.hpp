// A block of a GPU's threads on one thread of the CPU: fibers that take turns at barriers.
//
// Threads of the system would not do: the order has to be ours, and adverse. The first fiber in
// line runs until a barrier stops it, then the next, so that one thread or one warp is as far ahead
// of the others as the barriers allow. The order in line changes all the time, reproducibly.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace nullcline::emulated {

/// A point at which a number of fibers wait for each other.
struct Barrier {
    std::size_t n_members = 0;
    std::size_t n_waiting = 0;
    std::size_t generation = 0;
};

/// A number of fibers that run one function.
class Fibers {
  public:
    explicit Fibers(std::size_t n);
    Fibers(const Fibers&) = delete;
    Fibers& operator=(const Fibers&) = delete;
    ~Fibers();

    /// Run `body(rank)` in every fiber until all return. What one throws is thrown here.
    void run(const std::function<void(std::size_t)>& body);

    /// Wait, within a fiber, until all members of the barrier do. That a barrier can never be
    /// completed, because a fiber has returned or waits elsewhere, makes `run` throw
    /// `std::logic_error`.
    void wait(Barrier& barrier);

  private:
    struct Fiber;

    static void enter(unsigned low, unsigned high);
    void resume(Fiber& fiber);
    void yield();
    void line_up();
    void abandon();
    [[nodiscard]] Fiber* first_that_may_run();

    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<std::size_t> line_;
    std::minstd_rand random_;  // seeded alike in every run
    const std::function<void(std::size_t)>* body_ = nullptr;
    Fiber* current_ = nullptr;
    std::exception_ptr failure_;
};

}  // namespace nullcline::emulated
