// What runs the passes of a search: threads of the CPU, or a GPU.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/search/classifier.hpp"
#include "nullcline/solvers/deflation.hpp"
#include "nullcline/solvers/gradient.hpp"
#include "nullcline/solvers/krylov_newton.hpp"
#include "nullcline/solvers/levenberg_marquardt.hpp"
#include "nullcline/solvers/newton.hpp"

namespace nullcline {

/// Starts that take the results of others, their leaders (search/merging.hpp), and how many
/// iterations those took.
struct Followers {
    std::vector<std::size_t> starts, leaders, iterations;

    void add(std::size_t start, std::size_t leader, std::size_t n_iterations = 0) {
        starts.push_back(start);
        leaders.push_back(leader);
        iterations.push_back(n_iterations);
    }
};

/// The equations of what a backend searches.
template <class B>
using ReducedEquation = std::remove_cvref_t<decltype(std::declval<const B&>().reduced())>;
template <class B>
using UpdateEquation = std::remove_cvref_t<decltype(std::declval<const B&>().update())>;

/// What can run a program over many starts.
template <class B, class P>
concept RunsProgram =
    requires(B& backend, const P& program, const std::vector<std::size_t>& starts) {
        backend.run(program, starts);
    };

/// A backend stores the starts and their current states.
///
///   n_starts(), size()         how many, and of how many units
///   reduced(), update()        the two residuals of the network, to make programs of
///   deflation()                the known zeros that are divided out
///   run(program, starts)       run a program until it has finished with these starts
///   make_preconditioner()      make the preconditioner (search/preconditioner.hpp); false where
///                              it does not exist
///   terminations(), reasons()  how the starts' last iterations ended, and why
///   iterations_left(start)
///   move_to_cell_centres(starts), keys(starts), are_equal(pairs)   (search/merging.hpp)
///   follow(followers)          move starts to where their leaders have come
///   share_labels(followers)    give starts the labels of their leaders
///   report_all_done()          report that the search is done
template <class B>
concept SearchBackend =
    Equation<ReducedEquation<B>> && Equation<UpdateEquation<B>> &&
    requires(B& backend, const B& at, const std::vector<std::size_t>& starts,
             const Followers& followers, std::size_t start) {
        { at.n_starts() } -> std::same_as<std::size_t>;
        { at.size() } -> std::same_as<std::size_t>;
        { at.deflation() } -> std::same_as<const Deflation<typename ReducedEquation<B>::Scalar>&>;
        { at.terminations() } -> std::same_as<std::span<const Termination>>;
        { at.reasons() } -> std::same_as<std::span<const Reason>>;
        { at.iterations_left(start) } -> std::same_as<std::size_t>;
        { backend.make_preconditioner() } -> std::same_as<bool>;
        backend.move_to_cell_centres(starts);
        { backend.keys(starts) } -> std::same_as<std::vector<std::uint64_t>>;
        { backend.are_equal(followers) } -> std::same_as<std::vector<std::uint8_t>>;
        backend.follow(followers);
        backend.share_labels(followers);
        backend.report_all_done();
    } &&
    RunsProgram<B, Newton<ReducedEquation<B>>> &&
    RunsProgram<B, LevenbergMarquardt<ReducedEquation<B>>> &&
    RunsProgram<B, LevenbergMarquardt<UpdateEquation<B>>> &&
    RunsProgram<B, GradientDescent<UpdateEquation<B>>> &&
    RunsProgram<B, Classifier<UpdateEquation<B>>> &&
    RunsProgram<B, KrylovNewton<ReducedEquation<B>>> &&
    RunsProgram<B, KrylovNewton<UpdateEquation<B>>>;

/// A backend that also follows the paths of a homotopy.
template <class B>
concept FollowsPaths = SearchBackend<B> && B::follows_paths;

}  // namespace nullcline
