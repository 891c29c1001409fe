// A quadratic model of ‖f(h + s)‖² / 2 for steps s in a subspace that grows by a direction at a
// time.
//
// f is scaled to length 1 and s with it. Of every direction v are kept its *fields* (W v, v) and
// its change J v; directions are orthonormal. In them the model is gᵀy + yᵀHy / 2 with H = JᵀJ, to
// which the curvature Σ f_i ∂²f_i can be added: exact within the subspace.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/matrix_view.hpp"
#include "nullcline/solvers/trust_region.hpp"

namespace nullcline {

class SubspaceModel {
  public:
    static constexpr std::size_t most_directions = SmallMatrix::largest;

    SubspaceModel() = default;
    SubspaceModel(std::size_t size, std::size_t n_products, std::size_t n_curved_fields);

    /// Forget all directions; g = Jᵀ f is the gradient at s = 0.
    void begin(std::span<const float> gradient);

    /// Give the model its curvature, a form as of `apply_curvature`, before any direction.
    void set_curvature(std::span<const float> form);
    [[nodiscard]] bool curved() const { return !form_.empty(); }

    /// Make v orthogonal to all directions and of length 1; false if it has nothing new.
    [[nodiscard]] bool make_direction(std::span<float> v) const;

    /// Add what `make_direction` made, with its products W v and its change J v.
    void add(std::span<const float> v, std::span<const float> products,
             std::span<const float> change);

    [[nodiscard]] std::size_t dimension() const { return dimension_; }
    [[nodiscard]] bool full() const { return dimension_ == most_directions; }

    /// Directions since `begin`, also those that a restart has let go.
    [[nodiscard]] std::size_t grown() const { return grown_; }

    /// Find the least of the model within ‖s‖ <= radius: the solution that all below speaks of.
    ModelStep minimize(double radius);

    /// ‖s‖² of the solution.
    [[nodiscard]] double solution_square() const;

    /// out += J s
    void add_change(std::span<float> out) const;

    /// (W s, s), valid until the next call.
    [[nodiscard]] std::span<const float> solution_fields();

    /// The curvature's part of the model's gradient, by fields; `fields` are those of a step.
    [[nodiscard]] std::span<const float> bend(std::span<const float> fields);

    /// The decrease that the model promises of any step, from its fields and its change.
    [[nodiscard]] double decrease(std::span<const float> fields, std::span<const float> change);

    /// Make room: keep the solution and the softest directions, as combinations of all (a thick
    /// restart: Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 2000). Takes no product with W.
    void restart();

  private:
    static constexpr std::size_t kept_directions = 12;
    /// A direction is lost in rounding when so little of it is new.
    static constexpr float smallest_part = 1e-4F;

    [[nodiscard]] MatrixView<const float> basis(const Matrix<float>& rows) const {
        return rows.view().middle_rows(0, dimension_);
    }
    [[nodiscard]] std::span<double> solution() { return {y_.data(), dimension_}; }
    [[nodiscard]] std::span<const double> slope() const { return {slope_.data(), dimension_}; }
    [[nodiscard]] std::array<float, most_directions> coefficients() const;
    void add_curvature(std::size_t direction);

    std::size_t size_ = 0;
    std::size_t n_curved_ = 0;  // numbers of the fields that the curvature sees
    std::size_t dimension_ = 0;
    std::size_t grown_ = 0;
    std::vector<float> gradient_, form_, combination_, bend_;
    Matrix<float> fields_, vectors_, changes_;  // a direction a row
    SmallMatrix hessian_;
    std::array<double, most_directions> slope_{}, y_{};
};

}  // namespace nullcline
