// The options of a search, and its result for every start.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// From the most to the least telling.
enum class Kind : std::uint8_t { fixed, slow, minimum, unconverged };

inline constexpr std::array<std::string_view, 4> kinds{"fixed", "slow", "minimum", "unconverged"};

/// How an iteration ended, before its point is classified. `near_zero` is stalled where the
/// residual is little more than rounding, and another kind of step may succeed; `lost` is a path.
enum class Termination : std::uint8_t {
    zero,
    stationary,
    stalled,
    near_zero,
    limit,
    not_finite,
    lost,
};

/// Why a start ended as it did.
enum class Reason : std::uint8_t {
    zero,
    minimum,
    below_tolerance,
    above_tolerance,
    limit,
    stalled,
    not_finite,
    undecidable,
    not_a_minimum,
    lost,
};

/// A sentence per reason, in order.
inline constexpr std::array<std::string_view, 10> reasons{
    "the reduced residual is zero to rounding",
    "a local minimum of q, not above tol_slow",
    "q fell to tol_slow, which is where this method stops; whether it would fall further is open",
    "a local minimum of q, above tol_slow",
    "the limit of iterations was reached",
    "no step decreases the residual any further, and yet it is neither zero nor at a minimum of q",
    "the residual is not finite in this precision",
    "cannot be decided in this precision: rounding alone may move the residual by more than 1e-3",
    "the gradient of q is small, but q falls further on: no minimum, and the search ended before "
    "it",
    "its path towards a fixed point could not be followed any further",
};

/// The result of classifying a state.
struct Label {
    Kind kind;
    Reason reason;
    double q;
};

/// Which solvers a search runs.
enum class Method { automatic, newton, levenberg_marquardt, gradient, krylov, homotopy };

/// The options of a search.
struct Options {
    double tol_slow = 1e-6;
    std::size_t max_iterations = 0;
    double learning_rate = 0.01;  ///< the gradient method's
};

/// One row per start, in the order of the starts.
template <class T>
struct Outcomes {
    Outcomes(std::size_t n, std::size_t size)
        : h(n, size), q(n), kind(n), reason(n), iterations(n) {}

    Matrix<T> h;
    std::vector<double> q;
    std::vector<Kind> kind;
    std::vector<Reason> reason;
    std::vector<std::int32_t> iterations;
    std::size_t n_products = 0;  ///< of one state with W and with Wᵀ, in single precision
};

}  // namespace nullcline
