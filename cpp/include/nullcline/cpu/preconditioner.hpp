// The preconditioner that all starts share.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/search/preconditioner.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline::cpu {

/// The state to which the network goes from zero, without input.
template <class T>
[[nodiscard]] std::vector<T> settled_state(const Cell<T>& cell) {
    const CellEquation<T> equation = settling(cell.view());
    std::vector<T> state(equation.size());
    std::vector<T> products(equation.weights().rows());
    Linearization<T> at(equation);
    for (std::size_t i = 0; i < tuning.settling_steps; ++i) {
        multiply_state(equation, std::span<const T>(state), cell.zero_input_drive(),
                       std::span(products));
        equation.linearize(SerialGroup(), state, products, cell.zero_input_drive(), at.out());
        add_scaled(T{1}, at.residual(), std::span(state));
    }
    return state;
}

/// (JᵀJ + μI)⁻¹ of the reduced residual at the settled state; empty where that is not finite.
template <class T>
[[nodiscard]] Matrix<T> make_inverse(const Cell<T>& cell) {
    const CellEquation<T> equation = reduced(cell.view());
    const std::size_t size = cell.size();
    const std::vector<T> state = settled_state(cell);
    const std::span<const T> h = std::span(state).first(size);
    std::vector<T> products(equation.weights().rows());
    Linearization<T> at(equation);
    Matrix<T> jacobian(size, size);
    Matrix<T> normal(size, size);
    multiply_state(equation, h, cell.zero_input_drive(), std::span(products));
    equation.linearize(SerialGroup(), h, products, cell.zero_input_drive(), at.out());
    assemble(at.jacobian(), DenseWeights<T>(equation.weights()).view(), jacobian.view());
    blas::gram(MatrixView<const T>(jacobian.view()), normal.view());
    T sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
        sum += normal.view()(i, i);
    }
    Matrix<T> inverse(size, size);
    for (std::size_t i = 0; i < size; ++i) {
        normal.view()(i, i) += preconditioner_shift(sum, size);
        inverse.view()(i, i) = 1;
    }
    if (!std::isfinite(sum) || !blas::cholesky(normal.view())) {
        return {};
    }
    blas::cholesky_solve(MatrixView<const T>(normal.view()), inverse.view());
    return inverse;
}

}  // namespace nullcline::cpu
