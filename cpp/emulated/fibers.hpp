// A block of a GPU's threads on one thread of the CPU: fibers that take turns at barriers.
//
// Threads of the system would not do: the order has to be ours, and adverse. The first fiber in
// line runs until a barrier stops it, then the next, so that one thread or one warp is as far ahead
// of the others as the barriers allow. The order in line changes all the time, reproducibly.
//
// Sanitizers are told of the fibers where a program is linked with one: ThreadSanitizer takes each
// for a thread, ordered with others by barriers alone, so that it sees the races of a block's
// threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
    std::array<char, 2> orders{};  // addresses for ThreadSanitizer, of odd and even generations
};

/// Where the fibers of a warp give each other a value each. As a GPU's shuffles it orders nothing
/// else that they have written or will read.
struct Exchange {
    static constexpr std::size_t max_members = 32;

    Barrier barrier;
    /// Of odd and even generations: nobody is two ahead of one who still reads.
    std::array<std::array<std::uint64_t, max_members>, 2> values{};
};

/// A value as what is exchanged, and back.
template <class T>
[[nodiscard]] std::uint64_t bits_of(const T& value) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t));
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}
template <class T>
[[nodiscard]] T from_bits(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

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

    /// Give `value`, within a fiber that is number `mine` of the members of an exchange, and take
    /// what each of them gives.
    void exchange(Exchange& exchange, std::size_t mine, std::uint64_t value, std::uint64_t* all);

    /// The rank of the fiber that calls.
    [[nodiscard]] std::size_t rank() const;

  private:
    struct Fiber;

    static void enter(unsigned low, unsigned high);
    void resume(Fiber& fiber);
    void yield();
    void meet(Barrier& barrier);
    void line_up();
    void abandon();
    [[nodiscard]] Fiber* first_that_may_run();

    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::vector<std::size_t> line_;
    std::minstd_rand random_;  // seeded alike in every run
    const std::function<void(std::size_t)>* body_ = nullptr;
    Fiber* current_ = nullptr;
    std::exception_ptr failure_;
    char start_ = 0;  // addresses for ThreadSanitizer
    char end_ = 0;
};

}  // namespace nullcline::emulated
