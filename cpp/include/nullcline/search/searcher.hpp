// A whole search: which solvers run, in which order, on which starts; wherever they run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/search/backend.hpp"
#include "nullcline/search/classifier.hpp"
#include "nullcline/search/merging.hpp"
#include "nullcline/solvers/gradient.hpp"
#include "nullcline/solvers/homotopy.hpp"
#include "nullcline/solvers/krylov_newton.hpp"
#include "nullcline/solvers/levenberg_marquardt.hpp"
#include "nullcline/solvers/newton.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// Runs the passes of one search over all starts; a pass is one program on one equation.
template <SearchBackend Backend>
class Searcher {
  public:
    explicit Searcher(Backend& backend) : backend_(backend) {}

    /// Search with a method, or by Newton's with known zeros divided out where there are any.
    void run(Method method) {
        if (backend_.n_starts() == 0) {
            return;
        }
        std::vector<std::size_t> starts(backend_.n_starts());
        std::iota(starts.begin(), starts.end(), std::size_t{0});
        switch (backend_.deflation().empty() ? method : Method::newton) {
            case Method::newton:
                pass(Newton{backend_.reduced(), backend_.deflation()}, starts);
                break;
            case Method::levenberg_marquardt:
                search_with_dense_steps(starts);
                break;
            case Method::gradient:
                pass(GradientDescent{backend_.update()}, starts);
                break;
            case Method::krylov:
                search_matrix_free(starts, false);
                break;
            case Method::homotopy:
                follow_paths(starts);
                break;
            case Method::automatic:
                if (backend_.size() <= smallest_dense) {
                    search_with_dense_steps(starts);
                } else if (backend_.size() > largest_dense) {
                    search_matrix_free(starts, backend_.size() <= largest_preconditioned &&
                                                   backend_.make_preconditioner());
                } else {
                    search_preconditioned(starts);
                }
                break;
        }
        classify(starts, method);
        backend_.report_all_done();
    }

  private:
    using Indices = std::vector<std::size_t>;

    template <class Predicate>
    static Indices select(const Indices& starts, const Predicate& wanted) {
        Indices selected;
        std::ranges::copy_if(starts, std::back_inserter(selected), wanted);
        return selected;
    }

    /// Starts that are not at a zero and may still iterate.
    [[nodiscard]] Indices unfinished(const Indices& starts) const {
        return select(starts, [&](std::size_t i) {
            return backend_.terminations()[i] == Termination::stationary ||
                   backend_.terminations()[i] == Termination::stalled;
        });
    }

    /// Starts that the Krylov solver could not finish with, within its patience and within the
    /// range and precision of its products, and that may still iterate.
    [[nodiscard]] Indices interrupted(const Indices& starts) const {
        return select(starts, [&](std::size_t i) {
            return backend_.terminations()[i] != Termination::zero &&
                   backend_.terminations()[i] != Termination::stationary &&
                   backend_.iterations_left(i) > 0;
        });
    }

    template <Program P>
    void pass(const P& program, const Indices& starts) {
        if (!starts.empty()) {
            backend_.run(program, starts);
        }
    }

    /// Dense factors at every step.
    void search_with_dense_steps(const Indices& starts) {
        pass(LevenbergMarquardt{backend_.reduced()}, starts);
        if (!backend_.reduced().is_update()) {
            pass(LevenbergMarquardt{backend_.update()}, unfinished(starts));
        }
        polish(starts);
    }

    /// Take starts that stalled in the rounding near a zero to it, by Newton's method on the
    /// reduced residual: where gates are all but closed, the update is too flat to go on.
    void polish(const Indices& starts) {
        const auto is_near = [&](std::size_t i) {
            return backend_.terminations()[i] == Termination::near_zero;
        };
        pass(Newton{backend_.reduced(), std::remove_cvref_t<decltype(backend_.deflation())>()},
             select(starts, is_near));
    }

    /// The paths of a homotopy, where the backend follows such, to zeros.
    void follow_paths(const Indices& starts) {
        if constexpr (FollowsPaths<Backend>) {
            pass(Homotopy{backend_.reduced()}, starts);
            polish(starts);
        } else {
            throw std::invalid_argument("the homotopy runs on the CPU: search with device=\"cpu\"");
        }
    }

    /// One factorization for all starts, and dense factors for those that need them.
    void search_preconditioned(const Indices& starts) {
        const bool has_inverse = backend_.make_preconditioner();
        const std::size_t patience = tuning.patience;
        const double affordable =
            std::max(tuning.affordable_share * static_cast<double>(backend_.size()),
                     double{tuning.least_affordable});
        pass(KrylovNewton{backend_.reduced(), has_inverse, patience, affordable}, starts);
        pass(LevenbergMarquardt{backend_.reduced()}, interrupted(starts));
        descend_together(unfinished(starts), [&](const Indices& leaders) {
            pass(KrylovNewton{backend_.update(), false, patience, affordable}, leaders);
            pass(LevenbergMarquardt{backend_.update()}, interrupted(leaders));
        });
        polish(starts);
    }

    /// The search that forms no Jacobian of a start's own.
    void search_matrix_free(const Indices& starts, bool has_inverse) {
        pass(KrylovNewton{backend_.reduced(), has_inverse, no_limit, any_price}, starts);
        descend_together(unfinished(starts), [&](const Indices& leaders) {
            pass(KrylovNewton{backend_.update(), false, no_limit, any_price}, leaders);
        });
    }

    /// Take starts that are at no zero to minima of q by `descend(starts)`, those at nearly the
    /// same state together.
    template <class Descend>
    void descend_together(const Indices& starts, const Descend& descend) {
        const Clusters clusters = cluster_nearby(backend_, not_at_minimum(starts));
        Indices leaders;
        Indices limits;
        for (const auto& cluster : clusters) {
            leaders.push_back(cluster.front());
            limits.push_back(backend_.iterations_left(cluster.front()));
        }
        descend(leaders);
        Followers followers;
        Indices stragglers;  // with fewer iterations left than the leader took
        for (std::size_t i = 0; i < clusters.size(); ++i) {
            const std::size_t used = limits[i] - backend_.iterations_left(leaders[i]);
            for (const std::size_t start : std::span(clusters[i]).subspan(1)) {
                if (backend_.iterations_left(start) < used) {
                    stragglers.push_back(start);
                } else {
                    followers.add(start, leaders[i], used);
                }
            }
        }
        backend_.follow(followers);
        descend(stragglers);
    }

    /// The starts that are at no minimum of q yet, and may still iterate.
    [[nodiscard]] Indices not_at_minimum(const Indices& starts) {
        pass(Classifier{backend_.reduced(), backend_.update(), false}, starts);
        return select(starts, [&](std::size_t i) {
            const Reason reason = backend_.reasons()[i];
            return reason != Reason::minimum && reason != Reason::above_tolerance &&
                   backend_.iterations_left(i) > 0;
        });
    }

    /// Label every start. Those that ended in one state, and not for lack of iterations, which is a
    /// reason of its own, are classified once.
    void classify(const Indices& starts, Method method) {
        const auto cut_off = [&](std::size_t i) {
            return backend_.terminations()[i] == Termination::limit;
        };
        const Clusters clusters = cluster_equal(backend_, select(starts, std::not_fn(cut_off)));
        Indices leaders = select(starts, cut_off);
        for (const auto& cluster : clusters) {
            leaders.push_back(cluster.front());
        }
        pass(Classifier{backend_.reduced(), backend_.update(), method == Method::gradient},
             leaders);
        Followers followers;
        for (const auto& cluster : clusters) {
            for (const std::size_t start : std::span(cluster).subspan(1)) {
                followers.add(start, cluster.front());
            }
        }
        backend_.share_labels(followers);
    }

    static constexpr double any_price = std::numeric_limits<double>::infinity();
    static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
    /// Whether it is a map, each of whose products is a call of its owner's. It hands starts over
    /// at the price of a cell's: with 1.5 times that, leaky networks of 128 units with strong
    /// directions gain a little and those of 64 lose half (`python -m benchmarks.functions
    /// --count`).
    static constexpr bool is_map = !ReducedEquation<Backend>::has_linear_products;
    /// The size up to which a map is searched with the fewest calls (benchmarks/functions.py).
    static constexpr std::size_t smallest_dense = is_map ? 32 : 0;
    /// The hidden size up to which a start may have dense factors (benchmarks/results).
    static constexpr std::size_t largest_dense = 1024;
    /// The size up to which one factorization for all starts pays.
    static constexpr std::size_t largest_preconditioned = is_map ? 2048 : 1024;

    Backend& backend_;
};

}  // namespace nullcline
