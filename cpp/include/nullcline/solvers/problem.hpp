// The states to search from, handed out one by one to whoever has room.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/gru.hpp"
#include "nullcline/solvers/outcome.hpp"

namespace nullcline {

/// How an iteration ended, before any judgement of the point.
enum class End : std::uint8_t { zero, stationary, stalled, limit, not_finite };

/// A search in progress: every solver reads `outcomes.h` as its start and leaves its end there.
template <class T>
struct Search {
    const Gru<T>& cell;
    Inputs<T> inputs;
    Options options;
    Outcomes<T>& outcomes;
    std::vector<End>& ends;
    std::atomic<std::size_t>& n_done;
    std::atomic<std::size_t>& n_products;  ///< by the Krylov solver: of a state with W and with Wᵀ

    /// The drive of a start: all that its input adds.
    void drive(std::size_t start, std::span<T> out) const { cell.drive(inputs.row(start), out); }

    [[nodiscard]] std::size_t iterations_left(std::size_t start) const {
        return options.max_iterations - static_cast<std::size_t>(outcomes.iterations[start]);
    }

    void finish(std::size_t start, std::size_t iterations, End end) const {
        outcomes.iterations[start] += static_cast<std::int32_t>(iterations);
        ends[start] = end;
        if (end == End::zero) {  // others may go on in another pass
            ++n_done;
        }
    }
};

/// Starts that wait; workers take the next one when they are done with theirs.
class Queue {
  public:
    explicit Queue(std::span<const std::size_t> starts) : starts_(starts) {}

    [[nodiscard]] std::optional<std::size_t> take() {
        const std::size_t i = next_++;
        return i < starts_.size() ? std::optional(starts_[i]) : std::nullopt;
    }

  private:
    std::span<const std::size_t> starts_;
    std::atomic<std::size_t> next_{0};
};

}  // namespace nullcline
