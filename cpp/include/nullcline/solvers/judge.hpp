// What a state is: fixed, slow or neither, by tests with a meaning.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/cells/gru.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// Labels ends, in the precision of the cell, from nothing but the state itself.
///
/// fixed: every unit's reduced residual is within its bound of rounding (`GruReduced::rounding`).
/// slow: q <= tol_slow at a local minimum of q over the cube, measured by ‖P Jᵀf‖ / (‖J‖ ‖f‖)
/// with f = F(h) − h and P as in `stationary_tolerance`, which is zero at such a minimum.
template <class T>
class Judge {
  public:
    Judge(const Gru<T>& cell, const TermNorm<T>& update_norm)
        : reduced_(cell),
          update_(cell),
          update_norm_(update_norm),
          products_(update_.weights().rows()),
          scaled_(update_.weights().rows()),
          gradient_(cell.size()),
          bound_(cell.size()),
          at_reduced_(cell.size(), reduced_.blocks()),
          at_update_(cell.size(), update_.blocks()) {}

    struct Verdict {
        Kind kind;
        Reason reason;
        double q;
    };

    /// `how` an iteration ended says only why a state is neither fixed nor slow.
    Verdict operator()(std::span<const T> h, std::span<const T> drive, double tol_slow, End how) {
        blas::multiply_vector(update_.weights(), h, std::span(products_));
        const std::span<const T> products = products_;
        reduced_.linearize(h, products, drive, at_reduced_.out());
        update_.linearize(h, products, drive, at_update_.out());
        const double length = static_cast<double>(norm(at_update_.residual()));
        const double q = length * length / static_cast<double>(h.size());
        if (!std::isfinite(q)) {
            return {Kind::unconverged, Reason::not_finite, q};
        }
        if (is_zero(h, drive)) {
            return {Kind::fixed, Reason::zero, q};
        }
        if (is_minimum(h, length)) {
            return q <= tol_slow ? Verdict{Kind::slow, Reason::minimum, q}
                                 : Verdict{Kind::unconverged, Reason::above_tolerance, q};
        }
        return {Kind::unconverged, how == End::limit ? Reason::limit : Reason::stalled, q};
    }

    /// The gradient method's own rule: it stops at tol_slow, and nothing is asked about minima.
    [[nodiscard]] static Verdict by_speed(Verdict verdict, double tol_slow) {
        if (verdict.kind == Kind::unconverged && verdict.q <= tol_slow) {
            verdict.kind = Kind::slow;
            verdict.reason = Reason::below_tolerance;
        }
        return verdict;
    }

  private:
    [[nodiscard]] bool is_zero(std::span<const T> h, std::span<const T> drive) {
        reduced_.rounding(h, products_, drive, bound_);
        for (std::size_t i = 0; i < h.size(); ++i) {
            if (std::abs(at_reduced_.residual()[i]) > bound_[i]) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] bool is_minimum(std::span<const T> h, double length) {
        const auto jacobian = at_update_.jacobian();
        const std::span<const T> residual = at_update_.residual();
        begin_vjp(jacobian, residual, std::span(scaled_));
        blas::multiply_vector_by_transpose(update_.weights(), std::span<const T>(scaled_),
                                           std::span(gradient_));
        finish_vjp(jacobian, residual, std::span(gradient_));
        double square = 0;
        for (std::size_t i = 0; i < h.size(); ++i) {
            if (!held_by_face(h[i], gradient_[i])) {
                square += static_cast<double>(gradient_[i]) * static_cast<double>(gradient_[i]);
            }
        }
        return std::sqrt(square) <=
               stationary_tolerance<T> * static_cast<double>(update_norm_(jacobian)) * length;
    }

    GruReduced<T> reduced_;
    GruUpdate<T> update_;
    const TermNorm<T>& update_norm_;
    std::vector<T> products_, scaled_, gradient_, bound_;
    Linearization<T> at_reduced_, at_update_;
};

}  // namespace nullcline
