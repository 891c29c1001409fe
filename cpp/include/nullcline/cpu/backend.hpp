// Searches on the CPU: threads over starts.
#pragma once

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/starts.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/function.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cpu/function_worker.hpp"
#include "nullcline/cpu/preconditioner.hpp"
#include "nullcline/cpu/tile_pass.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/packed_matrix.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"
#include "nullcline/search/backend.hpp"
#include "nullcline/search/merging.hpp"
#include "nullcline/solvers/deflation.hpp"

namespace nullcline::cpu {

/// A search: its cell or function, its starts, and how many threads it has.
template <class Network>
struct Problem {
    using T = typename Network::Scalar;

    const Network& network;
    MatrixView<const T> starts;
    Inputs<T> inputs;
    MatrixView<const T> deflated;
    Options options;
    std::size_t n_threads;
    std::function<void(std::size_t)> progress;
    Poll poll;
};

/// The starts of a search and where they have come to (see batching/starts.hpp).
template <class Network>
struct Search {
    using T = typename Network::Scalar;

    const Network& network;
    Inputs<T> inputs;
    Options options;
    Outcomes<T>& outcomes;
    std::vector<Termination>& terminations;
    std::atomic<std::size_t>& n_done;

    [[nodiscard]] std::size_t iterations_left(std::size_t start) const {
        return options.max_iterations - static_cast<std::size_t>(outcomes.iterations[start]);
    }

    [[nodiscard]] Termination termination(std::size_t start) const { return terminations[start]; }

    [[nodiscard]] std::span<T> state(std::size_t start) const { return outcomes.h.row(start); }

    /// Copy out the first numbers of a state, the unknowns of an equation, and its drive.
    void load(const SerialGroup& group, std::size_t start, std::span<T> h,
              std::span<T> drive) const {
        copy(group, state(start), h);
        network.drive(inputs.row(start), drive);
    }

    void finish(const SerialGroup& group, std::size_t start, std::span<T> h, std::size_t iterations,
                Termination termination) const {
        copy(group, h, state(start).first(h.size()));
        outcomes.iterations[start] += static_cast<std::int32_t>(iterations);
        terminations[start] = termination;
        if (termination == Termination::zero) {  // others may go on in another pass
            ++n_done;
        }
    }

    void label(const SerialGroup&, std::size_t start, const Label& found) const {
        outcomes.kind[start] = found.kind;
        outcomes.reason[start] = found.reason;
        outcomes.q[start] = found.q;
    }
};

static_assert(Starts<Search<Cell<double>>, SerialGroup, double>);
static_assert(Starts<Search<Function<float>>, SerialGroup, float>);

/// The two residuals of a cell.
template <class T>
[[nodiscard]] CellEquation<T> reduced_of(const Cell<T>& cell) {
    return reduced(cell.view());
}
template <class T>
[[nodiscard]] CellEquation<T> update_of(const Cell<T>& cell) {
    return update(cell.view());
}

/// A function's update cannot be reduced.
template <class T>
[[nodiscard]] FunctionEquation<T> reduced_of(const Function<T>& function) {
    return function.equation();
}
template <class T>
[[nodiscard]] FunctionEquation<T> update_of(const Function<T>& function) {
    return function.equation();
}

/// Threads of the CPU (see search/backend.hpp).
template <class Network>
class Backend {
  public:
    using T = typename Network::Scalar;

    static constexpr bool follows_paths = true;

    explicit Backend(const Problem<Network>& problem)
        : problem_(problem),
          deflation_(problem.deflated),
          outcomes_(problem.starts.rows(), problem.network.state_size()),
          terminations_(problem.starts.rows(), Termination::limit),
          search_{problem.network, problem.inputs, problem.options,
                  outcomes_,       terminations_,  n_done_} {
        std::ranges::copy(problem.starts.elements(), outcomes_.h.elements().begin());
        for (std::size_t i = 0; i < n_starts(); ++i) {
            project(i);
        }
    }

    [[nodiscard]] std::size_t n_starts() const { return terminations_.size(); }
    [[nodiscard]] std::size_t size() const { return problem_.network.size(); }
    [[nodiscard]] auto reduced() const { return reduced_of(problem_.network); }
    [[nodiscard]] auto update() const { return update_of(problem_.network); }
    [[nodiscard]] const Deflation<T>& deflation() const { return deflation_; }
    [[nodiscard]] std::span<const Termination> terminations() const { return terminations_; }
    [[nodiscard]] std::span<const Reason> reasons() const { return outcomes_.reason; }
    [[nodiscard]] std::size_t iterations_left(std::size_t start) const {
        return search_.iterations_left(start);
    }

    bool make_preconditioner() {
        const auto inverse = make_inverse(problem_.network);
        inverse_ = PackedMatrix::of(inverse.view());
        return inverse.rows() > 0;
    }

    template <Program P>
    void run(const P& program, std::span<const std::size_t> starts)
        requires std::same_as<Network, Function<T>>
    {
        const PackedMatrix* inverse = nullptr;
        if constexpr (P::requests.contains(Request::precondition)) {
            inverse = program.has_inverse ? &inverse_ : nullptr;
        }
        FunctionWorker(program, problem_.network, search_, starts, inverse, problem_.n_threads)
            .run([&] { poll_and_report(); });
    }

    template <Program P>
    void run(const P& program, std::span<const std::size_t> starts)
        requires std::same_as<Network, Cell<T>>
    {
        run_tiles(program, &inverse_, search_, problem_.network.drive_size(), starts,
                  problem_.n_threads, n_products_, [&] { poll_and_report(); });
    }

    void move_to_cell_centres(std::span<const std::size_t> starts) {
        const double side = cell_side(reduced().row_norms());
        for (const std::size_t start : starts) {
            move_to_cell_centre(SerialGroup(), outcomes_.h.row(start), side);
            project(start);
        }
    }

    [[nodiscard]] std::vector<std::uint64_t> keys(std::span<const std::size_t> starts) const {
        std::vector<std::uint64_t> keys;
        keys.reserve(starts.size());
        for (const std::size_t start : starts) {
            const std::uint64_t of_input = key_of(SerialGroup(), search_.inputs.row(start));
            keys.push_back(key_of(SerialGroup(), state(start)) + 31 * of_input);
        }
        return keys;
    }

    [[nodiscard]] std::vector<std::uint8_t> are_equal(const Followers& pairs) const {
        std::vector<std::uint8_t> equal;
        equal.reserve(pairs.starts.size());
        for (std::size_t i = 0; i < pairs.starts.size(); ++i) {
            const std::size_t one = pairs.starts[i];
            const std::size_t other = pairs.leaders[i];
            equal.push_back(std::ranges::equal(state(one), state(other)) &&
                            std::ranges::equal(search_.inputs.row(one), search_.inputs.row(other)));
        }
        return equal;
    }

    void follow(const Followers& followers) {
        for (std::size_t i = 0; i < followers.starts.size(); ++i) {
            const std::size_t leader = followers.leaders[i];
            search_.finish(SerialGroup(), followers.starts[i], outcomes_.h.row(leader),
                           followers.iterations[i], terminations_[leader]);
        }
    }

    void share_labels(const Followers& followers) {
        for (std::size_t i = 0; i < followers.starts.size(); ++i) {
            const std::size_t leader = followers.leaders[i];
            search_.label(SerialGroup(), followers.starts[i],
                          {outcomes_.kind[leader], outcomes_.reason[leader], outcomes_.q[leader]});
        }
    }

    void report_all_done() {
        n_done_ = n_starts();
        problem_.progress(n_done_);
    }

    [[nodiscard]] Outcomes<T> take_outcomes() {
        outcomes_.n_products = n_products_;
        return std::move(outcomes_);
    }

  private:
    /// Stop where the caller is interrupted, else report progress.
    void poll_and_report() {
        problem_.poll();
        problem_.progress(n_done_);
    }

    void project(std::size_t start) {
        std::vector<T> drive;
        if (reduced().box_follows_input()) {
            drive.resize(problem_.network.drive_size());
            problem_.network.drive(search_.inputs.row(start), std::span(drive));
        }
        project_into(SerialGroup(), reduced().box(drive), search_.state(start).first(size()));
    }

    [[nodiscard]] std::span<const T> state(std::size_t start) const {
        return std::as_const(outcomes_.h).row(start);
    }

    const Problem<Network>& problem_;
    Deflation<T> deflation_;
    Outcomes<T> outcomes_;
    std::vector<Termination> terminations_;
    std::atomic<std::size_t> n_done_{0};
    std::atomic<std::size_t> n_products_{0};
    Search<Network> search_;
    PackedMatrix inverse_;
};

static_assert(SearchBackend<Backend<Cell<double>>>);
static_assert(SearchBackend<Backend<Cell<float>>>);
static_assert(SearchBackend<Backend<Function<double>>>);
static_assert(SearchBackend<Backend<Function<float>>>);

}  // namespace nullcline::cpu
