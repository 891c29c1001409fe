// A search on a GPU as its slots use it: plain pointers into the device's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/gpu/cooperative_group.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"

namespace nullcline::gpu {

/// What the device counts, for the host to poll.
struct Counters {
    unsigned long long n_taken = 0;     ///< starts that slots have taken up in this pass
    unsigned long long n_zeros = 0;     ///< starts that ended at a zero
    unsigned long long n_products = 0;  ///< of one state with W; there are about as many with Wᵀ
    unsigned long long waiting[n_requests] = {};  ///< slots by what they wait for
};

/// The starts of a search and where they have come to (see batching/starts.hpp).
template <class T>
struct SearchView {
    MatrixView<T> h;
    MatrixView<const T> drives;  ///< one row for all starts, or one per start
    std::span<std::int32_t> iterations;
    std::span<Termination> terminations;
    std::span<Kind> kinds;
    std::span<Reason> reasons;
    std::span<double> q;
    Options options;
    std::span<const std::size_t> queue;  ///< the starts of this pass
    Counters* counters;

    [[nodiscard]] NULLCLINE_DEVICE std::span<const T> drive(std::size_t start) const {
        return drives.row(drives.rows() == 1 ? 0 : start);
    }

    [[nodiscard]] NULLCLINE_DEVICE std::size_t iterations_left(std::size_t start) const {
        return options.max_iterations - static_cast<std::size_t>(iterations[start]);
    }

    [[nodiscard]] NULLCLINE_DEVICE Termination termination(std::size_t start) const {
        return terminations[start];
    }

    [[nodiscard]] NULLCLINE_DEVICE std::span<T> state(std::size_t start) const {
        return h.row(start);
    }

    /// Copy out the first numbers of a state, the unknowns of an equation, and its drive.
    template <ThreadGroup Group>
    NULLCLINE_DEVICE void load(const Group& group, std::size_t start, std::span<T> unknowns,
                               std::span<T> drive_out) const {
        copy(group, h.row(start), unknowns);
        copy(group, drive(start), drive_out);
    }

    template <BlockGroup Group>
    NULLCLINE_DEVICE void finish(const Group& group, std::size_t start, std::span<T> unknowns,
                                 std::size_t n_iterations, Termination how) const {
        copy(group, unknowns, h.row(start).first(unknowns.size()));
        group.single([&] {
            iterations[start] += static_cast<std::int32_t>(n_iterations);
            terminations[start] = how;
        });
        if (how == Termination::zero) {  // others may go on in another pass
            group.count(&counters->n_zeros, 1);
        }
    }

    template <ThreadGroup Group>
    NULLCLINE_DEVICE void label(const Group& group, std::size_t start, const Label& found) const {
        group.single([&] {
            kinds[start] = found.kind;
            reasons[start] = found.reason;
            q[start] = found.q;
        });
    }
};

}  // namespace nullcline::gpu
