// Switching by setjmp and longjmp: ucontext's own switch makes a system call each time.
#undef _FORTIFY_SOURCE  // its longjmp takes another stack for a mistake
#include "fibers.hpp"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>

// The sanitizers' own interfaces (sanitizer/tsan_interface.h, common_interface_defs.h), null where
// the program is not linked with them. This file itself is to be compiled without ThreadSanitizer,
// which would take what fibers do here for races.
extern "C" {
[[gnu::weak]] void* __tsan_get_current_fiber();
[[gnu::weak]] void* __tsan_create_fiber(unsigned flags);
[[gnu::weak]] void __tsan_destroy_fiber(void* fiber);
[[gnu::weak]] void __tsan_switch_to_fiber(void* fiber, unsigned flags);
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
[[gnu::weak]] void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom,
                                                  std::size_t size);
[[gnu::weak]] void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom,
                                                   std::size_t* old_size);
}

namespace nullcline::emulated {
namespace {

constexpr std::size_t stack_bytes = std::size_t{512} * 1024;

void acquire(void* address) {
    if (__tsan_acquire != nullptr) {
        __tsan_acquire(address);
    }
}

void release(void* address) {
    if (__tsan_release != nullptr) {
        __tsan_release(address);
    }
}

/// A stack as the sanitizers know it: a fiber's, or that of the thread that runs the fibers.
struct KnownStack {
    void* tsan_fiber = nullptr;
    void* fake_stack = nullptr;
    const void* bottom = nullptr;
    std::size_t size = 0;

    /// To be called last on this stack, before `next` goes on.
    void leave_for(const KnownStack& next, bool for_good = false) {
        fake_stack = nullptr;
        if (__sanitizer_start_switch_fiber != nullptr) {
            __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack, next.bottom,
                                           next.size);
        }
        if (__tsan_switch_to_fiber != nullptr) {
            constexpr unsigned orders_nothing = 1;
            __tsan_switch_to_fiber(next.tsan_fiber, orders_nothing);
        }
    }

    /// To be called first on this stack, after `from` has left for it.
    void arrive_from(KnownStack* from) {
        if (__sanitizer_finish_switch_fiber != nullptr) {
            __sanitizer_finish_switch_fiber(fake_stack, from == nullptr ? nullptr : &from->bottom,
                                            from == nullptr ? nullptr : &from->size);
        }
    }
};

/// Unwinds a fiber that is not to go on, because another has failed.
struct Abandoned {};

}  // namespace

struct Fibers::Fiber {
    std::size_t rank = 0;
    std::vector<std::byte> stack = std::vector<std::byte>(stack_bytes);
    KnownStack known{
        .tsan_fiber = __tsan_create_fiber == nullptr ? nullptr : __tsan_create_fiber(0),
        .bottom = stack.data(),
        .size = stack.size(),
    };
    KnownStack scheduler_known;
    ucontext_t first{};
    jmp_buf here{};
    jmp_buf scheduler{};
    bool entered = false;
    bool ended = false;
    const Barrier* barrier = nullptr;  // where it waits, for a generation to end
    std::size_t generation = 0;

    Fiber() = default;
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber() {
        if (__tsan_destroy_fiber != nullptr) {
            __tsan_destroy_fiber(known.tsan_fiber);
        }
    }

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
    fiber.known.arrive_from(&fiber.scheduler_known);
    acquire(&self.start_);
    try {
        (*self.body_)(fiber.rank);
    } catch (const Abandoned&) {
    } catch (...) {
        if (!self.failure_) {
            self.failure_ = std::current_exception();
        }
    }
    fiber.ended = true;
    release(&self.end_);
    fiber.known.leave_for(fiber.scheduler_known, true);
    longjmp(fiber.scheduler, 1);
}

void Fibers::resume(Fiber& fiber) {
    current_ = &fiber;
    if (_setjmp(fiber.scheduler) != 0) {
        fiber.scheduler_known.arrive_from(nullptr);
        return;
    }
    if (__tsan_get_current_fiber != nullptr) {
        fiber.scheduler_known.tsan_fiber = __tsan_get_current_fiber();
    }
    fiber.scheduler_known.leave_for(fiber.known);
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
        fiber.known.leave_for(fiber.scheduler_known);
        longjmp(fiber.scheduler, 1);
    }
    fiber.known.arrive_from(&fiber.scheduler_known);
}

std::size_t Fibers::rank() const { return current_->rank; }

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
    release(&start_);
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
    acquire(&end_);
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
    void* const order = &barrier.orders[barrier.generation % 2];
    release(order);
    meet(barrier);
    acquire(order);
}

void Fibers::exchange(Exchange& exchange, std::size_t mine, std::uint64_t value,
                      std::uint64_t* all) {
    auto& values = exchange.values[exchange.barrier.generation % 2];
    values[mine] = value;
    meet(exchange.barrier);
    for (std::size_t i = 0; i < exchange.barrier.n_members; ++i) {
        all[i] = values[i];
    }
}

void Fibers::meet(Barrier& barrier) {
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
