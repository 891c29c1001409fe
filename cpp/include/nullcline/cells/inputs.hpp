// The inputs of states.
#pragma once

#include <cstddef>
#include <span>

#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline {

/// The inputs of n states: none (zero rows), one for all (one row) or one each.
template <class T>
struct Inputs {
    MatrixView<const T> x;

    [[nodiscard]] bool shared() const { return x.rows() <= 1; }
    [[nodiscard]] std::span<const T> row(std::size_t i) const {
        return x.rows() == 0 ? std::span<const T>{} : x.row(shared() ? 0 : i);
    }
};

}  // namespace nullcline
