// A block of a GPU's threads on one thread of the CPU: fibers that take turns at barriers.
//
// The first in line goes on for as long as no barrier holds it, then the next, and so on: whatever
// is not ordered by barriers happens in unfortunate orders, one thread or one warp being as far
// ahead of the others as they allow. Who is first in line changes all the time.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace nullcline::emulated {

/// Where a number of fibers wait for each other.
struct Barrier {
    std::size_t n_members = 0;
    std::size_t n_waiting = 0;
    std::size_t generation = 0;
};

/// So many fibers that run one function.
class Fibers {
  public:
    explicit Fibers(std::size_t n);
    Fibers(const Fibers&) = delete;
    Fibers& operator=(const Fibers&) = delete;
    ~Fibers();

    /// Run `body(rank)` in every fiber until all return. What one throws is thrown here.
    void run(const std::function<void(std::size_t)>& body);

    /// Wait, within a fiber, until all members of the barrier do. That a barrier can never be
    /// completed, because somebody has left or waits elsewhere, is a `std::logic_error` of `run`.
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
    std::minstd_rand random_;  // always the same sequence
    const std::function<void(std::size_t)>* body_ = nullptr;
    Fiber* current_ = nullptr;
    std::exception_ptr failure_;
};

}  // namespace nullcline::emulated
