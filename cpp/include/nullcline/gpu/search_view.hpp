// A search on a GPU as its slots see it: plain pointers into the device's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/solvers/judge.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline::gpu {

/// What the device counts and the host looks at now and then.
struct Counters {
    unsigned long long n_taken = 0;               ///< starts that slots have asked for in this pass
    unsigned long long n_zeros = 0;               ///< starts that ended at a zero
    unsigned long long n_products = 0;            ///< of a slot with W, and about as many with Wᵀ
    unsigned long long waiting[n_requests] = {};  ///< slots by what they wait for
};

/// The starts of a search and where they have come to, as slots see them.
template <class T>
struct SearchView {
    MatrixView<T> h;
    MatrixView<const T> drives;  ///< one row for all starts, or one each
    std::span<std::int32_t> iterations;
    std::span<End> ends;
    std::span<Kind> kinds;
    std::span<Reason> reasons;
    std::span<double> q;
    Options options;
    std::span<const std::size_t> queue;  ///< the starts of this pass
    Counters* counters;

    [[nodiscard]] NULLCLINE_TEAM std::span<const T> drive(std::size_t start) const {
        return drives.row(drives.rows() == 1 ? 0 : start);
    }

    [[nodiscard]] NULLCLINE_TEAM std::size_t iterations_left(std::size_t start) const {
        return options.max_iterations - static_cast<std::size_t>(iterations[start]);
    }

    [[nodiscard]] NULLCLINE_TEAM End end(std::size_t start) const { return ends[start]; }

    [[nodiscard]] NULLCLINE_TEAM std::span<T> state(std::size_t start) const {
        return h.row(start);
    }

    /// Of a state, what an equation has for unknowns.
    template <class Team>
    NULLCLINE_TEAM void load(const Team& team, std::size_t start, std::span<T> unknowns,
                             std::span<T> drive_out) const {
        copy(team, h.row(start), unknowns);
        copy(team, drive(start), drive_out);
    }

    template <class Team>
    NULLCLINE_TEAM void finish(const Team& team, std::size_t start, std::span<T> unknowns,
                               std::size_t n_iterations, End how) const {
        copy(team, unknowns, h.row(start).first(unknowns.size()));
        team.lead([&] {
            iterations[start] += static_cast<std::int32_t>(n_iterations);
            ends[start] = how;
        });
        if (how == End::zero) {  // others may go on in another pass
            team.count(&counters->n_zeros, 1);
        }
    }

    template <class Team>
    NULLCLINE_TEAM void judged(const Team& team, std::size_t start, const Verdict& verdict) const {
        team.lead([&] {
            kinds[start] = verdict.kind;
            reasons[start] = verdict.reason;
            q[start] = verdict.q;
        });
    }
};

}  // namespace nullcline::gpu
