// A cell's primitives over many states: step, residual, speed, Jacobians and their products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline {

/// States (for a reduced residual their outputs alone), their inputs, and how many threads to use.
template <class T>
struct Batch {
    const Cell<T>& cell;
    MatrixView<const T> h;
    Inputs<T> inputs;
    std::size_t n_threads;
    const Poll& poll;
};

namespace detail {

inline constexpr std::size_t states_per_tile = 64;

/// The linearizations of a tile of states, and what they were made from.
template <class T>
struct StateTile {
    std::size_t first;
    MatrixView<const T> h;
    MatrixView<const T> products;
    MatrixView<const T> drives;
    std::span<const Linearization<T>> points;

    [[nodiscard]] std::size_t count() const { return h.rows(); }
};

template <class T>
void fill_drives(const Cell<T>& cell, const Inputs<T>& inputs, std::size_t first,
                 MatrixView<T> out) {
    if (inputs.shared()) {
        cell.drive(inputs.row(0), out.row(0));
        for (std::size_t i = 1; i < out.rows(); ++i) {
            std::ranges::copy(out.row(0), out.row(i).begin());
        }
        return;
    }
    blas::multiply_transposed(inputs.x.middle_rows(first, out.rows()), cell.input(), out);
    for (std::size_t i = 0; i < out.rows(); ++i) {
        add_scaled(T{1}, cell.zero_input_drive(), out.row(i));
    }
}

/// Linearize `equation` at all states, tile after tile, and call `use(tile)`.
template <class T, Equation E, class Use>
void for_each_linearization(const Batch<T>& batch, const E& equation, const Use& use) {
    const auto linearize = [&](std::size_t first, std::size_t count) {
        const Cell<T>& cell = batch.cell;
        Matrix<T> products(count, equation.weights().rows());
        Matrix<T> drives(count, cell.zero_input_drive().size());
        std::vector<Linearization<T>> points(count, Linearization<T>(equation));
        const auto h = batch.h.middle_rows(first, count);
        fill_drives(cell, batch.inputs, first, drives.view());
        multiply_states(equation, h, MatrixView<const T>(drives.view()), products.view());
        for (std::size_t i = 0; i < count; ++i) {
            const std::span<const T> product = products.row(i);
            const std::span<const T> drive = drives.row(i);
            equation.linearize(SerialGroup(), h.row(i), product, drive, points[i].out());
        }
        use(StateTile<T>{first, h, products.view(), drives.view(), points});
    };
    for_each_tile(batch.h.rows(), states_per_tile, batch.n_threads, linearize, batch.poll);
}

template <class T>
void input_scales(const CellEquation<T>& equation, const StateTile<T>& tile, std::size_t i,
                  std::span<T> out) {
    equation.input_scales(tile.h.row(i), tile.products.row(i), tile.drives.row(i), out);
}

template <class T>
[[nodiscard]] CellEquation<T> update(const Batch<T>& batch) {
    return nullcline::update(batch.cell.view());
}

template <class T>
[[nodiscard]] CellEquation<T> reduced(const Batch<T>& batch) {
    return nullcline::reduced(batch.cell.view());
}

}  // namespace detail

/// F(h, x).
template <class T>
void step(const Batch<T>& batch, MatrixView<T> out) {
    detail::for_each_linearization(batch, detail::update(batch), [&](const auto& tile) {
        for (std::size_t i = 0; i < tile.count(); ++i) {
            const auto f = tile.points[i].residual();
            std::ranges::transform(tile.h.row(i), f, out.row(tile.first + i).begin(),
                                   [](T h, T change) { return h + change; });
        }
    });
}

/// The reduced residual.
template <class T>
void residual(const Batch<T>& batch, MatrixView<T> out) {
    detail::for_each_linearization(batch, detail::reduced(batch), [&](const auto& tile) {
        for (std::size_t i = 0; i < tile.count(); ++i) {
            std::ranges::copy(tile.points[i].residual(), out.row(tile.first + i).begin());
        }
    });
}

/// q = mean((h − F(h, x))²).
template <class T>
void speed(const Batch<T>& batch, std::span<T> out) {
    const auto size = static_cast<T>(batch.cell.state_size());
    detail::for_each_linearization(batch, detail::update(batch), [&](const auto& tile) {
        for (std::size_t i = 0; i < tile.count(); ++i) {
            out[tile.first + i] = squared_norm(tile.points[i].residual()) / size;
        }
    });
}

/// ∂F/∂h, one (S, S) matrix per state, stacked in `out`.
template <class T>
void jacobian(const Batch<T>& batch, MatrixView<T> out) {
    const std::size_t size = batch.cell.state_size();
    const DenseWeights<T> weights(batch.cell.recurrent());
    detail::for_each_linearization(batch, detail::update(batch), [&](const auto& tile) {
        for (std::size_t i = 0; i < tile.count(); ++i) {
            const auto j = out.middle_rows((tile.first + i) * size, size);
            assemble(tile.points[i].jacobian(), weights.view(), j);
            for (std::size_t unit = 0; unit < size; ++unit) {
                j(unit, unit) += T{1};  // F = h + f
            }
        }
    });
}

/// The reduced residual's Jacobian, one (H, H) matrix per state, stacked in `out`.
template <class T>
void residual_jacobian(const Batch<T>& batch, MatrixView<T> out) {
    const std::size_t size = batch.cell.size();
    const CellEquation<T> equation = detail::reduced(batch);
    const DenseWeights<T> weights(equation.weights());
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        for (std::size_t i = 0; i < tile.count(); ++i) {
            assemble(tile.points[i].jacobian(), weights.view(),
                     out.middle_rows((tile.first + i) * size, size));
        }
    });
}

/// ∂F/∂x, one (S, D) matrix per state, stacked in `out`.
template <class T>
void input_jacobian(const Batch<T>& batch, MatrixView<T> out) {
    const std::size_t size = batch.cell.state_size();
    const CellEquation<T> equation = detail::update(batch);
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        std::vector<T> scales(equation.parts() * batch.cell.input().rows());
        for (std::size_t i = 0; i < tile.count(); ++i) {
            detail::input_scales(equation, tile, i, std::span(scales));
            const auto to = out.middle_rows((tile.first + i) * size, size);
            assemble_products(std::span<const T>(scales), batch.cell.input(), to);
            add_gated_input_products(equation, tile.points[i].jacobian(), batch.cell.input(), to);
        }
    });
}

/// (∂F/∂h) v, one v per state.
template <class T>
void jvp(const Batch<T>& batch, MatrixView<const T> v, MatrixView<T> out) {
    const CellEquation<T> equation = detail::update(batch);
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        const auto directions = v.middle_rows(tile.first, tile.count());
        Matrix<T> products(tile.count(), equation.weights().rows());
        multiply_directions(equation, tile.points, directions, products.view());
        for (std::size_t i = 0; i < tile.count(); ++i) {
            const auto to = out.row(tile.first + i);
            finish_jvp(SerialGroup(), tile.points[i].jacobian(),
                       std::span<const T>(products.row(i)), directions.row(i), to);
            add_scaled(T{1}, directions.row(i), to);
        }
    });
}

/// uᵀ (∂F/∂h), one u per state.
template <class T>
void vjp(const Batch<T>& batch, MatrixView<const T> u, MatrixView<T> out) {
    const CellEquation<T> equation = detail::update(batch);
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        const auto covectors = u.middle_rows(tile.first, tile.count());
        const auto to = out.middle_rows(tile.first, tile.count());
        Matrix<T> scaled(tile.count(), equation.weights().rows());
        for (std::size_t i = 0; i < tile.count(); ++i) {
            begin_vjp(SerialGroup(), tile.points[i].jacobian(), covectors.row(i), scaled.row(i));
        }
        multiply_covectors(equation, tile.points, scaled.view(), to);
        for (std::size_t i = 0; i < tile.count(); ++i) {
            finish_vjp(SerialGroup(), tile.points[i].jacobian(), covectors.row(i), to.row(i));
            add_scaled(T{1}, covectors.row(i), to.row(i));
        }
    });
}

/// Σ_k u_k ∂²F_k v, one u and one v per state: the Hessian of uᵀF times v.
template <class T>
void hvp(const Batch<T>& batch, MatrixView<const T> u, MatrixView<const T> v, MatrixView<T> out) {
    const CellEquation<T> equation = detail::update(batch);
    const std::size_t n_products = equation.weights().rows();
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        const auto covectors = u.middle_rows(tile.first, tile.count());
        const auto directions = v.middle_rows(tile.first, tile.count());
        const auto to = out.middle_rows(tile.first, tile.count());
        Matrix<T> products(tile.count(), n_products);
        multiply_directions(equation, tile.points, directions, products.view());
        const Matrix<T> gated_input = weigh_gated_input(equation, tile.points, covectors);
        std::vector<T> hessian(curvature_size(equation.curved_fields(), equation.units()));
        std::vector<T> fields(equation.curved_fields() * equation.units());
        Matrix<T> curved(tile.count(), fields.size());
        for (std::size_t i = 0; i < tile.count(); ++i) {
            equation.curvature(SerialGroup(), tile.h.row(i), tile.products.row(i),
                               tile.drives.row(i), covectors.row(i), gated_input.row(i),
                               std::span(hessian));
            std::ranges::copy(products.row(i), fields.begin());
            std::ranges::copy(directions.row(i),
                              fields.begin() + static_cast<std::ptrdiff_t>(n_products));
            apply_curvature(hessian, fields, equation.units(), curved.row(i));
            std::ranges::fill(to.row(i), T{0});
        }
        multiply_covectors(equation, tile.points, curved.view().columns(0, n_products), to);
        for (std::size_t i = 0; i < tile.count(); ++i) {
            add_scaled(T{1}, std::span<const T>(curved.row(i)).subspan(n_products), to.row(i));
        }
    });
}

namespace detail {

/// (∂f/∂x) v
template <class T>
void input_jvp(const Batch<T>& batch, const CellEquation<T>& equation, MatrixView<const T> v,
               MatrixView<T> out) {
    const std::size_t units = equation.units();
    const std::size_t n_products = batch.cell.input().rows();
    for_each_linearization(batch, equation, [&](const auto& tile) {
        Matrix<T> products(tile.count(), n_products);
        std::vector<T> scales(equation.parts() * n_products);
        blas::multiply_transposed(v.middle_rows(tile.first, tile.count()), batch.cell.input(),
                                  products.view());
        const Matrix<T> gated =
            multiply_gated_input(equation, tile.points, MatrixView<const T>(products.view()));
        for (std::size_t i = 0; i < tile.count(); ++i) {
            input_scales(equation, tile, i, std::span(scales));
            const auto to = out.row(tile.first + i);
            std::ranges::fill(to, T{0});
            add_input_products(std::span<const T>(scales), std::span<const T>(products.row(i)),
                               units, to);
            const std::span<const T> by_product = tile.points[i].jacobian().scales;
            for (std::size_t j = 0; j < gated.cols(); ++j) {
                to[j] += by_product[j] * gated.row(i)[j];
            }
        }
    });
}

}  // namespace detail

/// (∂F/∂x) v, one v (D) per state.
template <class T>
void input_jvp(const Batch<T>& batch, MatrixView<const T> v, MatrixView<T> out) {
    detail::input_jvp(batch, detail::update(batch), v, out);
}

/// The reduced residual's derivative along v (D), one v per state.
template <class T>
void residual_input_jvp(const Batch<T>& batch, MatrixView<const T> v, MatrixView<T> out) {
    detail::input_jvp(batch, detail::reduced(batch), v, out);
}

/// uᵀ (∂F/∂x), one u (S) per state.
template <class T>
void input_vjp(const Batch<T>& batch, MatrixView<const T> u, MatrixView<T> out) {
    const CellEquation<T> equation = detail::update(batch);
    const std::size_t units = equation.units();
    const std::size_t n_products = batch.cell.input().rows();
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        Matrix<T> scaled(tile.count(), n_products);
        std::vector<T> scales(equation.parts() * n_products);
        const auto covectors = u.middle_rows(tile.first, tile.count());
        const Matrix<T> gated_input = weigh_gated_input(equation, tile.points, covectors);
        for (std::size_t i = 0; i < tile.count(); ++i) {
            detail::input_scales(equation, tile, i, std::span(scales));
            weigh_input_products(std::span<const T>(scales), covectors.row(i), units,
                                 scaled.row(i));
            if (equation.n_gated() > 0) {
                begin_gate_vjp(SerialGroup(), tile.points[i].jacobian().gate, gated_input.row(i),
                               scaled.row(i));
            }
        }
        blas::multiply(MatrixView<const T>(scaled.view()), batch.cell.input(),
                       out.middle_rows(tile.first, tile.count()));
    });
}

/// Complete outputs to states: another part takes its value at equilibrium, given the outputs.
template <class T>
void complete(const Batch<T>& batch, MatrixView<T> out) {
    const CellEquation<T> equation = detail::reduced(batch);
    detail::for_each_linearization(batch, equation, [&](const auto& tile) {
        for (std::size_t i = 0; i < tile.count(); ++i) {
            const auto to = out.row(tile.first + i);
            std::ranges::copy(tile.h.row(i), to.begin());
            equation.complete(SerialGroup(), tile.h.row(i), tile.products.row(i),
                              tile.drives.row(i), to);
        }
    });
}

}  // namespace nullcline
