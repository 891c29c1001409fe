// A cell's products with its weights, for states and for directions; in two steps where a block is
// gated.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"

namespace nullcline {

/// Whether the gated block's input depends on another block's sum, and so on the drive.
template <class T>
[[nodiscard]] bool is_gated_by_product(const CellEquation<T>& equation) {
    return equation.n_gated() > 0 && equation.blocks() > 1;
}

/// The products of one state.
template <class T>
void multiply_state(const CellEquation<T>& equation, std::span<const T> h, std::span<const T> drive,
                    std::span<T> products) {
    const std::size_t n_gated = equation.n_gated();
    nullcline::multiply_vector(plain_weights(equation), h, products.subspan(n_gated));
    if (n_gated > 0) {
        std::vector<T> gated_input(n_gated);
        equation.compute_gated_input(SerialGroup(), h, products, drive, std::span(gated_input));
        nullcline::multiply_vector(gated_weights(equation), std::span<const T>(gated_input),
                                   products);
    }
}

namespace detail {

/// out = V Wᵀ, a row v of V for each state; a gated block's W multiplies what
/// `make_gated_input(row, products, gated_input)` makes of v.
template <class T, class MakeGatedInput>
void multiply_rows(const CellEquation<T>& equation, MatrixView<const T> v, MatrixView<T> out,
                   const MakeGatedInput& make_gated_input) {
    const std::size_t n_gated = equation.n_gated();
    const std::size_t n_plain = out.cols() - n_gated;
    nullcline::multiply_transposed(v, plain_weights(equation), out.columns(n_gated, n_plain));
    if (n_gated > 0) {
        Matrix<T> gated_input(v.rows(), n_gated);
        for (std::size_t i = 0; i < v.rows(); ++i) {
            make_gated_input(i, std::span<const T>(out.row(i)), gated_input.row(i));
        }
        nullcline::multiply_transposed(MatrixView<const T>(gated_input.view()),
                                       gated_weights(equation), out.columns(0, n_gated));
    }
}

}  // namespace detail

/// The products of states with a drive each.
template <class T>
void multiply_states(const CellEquation<T>& equation, MatrixView<const T> h,
                     MatrixView<const T> drives, MatrixView<T> products) {
    detail::multiply_rows(
        equation, h, products, [&](std::size_t i, std::span<const T> of, std::span<T> gated_input) {
            equation.compute_gated_input(SerialGroup(), h.row(i), of, drives.row(i), gated_input);
        });
}

/// The derivatives of the products along one direction per point.
template <class T>
void multiply_directions(const CellEquation<T>& equation, std::span<const Linearization<T>> points,
                         MatrixView<const T> v, MatrixView<T> products) {
    detail::multiply_rows(
        equation, v, products, [&](std::size_t i, std::span<const T> of, std::span<T> gated_input) {
            gate_jvp(SerialGroup(), points[i].jacobian().gate, of, v.row(i), gated_input);
        });
}

/// How a gated block's products change with the input, through its own input: W_0 (a ∘ W_1 v), from
/// the input weights' products with one v per point.
template <class T>
[[nodiscard]] Matrix<T> multiply_gated_input(const CellEquation<T>& equation,
                                             std::span<const Linearization<T>> points,
                                             MatrixView<const T> input_products) {
    const std::size_t n_gated = equation.n_gated();
    Matrix<T> products(input_products.rows(), n_gated);
    if (!is_gated_by_product(equation)) {
        return products;
    }
    Matrix<T> gated_input(products.rows(), n_gated);
    for (std::size_t i = 0; i < gated_input.rows(); ++i) {
        std::ranges::transform(points[i].jacobian().gate.first(n_gated),
                               input_products.row(i).subspan(n_gated, n_gated),
                               gated_input.row(i).begin(), std::multiplies<T>());
    }
    nullcline::multiply_transposed(MatrixView<const T>(gated_input.view()), gated_weights(equation),
                                   products.view());
    return products;
}

/// Add Σ_k c_pk ∘ products_k to every part p of `out`, c being the scales by the input.
template <class T>
void add_input_products(std::span<const T> scales, std::span<const T> products, std::size_t units,
                        std::span<T> out) {
    for (std::size_t j = 0; j < scales.size(); ++j) {
        const std::size_t part = j / products.size();
        out[part * units + j % units] += scales[j] * products[j % products.size()];
    }
}

/// The transpose: add Σ_p c_pk ∘ u_p to every block k of `scaled`.
template <class T>
void weigh_input_products(std::span<const T> scales, std::span<const T> u, std::size_t units,
                          std::span<T> scaled) {
    for (std::size_t j = 0; j < scales.size(); ++j) {
        const std::size_t part = j / scaled.size();
        scaled[j % scaled.size()] += scales[j] * u[part * units + j % units];
    }
}

/// What the input adds to a Jacobian through a gated block's input: diag(c_0) W_0 diag(a) V_1, V
/// being the input weights.
template <class T>
void add_gated_input_products(const CellEquation<T>& equation, const JacobianView<T>& jacobian,
                              MatrixView<const T> input_weights, MatrixView<T> out) {
    const std::size_t n_gated = equation.n_gated();
    if (!is_gated_by_product(equation)) {
        return;
    }
    Matrix<T> gated_input(n_gated, input_weights.cols());
    Matrix<T> products(n_gated, input_weights.cols());
    for (std::size_t i = 0; i < n_gated; ++i) {
        add_scaled(jacobian.gate[i], input_weights.row(n_gated + i), gated_input.row(i));
    }
    blas::multiply(DenseWeights<T>(gated_weights(equation)).view(),
                   MatrixView<const T>(gated_input.view()), products.view());
    for (std::size_t i = 0; i < n_gated; ++i) {
        add_scaled(jacobian.scales[i], std::span<const T>(products.row(i)), out.row(i));
    }
}

/// The weights of a gated block's input in uᵀ f: W_0ᵀ u, a u in each row of `scaled`.
template <class T>
[[nodiscard]] Matrix<T> weigh_gated_input(const CellEquation<T>& equation,
                                          MatrixView<const T> scaled) {
    const std::size_t n_gated = equation.n_gated();
    Matrix<T> weights(scaled.rows(), n_gated);
    if (n_gated > 0) {
        nullcline::multiply(scaled.columns(0, n_gated), gated_weights(equation), weights.view());
    }
    return weights;
}

/// The weights of a gated block's input in uᵀ f, for a covector u of the residual at each point.
template <class T>
[[nodiscard]] Matrix<T> weigh_gated_input(const CellEquation<T>& equation,
                                          std::span<const Linearization<T>> points,
                                          MatrixView<const T> u) {
    if (equation.n_gated() == 0) {
        return Matrix<T>(u.rows(), 0);
    }
    Matrix<T> scaled(u.rows(), equation.weights().rows());
    for (std::size_t i = 0; i < u.rows(); ++i) {
        begin_vjp(SerialGroup(), points[i].jacobian(), u.row(i), scaled.row(i));
    }
    return weigh_gated_input(equation, MatrixView<const T>(scaled.view()));
}

/// The transpose of `multiply_directions`: into the first part of `out`, from one row of `scaled`
/// per point, which is overwritten.
template <class T>
void multiply_covectors(const CellEquation<T>& equation, std::span<const Linearization<T>> points,
                        MatrixView<T> scaled, MatrixView<T> out) {
    const std::size_t n_gated = equation.n_gated();
    const Matrix<T> gated_input = weigh_gated_input(equation, MatrixView<const T>(scaled));
    for (std::size_t i = 0; i < scaled.rows() && n_gated > 0; ++i) {
        begin_gate_vjp(SerialGroup(), points[i].jacobian().gate, gated_input.row(i), scaled.row(i));
    }
    nullcline::multiply(MatrixView<const T>(scaled.columns(n_gated, scaled.cols() - n_gated)),
                        plain_weights(equation), out);
    for (std::size_t i = 0; i < scaled.rows() && n_gated > 0; ++i) {
        finish_gate_vjp(SerialGroup(), points[i].jacobian().gate, gated_input.row(i), out.row(i));
    }
}

}  // namespace nullcline
