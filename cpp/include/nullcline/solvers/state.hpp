// One state under a dense solver: its residual, whether that is a zero, and its Jacobian.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// A state, its linearization, and room for a trial beside it.
template <Equation E>
class State {
  public:
    using T = typename E::Scalar;

    State(const E& equation, std::size_t drive_size)
        : equation_(equation),
          drive_(drive_size),
          h_(equation.size()),
          products_(equation.weights().rows()),
          at_(equation.size(), equation.blocks()),
          trial_h_(h_),
          trial_products_(products_),
          trial_(at_),
          scaled_(products_),
          bound_(h_) {}

    [[nodiscard]] std::span<T> drive() { return drive_; }
    [[nodiscard]] std::span<T> h() { return h_; }
    [[nodiscard]] std::span<const T> residual() const { return at_.residual(); }
    [[nodiscard]] RowScales<T> jacobian() const { return at_.jacobian(); }
    [[nodiscard]] double length() const { return length_; }

    /// Where the next trial is to be written.
    [[nodiscard]] std::span<T> trial() { return trial_h_; }

    /// Linearize at h, which the caller has set.
    void evaluate() { length_ = evaluate(h_, products_, at_); }

    /// ‖f‖ at the trial.
    [[nodiscard]] double try_trial() {
        trial_length_ = evaluate(trial_h_, trial_products_, trial_);
        return trial_length_;
    }

    /// Make the trial the state.
    void accept() {
        std::swap(h_, trial_h_);
        std::swap(products_, trial_products_);
        std::swap(at_, trial_);
        length_ = trial_length_;
    }

    [[nodiscard]] bool is_zero() {
        equation_.rounding(h_, products_, drive_, bound_);
        for (std::size_t i = 0; i < h_.size(); ++i) {
            if (!(std::abs(at_.residual()[i]) <= bound_[i])) {
                return false;
            }
        }
        return true;
    }

    /// out = Jᵀ f
    void gradient(std::span<T> out) {
        begin_vjp(jacobian(), residual(), std::span(scaled_));
        blas::multiply_vector_by_transpose(equation_.weights(), std::span<const T>(scaled_), out);
        finish_vjp(jacobian(), residual(), out);
    }

    void assemble_jacobian(MatrixView<T> out) const {
        assemble(jacobian(), equation_.weights(), out);
    }

  private:
    double evaluate(std::span<const T> h, std::vector<T>& products, Linearization<T>& at) const {
        blas::multiply_vector(equation_.weights(), h, std::span(products));
        equation_.linearize(h, products, drive_, at.out());
        return static_cast<double>(norm(at.residual()));
    }

    const E& equation_;
    std::vector<T> drive_;
    std::vector<T> h_, products_;
    Linearization<T> at_;
    std::vector<T> trial_h_, trial_products_;
    Linearization<T> trial_;
    std::vector<T> scaled_, bound_;
    double length_ = 0;
    double trial_length_ = 0;
};

}  // namespace nullcline
