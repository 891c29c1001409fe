#include "block.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "device.hpp"

namespace nullcline::cuda_on_cpu {
namespace {

std::atomic<std::size_t> n_run = 0;  // kernels

using emulated::Barrier;
using emulated::Exchange;
using emulated::Fibers;

/// A block while it runs; its threads are `fibers`.
struct Block {
    Block(unsigned block_size, unsigned block_index, Fibers& threads)
        : size(block_size), index(block_index), fibers(threads), warps(size / warp_width) {
        whole.n_members = size;
        for (Warp& warp : warps) {
            warp.barrier.n_members = warp_width;
            warp.exchange.barrier.n_members = warp_width;
        }
    }

    struct Warp {
        Barrier barrier;
        Exchange exchange;
    };

    [[nodiscard]] Warp& warp() { return warps[fibers.rank() / warp_width]; }

    unsigned size, index;
    Fibers& fibers;
    Barrier whole;
    std::vector<Warp> warps;
};

thread_local Block* block = nullptr;

/// Runs every `n_processors`-th block of the kernels that it is given, in a thread of its own.
class Processor {
  public:
    static constexpr unsigned n_processors = 2;

    explicit Processor(unsigned number) : number_(number), thread_([this] { work(); }) {}

    void begin(unsigned n_blocks, unsigned block_size, const std::function<void()>& body) {
        const std::lock_guard lock(mutex_);
        n_blocks_ = n_blocks;
        block_size_ = block_size;
        body_ = &body;
        changed_.notify_all();
    }

    /// Wait until all is done; return what a thread of a block has thrown.
    [[nodiscard]] std::exception_ptr finish() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return body_ == nullptr; });
        return std::exchange(failure_, nullptr);
    }

  private:
    void work() {
        std::unique_lock lock(mutex_);
        while (true) {
            changed_.wait(lock, [&] { return body_ != nullptr; });
            try {
                for (unsigned index = number_; index < n_blocks_; index += n_processors) {
                    run_block(index);
                }
            } catch (...) {
                failure_ = std::current_exception();
            }
            body_ = nullptr;
            changed_.notify_all();
        }
    }

    void run_block(unsigned index) {
        auto& fibers = fibers_[block_size_];
        if (!fibers) {
            fibers = std::make_unique<Fibers>(block_size_);
        }
        Block own(block_size_, index, *fibers);
        block = &own;
        const std::function<void(std::size_t)> thread = [&](std::size_t) { (*body_)(); };
        fibers->run(thread);
        block = nullptr;
    }

    unsigned number_;
    std::mutex mutex_;
    std::condition_variable changed_;
    unsigned n_blocks_ = 0;
    unsigned block_size_ = 0;
    const std::function<void()>* body_ = nullptr;
    std::exception_ptr failure_;
    std::map<unsigned, std::unique_ptr<Fibers>> fibers_;
    std::thread thread_;
};

/// Never destroyed: their threads wait for work until the process ends.
std::vector<std::unique_ptr<Processor>>& processors() {
    static auto* const all = [] {
        auto* const made = new std::vector<std::unique_ptr<Processor>>;
        for (unsigned number = 0; number < Processor::n_processors; ++number) {
            made->push_back(std::make_unique<Processor>(number));
        }
        return made;
    }();
    return *all;
}

}  // namespace

unsigned rank() { return static_cast<unsigned>(block->fibers.rank()); }
unsigned block_index() { return block->index; }
unsigned block_size() { return block->size; }
void wait_for_block() { block->fibers.wait(block->whole); }
void wait_for_warp() { block->fibers.wait(block->warp().barrier); }

std::uint64_t shuffle_xor(std::uint64_t value, int distance) {
    std::array<std::uint64_t, warp_width> values{};
    const unsigned place = rank() % warp_width;
    block->fibers.exchange(block->warp().exchange, place, value, values.data());
    return values[place ^ static_cast<unsigned>(distance)];
}

std::size_t n_kernels() { return n_run; }

void run_blocks(unsigned n_blocks, unsigned block_size, const std::function<void()>& body) {
    ++n_run;
    static std::mutex mutex;  // one kernel at a time, whichever thread launched it
    const std::lock_guard lock(mutex);
    for (const auto& processor : processors()) {
        processor->begin(n_blocks, block_size, body);
    }
    std::exception_ptr failure;
    for (const auto& processor : processors()) {
        if (const auto own = processor->finish()) {
            failure = own;
        }
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace nullcline::cuda_on_cpu
