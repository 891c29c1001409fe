// Switching by setjmp and longjmp: ucontext's own switch makes a system call each time.
#undef _FORTIFY_SOURCE  // its longjmp takes another stack for a mistake
#include "fibers.hpp"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
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
};

Fibers::Fibers(std::size_t n) {
    for (std::size_t rank = 0; rank < n; ++rank) {
        fibers_.push_back(std::make_unique<Fiber>());
        fibers_.back()->rank = rank;
        turns_.push_back(rank);
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
    ++self.n_events_;
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

void Fibers::run(const std::function<void(std::size_t)>& body) {
    body_ = &body;
    failure_ = nullptr;
    for (const auto& fiber : fibers_) {
        fiber->entered = fiber->ended = false;
    }
    for (bool going = true; going;) {
        going = false;
        const std::size_t n_events = n_events_;
        std::ranges::shuffle(turns_, random_);
        for (const std::size_t rank : turns_) {
            Fiber& fiber = *fibers_[rank];
            if (!fiber.ended) {
                resume(fiber);
                going = going || !fiber.ended;
            }
        }
        if (going && n_events == n_events_ && !failure_) {
            failure_ = std::make_exception_ptr(
                std::logic_error("threads of a block wait at barriers that cannot be completed"));
        }
    }
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

void Fibers::wait(Barrier& barrier) {
    if (++barrier.n_waiting == barrier.n_members) {
        barrier.n_waiting = 0;
        ++barrier.generation;
        ++n_events_;
        return;
    }
    const std::size_t generation = barrier.generation;
    while (barrier.generation == generation) {
        yield();
        if (failure_) {
            throw Abandoned();
        }
    }
}

}  // namespace nullcline::emulated
