// A whole search: which solvers run, in which order, on which starts.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/gru.hpp"
#include "nullcline/packed_matrix.hpp"
#include "nullcline/parallel.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/deflation.hpp"
#include "nullcline/solvers/gradient.hpp"
#include "nullcline/solvers/judge.hpp"
#include "nullcline/solvers/krylov_newton.hpp"
#include "nullcline/solvers/levenberg_marquardt.hpp"
#include "nullcline/solvers/newton.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/preconditioner.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/sharing.hpp"

namespace nullcline {

enum class Method { automatic, newton, levenberg_marquardt, gradient, krylov };

/// Runs the passes of one search over all starts; a pass is one solver on one equation.
template <class T>
class Searcher {
  public:
    Searcher(const Batch<T>& batch, const Options& options,
             const std::function<void(std::size_t)>& progress)
        : batch_(batch),
          progress_(progress),
          outcomes_(batch.h.rows(), batch.cell.size()),
          ends_(batch.h.rows(), End::limit),
          search_{batch.cell, batch.inputs, options, outcomes_, ends_, n_done_, n_products_},
          reduced_(batch.cell),
          update_(batch.cell),
          update_norm_(update_.weights(), update_.blocks()) {
        std::ranges::copy(batch.h.elements(), outcomes_.h.elements().begin());
        for (std::size_t i = 0; i < batch.h.rows(); ++i) {
            project_into_cube(outcomes_.h.row(i));
        }
    }

    /// Search with a method, or by Newton's with known zeros divided out where there are any.
    Outcomes<T> run(Method method, MatrixView<const T> deflated) {
        if (outcomes_.q.empty()) {
            return std::move(outcomes_);
        }
        std::vector<std::size_t> starts(outcomes_.q.size());
        std::iota(starts.begin(), starts.end(), std::size_t{0});
        switch (deflated.rows() > 0 ? Method::newton : method) {
            case Method::newton:
                newton(starts, Deflation<T>(deflated));
                break;
            case Method::levenberg_marquardt:
                dense(reduced_, starts);
                dense(update_, unfinished(starts));
                break;
            case Method::gradient:
                gradient(starts);
                break;
            case Method::krylov:
                without_factors(starts);
                break;
            case Method::automatic:
                if (batch_.cell.size() > largest_dense) {
                    without_factors(starts);
                } else {
                    krylov(reduced_, inverse_at_rest(), starts, patience);
                    dense(reduced_, interrupted(starts));
                    descend_together(unfinished(starts), [&](const auto& leaders) {
                        krylov(update_, Preconditioner(), leaders, patience);
                        dense(update_, interrupted(leaders));
                    });
                }
                break;
        }
        judge(starts, method);
        outcomes_.n_products = n_products_;
        return std::move(outcomes_);
    }

  private:
    /// Starts that are not at a zero and may still iterate.
    [[nodiscard]] std::vector<std::size_t> unfinished(std::span<const std::size_t> starts) const {
        return select(starts, [&](std::size_t i) {
            return ends_[i] == End::stationary || ends_[i] == End::stalled;
        });
    }

    /// Starts that the Krylov solver could not bring to an end, within its patience and within the
    /// range and precision of its products, and that may still iterate.
    [[nodiscard]] std::vector<std::size_t> interrupted(std::span<const std::size_t> starts) const {
        return select(starts, [&](std::size_t i) {
            return ends_[i] != End::zero && ends_[i] != End::stationary &&
                   search_.iterations_left(i) > 0;
        });
    }

    template <class Predicate>
    static std::vector<std::size_t> select(std::span<const std::size_t> starts,
                                           const Predicate& wanted) {
        std::vector<std::size_t> selected;
        std::ranges::copy_if(starts, std::back_inserter(selected), wanted);
        return selected;
    }

    /// Run `work(queue, cancellation)` in every thread over these starts.
    template <class Work>
    void pass(std::span<const std::size_t> starts, const Work& work) {
        if (starts.empty()) {
            return;
        }
        Queue queue(starts);
        const auto body = [&](const Cancellation& cancellation) { work(queue, cancellation); };
        const Poll poll = [&] {
            batch_.poll();
            progress_(n_done_);
        };
        run_workers(std::min(batch_.n_threads, starts.size()), body, poll);
    }

    void newton(std::span<const std::size_t> starts, const Deflation<T>& deflation) {
        pass(starts, [&](Queue& queue, const Cancellation& cancellation) {
            Newton(reduced_, deflation, search_).run(queue, cancellation);
        });
    }

    void gradient(std::span<const std::size_t> starts) {
        const TileMatrix weights(update_.weights());
        pass(starts, [&](Queue& queue, const Cancellation& cancellation) {
            GradientDescent(update_, weights, search_, queue).run(cancellation);
        });
    }

    template <Equation E>
    void dense(const E& equation, std::span<const std::size_t> starts) {
        if (starts.empty()) {
            return;
        }
        const TermNorm<T> term_norm(equation.weights(), equation.blocks());
        pass(starts, [&](Queue& queue, const Cancellation& cancellation) {
            LevenbergMarquardt(equation, term_norm, search_).run(queue, cancellation);
        });
    }

    /// The search that forms no Jacobian.
    void without_factors(std::span<const std::size_t> starts) {
        krylov(reduced_, Preconditioner(), starts, no_limit);
        descend_together(unfinished(starts), [&](const auto& leaders) {
            krylov(update_, Preconditioner(), leaders, no_limit);
        });
    }

    /// Take starts that are at no zero to minima of q by `descend(starts)`, those at nearly the
    /// same state together.
    template <class Descend>
    void descend_together(const std::vector<std::size_t>& starts, const Descend& descend) {
        const auto groups = gather(search_, not_at_minimum(starts));
        std::vector<std::size_t> leaders;
        std::vector<std::size_t> limits;
        for (const auto& group : groups) {
            leaders.push_back(group.front());
            limits.push_back(search_.iterations_left(group.front()));
        }
        descend(leaders);
        std::vector<std::size_t> stragglers;  // with fewer iterations left than the way takes
        for (std::size_t i = 0; i < groups.size(); ++i) {
            const std::size_t used = limits[i] - search_.iterations_left(leaders[i]);
            for (const std::size_t start : std::span(groups[i]).subspan(1)) {
                if (search_.iterations_left(start) < used) {
                    stragglers.push_back(start);
                    continue;
                }
                std::ranges::copy(std::as_const(outcomes_.h).row(leaders[i]),
                                  outcomes_.h.row(start).begin());
                search_.finish(start, used, ends_[leaders[i]]);
            }
        }
        descend(stragglers);
    }

    /// Those of these starts that are at no minimum of q yet, and may still iterate.
    [[nodiscard]] std::vector<std::size_t> not_at_minimum(std::span<const std::size_t> starts) {
        std::vector<std::uint8_t> goes_on(outcomes_.q.size());
        pass(starts, [&](Queue& queue, const Cancellation& cancellation) {
            for_each_verdict(queue, cancellation, [&](std::size_t start, const auto& verdict) {
                goes_on[start] = verdict.reason != Reason::minimum &&
                                 verdict.reason != Reason::above_tolerance &&
                                 search_.iterations_left(start) > 0;
            });
        });
        return select(starts, [&](std::size_t i) { return goes_on[i] != 0; });
    }

    template <Equation E>
    void krylov(const E& equation, const Preconditioner& preconditioner,
                std::span<const std::size_t> starts, std::size_t most_iterations) {
        if (starts.empty()) {
            return;
        }
        const TermNorm<T> term_norm(equation.weights(), equation.blocks());
        const TileMatrix weights(equation.weights());
        pass(starts, [&](Queue& queue, const Cancellation& cancellation) {
            KrylovNewton(equation, weights, preconditioner, term_norm, search_, most_iterations,
                         queue)
                .run(cancellation);
        });
    }

    [[nodiscard]] Preconditioner inverse_at_rest() const {
        return Preconditioner(reduced_, reference(), batch_.cell.resting_drive());
    }

    /// Where the network goes from rest, without input: a state typical of its slow manifold, and
    /// nothing that the starts or their inputs have a part in.
    [[nodiscard]] std::vector<T> reference() const {
        constexpr std::size_t n_steps = 100;
        std::vector<T> h(batch_.cell.size());
        std::vector<T> products(update_.weights().rows());
        Linearization<T> at(update_.size(), update_.blocks());
        for (std::size_t i = 0; i < n_steps; ++i) {
            blas::multiply_vector(update_.weights(), std::span<const T>(h), std::span(products));
            update_.linearize(h, products, batch_.cell.resting_drive(), at.out());
            add_scaled(T{1}, at.residual(), std::span(h));
        }
        return h;
    }

    /// Label every start. Those that ended in one state, and not for lack of iterations, which is a
    /// reason of its own, are judged once.
    void judge(std::span<const std::size_t> starts, Method method) {
        const auto cut_off = [&](std::size_t i) { return ends_[i] == End::limit; };
        auto groups = group_equal(search_, select(starts, std::not_fn(cut_off)));
        for (const std::size_t start : select(starts, cut_off)) {
            groups.push_back({start});
        }
        std::vector<std::size_t> leaders;
        for (const auto& group : groups) {
            leaders.push_back(group.front());
        }
        pass(leaders, [&](Queue& queue, const Cancellation& cancellation) {
            for_each_verdict(queue, cancellation, [&](std::size_t start, auto verdict) {
                if (method == Method::gradient) {
                    verdict = Judge<T>::by_speed(verdict, search_.options.tol_slow);
                }
                outcomes_.kind[start] = verdict.kind;
                outcomes_.reason[start] = verdict.reason;
                outcomes_.q[start] = verdict.q;
            });
        });
        for (const auto& group : groups) {
            for (const std::size_t start : group) {
                outcomes_.kind[start] = outcomes_.kind[group.front()];
                outcomes_.reason[start] = outcomes_.reason[group.front()];
                outcomes_.q[start] = outcomes_.q[group.front()];
            }
        }
        n_done_ = starts.size();
        progress_(n_done_);
    }

    /// Judge each start where it is now, and call `use(start, verdict)`.
    template <class Use>
    void for_each_verdict(Queue& queue, const Cancellation& cancellation, const Use& use) {
        Judge<T> judge(batch_.cell, update_norm_);
        std::vector<T> drive(batch_.cell.resting_drive().size());
        for (auto i = queue.take(); i && !cancellation.requested(); i = queue.take()) {
            search_.drive(*i, drive);
            const auto h = std::as_const(outcomes_.h).row(*i);
            use(*i, judge(h, drive, search_.options.tol_slow, ends_[*i]));
        }
    }

    /// Iterations after which a start had better go on in full precision: most need half as many.
    static constexpr std::size_t patience = 60;
    static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();
    /// The hidden size up to which one factorization for all starts pays (benchmarks/results).
    static constexpr std::size_t largest_dense = 1024;

    const Batch<T>& batch_;
    const std::function<void(std::size_t)>& progress_;
    Outcomes<T> outcomes_;
    std::vector<End> ends_;
    std::atomic<std::size_t> n_done_{0};
    std::atomic<std::size_t> n_products_{0};
    Search<T> search_;
    GruReduced<T> reduced_;
    GruUpdate<T> update_;
    TermNorm<T> update_norm_;
};

}  // namespace nullcline
