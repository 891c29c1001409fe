// Switching by setjmp and longjmp: ucontext's own switch makes a system call each time.
#undef _FORTIFY_SOURCE  // its longjmp takes another stack for a mistake
#include "fibers.hpp"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>

namespace nullcline::emulated {
namespace {

constexpr std::size_t stack_bytes = std::size_t{512} * 1024;

/// Unwinds a fiber that is not to go on, because another has failed.
struct Abandoned {};

}  // namespace

struct Fibers::Fiber {
    std::size_t rank = 0;
    std::vector<std::byte> stack = std::vector<std::byte>(stack_bytes);
    ucontext_t first{};
    jmp_buf here{};
    jmp_buf scheduler{};
    bool entered = false;
    bool ended = false;
    const Barrier* barrier = nullptr;  // where it waits, for a generation to end
    std::size_t generation = 0;

    [[nodiscard]] bool may_run() const {
        return !ended && (barrier == nullptr || barrier->generation != generation);
    }
};

Fibers::Fibers(std::size_t n) {
    for (std::size_t rank = 0; rank < n; ++rank) {
        fibers_.push_back(std::make_unique<Fiber>());
        fibers_.back()->rank = rank;
        line_.push_back(rank);
    }
}

Fibers::~Fibers() = default;

void Fibers::enter(unsigned low, unsigned high) {
    const auto address =
        static_cast<std::uintptr_t>(low) | (static_cast<std::uintptr_t>(high) << 32U);
    auto& self = *reinterpret_cast<Fibers*>(address);
    Fiber& fiber = *self.current_;
    try {
        (*self.body_)(fiber.rank);
    } catch (const Abandoned&) {
    } catch (...) {
        if (!self.failure_) {
            self.failure_ = std::current_exception();
        }
    }
    fiber.ended = true;
    longjmp(fiber.scheduler, 1);
}

void Fibers::resume(Fiber& fiber) {
    current_ = &fiber;
    if (_setjmp(fiber.scheduler) != 0) {
        return;
    }
    if (fiber.entered) {
        longjmp(fiber.here, 1);
    }
    fiber.entered = true;
    getcontext(&fiber.first);
    fiber.first.uc_stack.ss_sp = fiber.stack.data();
    fiber.first.uc_stack.ss_size = fiber.stack.size();
    fiber.first.uc_link = nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(this);
    using Entry = void (*)();
    makecontext(&fiber.first, reinterpret_cast<Entry>(&Fibers::enter), 2,
                static_cast<unsigned>(address), static_cast<unsigned>(address >> 32U));
    setcontext(&fiber.first);
}

void Fibers::yield() {
    Fiber& fiber = *current_;
    if (_setjmp(fiber.here) == 0) {
        longjmp(fiber.scheduler, 1);
    }
}

/// Order the fibers at random, or by rank from a random one on, so that whole warps are ahead.
void Fibers::line_up() {
    if (random_() % 2 == 0) {
        std::ranges::shuffle(line_, random_);
        return;
    }
    std::iota(line_.begin(), line_.end(), random_() % line_.size());
    for (std::size_t& rank : line_) {
        rank %= line_.size();
    }
}

Fibers::Fiber* Fibers::first_that_may_run() {
    for (const std::size_t rank : line_) {
        if (fibers_[rank]->may_run()) {
            return fibers_[rank].get();
        }
    }
    return nullptr;
}

void Fibers::run(const std::function<void(std::size_t)>& body) {
    constexpr std::size_t turns_per_order = 100;
    body_ = &body;
    failure_ = nullptr;
    for (const auto& fiber : fibers_) {
        fiber->entered = fiber->ended = false;
        fiber->barrier = nullptr;
    }
    std::size_t n_turns = 0;
    line_up();
    while (Fiber* const fiber = first_that_may_run()) {
        resume(*fiber);
        if (++n_turns % turns_per_order == 0) {
            line_up();
        }
    }
    if (!std::ranges::all_of(fibers_, [](const auto& fiber) { return fiber->ended; })) {
        abandon();
    }
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

/// End fibers that wait at barriers that cannot be completed.
void Fibers::abandon() {
    if (!failure_) {
        failure_ = std::make_exception_ptr(
            std::logic_error("threads of a block wait at barriers that cannot be completed"));
    }
    for (const auto& fiber : fibers_) {
        if (!fiber->ended) {
            resume(*fiber);
        }
    }
}

void Fibers::wait(Barrier& barrier) {
    if (++barrier.n_waiting == barrier.n_members) {
        barrier.n_waiting = 0;
        ++barrier.generation;
        return;
    }
    current_->barrier = &barrier;
    current_->generation = barrier.generation;
    yield();
    if (current_->may_run()) {
        current_->barrier = nullptr;
    } else {
        throw Abandoned();
    }
}

}  // namespace nullcline::emulated
