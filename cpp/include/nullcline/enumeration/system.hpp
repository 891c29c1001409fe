// Equations n(x) = x over boxes: what the enumeration asks of them.
#pragma once

#include <concepts>
#include <cstddef>
#include <vector>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// n at the zeros of a box with the middle m: there n(x) lies within `error` of m + offset + slopes
/// (x − m), and in `range`. Slopes are numbers, not intervals.
struct Relaxation {
    Square slopes;
    std::vector<double> offset;
    std::vector<double> error;
    Sides range;

    explicit Relaxation(std::size_t n) : slopes(n), offset(n), error(n), range(n) {}
};

/// Matrices that hold all slopes of n between two states of a box: n(x) − n(y) = S (x − y) for one
/// S within `radius` of `middle`. Where n is smooth, its Jacobians over the box.
struct Slopes {
    Square middle;
    Square radius;

    explicit Slopes(std::size_t n) : middle(n), radius(n) {}
};

template <class S>
concept System = requires(const S& system, const Sides& box, Relaxation& relaxation, Slopes& slopes,
                          std::span<const double> x) {
    { system.size() } -> std::convertible_to<std::size_t>;
    system.relax(box, relaxation);
    system.slopes(box, slopes);
    { system.residual(x) } -> std::same_as<Balls>;  ///< n(x) − x
};

}  // namespace nullcline::enumeration
