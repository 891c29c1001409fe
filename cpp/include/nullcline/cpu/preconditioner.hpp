// The preconditioner that all starts share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/function.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/box.hpp"
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

/// The state to which a map goes from zero, or from the nearest state in its box, without input.
template <class T>
[[nodiscard]] Matrix<T> settled_state(const Function<T>& function, MatrixView<const T> no_input) {
    const auto box = function.equation().box({});
    Matrix<T> state(1, function.size());
    Matrix<T> next(1, function.size());
    for (std::size_t i = 0; i < tuning.settling_steps; ++i) {
        project_into(SerialGroup(), box, state.elements());
        function.step(std::as_const(state).view(), no_input, next.view());
        std::swap(state, next);
    }
    project_into(SerialGroup(), box, state.elements());
    return state;
}

/// J = ∂F/∂h − I of a map at its settled state, in single precision, which it is packed in.
template <class T>
[[nodiscard]] Matrix<float> preconditioning_jacobian(const Function<T>& function) {
    const Matrix<T> no_input(1, function.input_size());
    const Matrix<T> state = settled_state(function, no_input.view());
    Matrix<float> jacobian(function.size(), function.size());
    if (std::ranges::all_of(state.elements(), [](T value) { return std::isfinite(value); })) {
        function.rough_jacobian(state.view(), no_input.view(), jacobian.view());
    }
    for (std::size_t i = 0; i < function.size(); ++i) {
        jacobian.view()(i, i) -= 1;
    }
    return jacobian;
}

/// J of the reduced residual at a cell's settled state.
template <class T>
[[nodiscard]] Matrix<T> preconditioning_jacobian(const Cell<T>& cell) {
    const CellEquation<T> equation = reduced(cell.view());
    const std::size_t size = cell.size();
    const std::vector<T> state = settled_state(cell);
    const std::span<const T> h = std::span(state).first(size);
    std::vector<T> products(equation.weights().rows());
    Linearization<T> at(equation);
    Matrix<T> jacobian(size, size);
    multiply_state(equation, h, cell.zero_input_drive(), std::span(products));
    equation.linearize(SerialGroup(), h, products, cell.zero_input_drive(), at.out());
    assemble(at.jacobian(), DenseWeights<T>(equation.weights()).view(), jacobian.view());
    return jacobian;
}

/// (JᵀJ + μI)⁻¹; empty where that is not finite.
template <class T>
[[nodiscard]] Matrix<T> regularized_inverse(const Matrix<T>& jacobian) {
    const std::size_t size = jacobian.rows();
    Matrix<T> normal(size, size);
    blas::gram(jacobian.view(), normal.view());
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

/// That at the settled state of a network.
template <class Network>
[[nodiscard]] auto make_inverse(const Network& network) {
    return regularized_inverse(preconditioning_jacobian(network));
}

}  // namespace nullcline::cpu
