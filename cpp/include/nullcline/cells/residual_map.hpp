// A reduced residual at one state, and its Jacobian there as what it maps vectors to.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/products.hpp"
#include "nullcline/numerics/gated_block.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"
#include "nullcline/parallel/serial_group.hpp"

namespace nullcline {

/// The cell is linearized once, so that a product with the Jacobian is one with the weights. The
/// cell must outlive the map.
template <class T>
class ResidualMap {
  public:
    /// At outputs h (H) and the drive of their input.
    ResidualMap(const Cell<T>& cell, std::span<const T> h, std::span<const T> drive)
        : equation_(reduced(cell.view())), point_(equation_) {
        std::vector<T> products(equation_.weights().rows());
        multiply_state(equation_, h, drive, std::span(products));
        equation_.linearize(SerialGroup(), h, std::span<const T>(products), drive, point_.out());
    }

    [[nodiscard]] std::size_t size() const { return equation_.size(); }
    [[nodiscard]] std::span<const T> residual() const { return point_.residual(); }

    /// out = J v.
    void jvp(std::span<const T> v, std::span<T> out) const {
        const std::size_t n_gated = equation_.n_gated();
        std::vector<T> products(equation_.weights().rows());
        multiply_vector(plain_weights(equation_), v, std::span(products).subspan(n_gated));
        if (n_gated > 0) {
            std::vector<T> gated_input(n_gated);
            gate_jvp(SerialGroup(), jacobian().gate, std::span<const T>(products), v,
                     std::span(gated_input));
            multiply_vector(gated_weights(equation_), std::span<const T>(gated_input),
                            std::span(products).first(n_gated));
        }
        finish_jvp(SerialGroup(), jacobian(), std::span<const T>(products), v, out);
    }

    /// out = Jᵀ u.
    void vjp(std::span<const T> u, std::span<T> out) const {
        const std::size_t n_gated = equation_.n_gated();
        std::vector<T> scaled(equation_.weights().rows());
        begin_vjp(SerialGroup(), jacobian(), u, std::span(scaled));
        std::vector<T> gated_input(n_gated);
        if (n_gated > 0) {
            multiply_vector_by_transpose(gated_weights(equation_),
                                         std::span<const T>(scaled).first(n_gated),
                                         std::span(gated_input));
            begin_gate_vjp(SerialGroup(), jacobian().gate, std::span<const T>(gated_input),
                           std::span(scaled));
        }
        multiply_vector_by_transpose(plain_weights(equation_),
                                     std::span<const T>(scaled).subspan(n_gated), out);
        if (n_gated > 0) {
            finish_gate_vjp(SerialGroup(), jacobian().gate, std::span<const T>(gated_input), out);
        }
        finish_vjp(SerialGroup(), jacobian(), u, out);
    }

  private:
    [[nodiscard]] JacobianView<T> jacobian() const { return point_.jacobian(); }

    CellEquation<T> equation_;
    Linearization<T> point_;
};

}  // namespace nullcline
