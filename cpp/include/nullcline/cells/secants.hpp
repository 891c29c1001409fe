// A cell's secants over many pairs of states: J̄ and B̄ with F(h, x) − F(h₀, x₀) = J̄ (h − h₀) +
// B̄ (x − x₀) exactly, and their products. They have the form of its Jacobians
// (numerics/jacobian.hpp) and so the same products.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/batched.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/inputs.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"

namespace nullcline {

/// States and their inputs.
template <class T>
struct Rows {
    MatrixView<const T> h, x;
};

/// Pairs of states, and how many threads to use.
template <class T>
struct PairBatch {
    const Cell<T>& cell;
    Rows<T> base, actual;
    std::size_t n_threads;
    const Poll& poll;
};

/// Rows of states with all that the gates are computed from.
template <class T>
class GateRows {
  public:
    GateRows(const Cell<T>& cell, std::size_t count)
        : drives_(count, cell.drive_size()), products_(count, cell.recurrent().rows()) {}

    void compute(const Cell<T>& cell, const Rows<T>& rows) {
        h_ = rows.h;
        detail::fill_drives(cell, Inputs<T>{rows.x}, 0, drives_.view());
        multiply_states(update(cell.view()), h_, MatrixView<const T>(drives_.view()),
                        products_.view());
    }
    /// Row i, or the only one.
    [[nodiscard]] StatePoint<T> row(std::size_t i) const {
        i = h_.rows() == 1 ? 0 : i;
        return {h_.row(i), products_.row(i), drives_.row(i)};
    }

  private:
    Matrix<T> drives_, products_;
    MatrixView<const T> h_;
};

/// The secants of so many pairs, and their products.
template <class T>
class SecantRows {
  public:
    SecantRows(const Cell<T>& cell, std::size_t count)
        : cell_(cell),
          equation_(update(cell.view())),
          points_(count, Linearization<T>(equation_)),
          input_scales_(count, equation_.parts() * cell.drive_size()),
          scaled_(count, cell.drive_size()) {}

    [[nodiscard]] std::size_t count() const { return points_.size(); }

    /// Compute all from `base` to `actual`.
    void compute(const GateRows<T>& base, const GateRows<T>& actual) {
        for (std::size_t i = 0; i < count(); ++i) {
            equation_.secants(base.row(i), actual.row(i), points_[i].out(), input_scales_.row(i));
        }
    }

    /// out = J̄ᵀ u in every row.
    void pull(MatrixView<const T> u, MatrixView<T> out) {
        for (std::size_t i = 0; i < count(); ++i) {
            begin_vjp(SerialGroup(), points_[i].jacobian(), u.row(i), scaled_.row(i));
        }
        multiply_covectors(equation_, std::span<const Linearization<T>>(points_), scaled_.view(),
                           out);
        for (std::size_t i = 0; i < count(); ++i) {
            finish_vjp(SerialGroup(), points_[i].jacobian(), u.row(i), out.row(i));
            add_scaled(T{1}, u.row(i), out.row(i));
        }
    }

    /// out = B̄ᵀ u in every row.
    void pull_input(MatrixView<const T> u, MatrixView<T> out) {
        const Matrix<T> gated_input =
            weigh_gated_input(equation_, std::span<const Linearization<T>>(points_), u);
        for (std::size_t i = 0; i < count(); ++i) {
            std::ranges::fill(scaled_.row(i), T{0});
            weigh_input_products(std::span<const T>(input_scales_.row(i)), u.row(i),
                                 equation_.units(), scaled_.row(i));
            if (equation_.n_gated() > 0) {
                begin_gate_vjp(SerialGroup(), points_[i].jacobian().gate, gated_input.row(i),
                               scaled_.row(i));
            }
        }
        blas::multiply(MatrixView<const T>(scaled_.view()), cell_.input(), out);
    }

    /// out = J̄ v + B̄ w in every row.
    void push(MatrixView<const T> v, MatrixView<const T> w, MatrixView<T> out) {
        const std::span<const Linearization<T>> points(points_);
        multiply_directions(equation_, points, v, scaled_.view());
        for (std::size_t i = 0; i < count(); ++i) {
            finish_jvp(SerialGroup(), points[i].jacobian(), std::span<const T>(scaled_.row(i)),
                       v.row(i), out.row(i));
            add_scaled(T{1}, v.row(i), out.row(i));
        }
        blas::multiply_transposed(w, cell_.input(), scaled_.view());
        const Matrix<T> gated =
            multiply_gated_input(equation_, points, MatrixView<const T>(scaled_.view()));
        for (std::size_t i = 0; i < count(); ++i) {
            const std::span<T> to = out.row(i);
            add_input_products(std::span<const T>(input_scales_.row(i)),
                               std::span<const T>(scaled_.row(i)), equation_.units(), to);
            const std::span<const T> by_product = points[i].jacobian().scales;
            for (std::size_t j = 0; j < gated.cols(); ++j) {
                to[j] += by_product[j] * gated.row(i)[j];
            }
        }
    }

  private:
    const Cell<T>& cell_;
    CellEquation<T> equation_;
    std::vector<Linearization<T>> points_;
    Matrix<T> input_scales_, scaled_;
};

namespace detail {

/// Call `use(first, secants)` for the secants of every tile of pairs.
template <class T, class Use>
void for_each_secant(const PairBatch<T>& batch, const Use& use) {
    const auto compute = [&](std::size_t first, std::size_t count) {
        const auto rows = [&](const Rows<T>& of) {
            return Rows<T>{of.h.middle_rows(first, count), of.x.middle_rows(first, count)};
        };
        GateRows<T> from(batch.cell, count);
        GateRows<T> to(batch.cell, count);
        from.compute(batch.cell, rows(batch.base));
        to.compute(batch.cell, rows(batch.actual));
        SecantRows<T> secants(batch.cell, count);
        secants.compute(from, to);
        use(first, secants);
    };
    for_each_tile(batch.actual.h.rows(), states_per_tile, batch.n_threads, compute, batch.poll);
}

}  // namespace detail

/// uᵀ J̄ and uᵀ B̄, one u per pair.
template <class T>
void secant_vjp(const PairBatch<T>& batch, MatrixView<const T> u, MatrixView<T> by_state,
                MatrixView<T> by_input) {
    detail::for_each_secant(batch, [&](std::size_t first, SecantRows<T>& secants) {
        const auto covectors = u.middle_rows(first, secants.count());
        secants.pull(covectors, by_state.middle_rows(first, secants.count()));
        secants.pull_input(covectors, by_input.middle_rows(first, secants.count()));
    });
}

/// J̄ v + B̄ w, one v and one w per pair.
template <class T>
void secant_jvp(const PairBatch<T>& batch, MatrixView<const T> v, MatrixView<const T> w,
                MatrixView<T> out) {
    detail::for_each_secant(batch, [&](std::size_t first, SecantRows<T>& secants) {
        secants.push(v.middle_rows(first, secants.count()), w.middle_rows(first, secants.count()),
                     out.middle_rows(first, secants.count()));
    });
}

}  // namespace nullcline
