// A cell's residuals and their Jacobians over a box of states and inputs, every rounding bounded.
//
// What is enclosed is the real network whose weights, biases and parameters are the floating-point
// numbers given, evaluated exactly. Its equations are those of every search (see unit.hpp), on
// intervals; affine sums W h + U x + b are bounded by the standard model (Higham, Accuracy and
// Stability of Numerical Algorithms, 2002, chapter 3), in whatever order they are added.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/unit.hpp"
#include "nullcline/numerics/enclosed_matrix.hpp"
#include "nullcline/numerics/interval.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline {

/// The arrays that an enclosure is made from, in float64, exact. Blocks are in the kind's order.
struct EnclosureArrays {
    MatrixView<const double> weight_ih;       ///< (blocks H, D)
    Weights<double> weight_hh;                ///< (blocks H, H)
    MatrixView<const double> biases;          ///< (n, blocks H), which add up
    std::span<const double> parameters;       ///< H of each of the kind's
    std::span<const Activation> activations;  ///< one for all units, or one each; or nothing
};

class CellEnclosure {
  public:
    CellEnclosure(CellKind kind, const EnclosureArrays& arrays);

    [[nodiscard]] const CellTraits& traits() const {
        return cell_traits[static_cast<std::size_t>(kind_)];
    }
    [[nodiscard]] std::size_t size() const { return weight_hh_.middle.cols(); }
    [[nodiscard]] std::size_t input_size() const { return weight_ih_.middle.cols(); }
    [[nodiscard]] std::size_t drive_size() const { return bias_.size(); }
    [[nodiscard]] std::size_t parts(Residual which) const {
        return which == Residual::reduced ? 1 : traits().parts;
    }

    /// The drive, of blocks H numbers, for all inputs of a box (D), or for none.
    void drive(std::span<const Interval> x, std::span<Interval> out) const;

    /// A residual and its Jacobian, (S) and (S, S), or (H) and (H, H) of the reduced one, for all
    /// states of a box. The Jacobian of the map n is that of the reduced residual plus 1.
    void linearize(Residual which, std::span<const Interval> state, std::span<const Interval> drive,
                   std::span<Interval> residual, EnclosedMatrix& jacobian) const;

    /// A bound of |D²G_i(v, w)| for each unit of the reduced residual G and all outputs of a box.
    /// v and w are directions (H), or nothing for all that are at most 1 in the sup norm: with
    /// neither it says how fast a row sum of G's Jacobian can change.
    void curvature(std::span<const Interval> h, std::span<const Interval> drive,
                   std::span<const double> v, std::span<const double> w,
                   std::span<double> out) const;

    /// A state whose second part is at equilibrium, (S), for all outputs of a box.
    void complete(std::span<const Interval> h, std::span<const Interval> drive,
                  std::span<Interval> state) const;

  private:
    /// A Jacobian's scales (see numerics/jacobian.hpp), and the residual.
    struct Scales {
        std::vector<Interval> residual, scales, identity, gate;
    };

    [[nodiscard]] std::vector<Interval> products(Residual which, std::span<const Interval> state,
                                                 std::span<const Interval> drive) const;
    [[nodiscard]] UnitPoint<Interval> point(std::span<const Interval> state,
                                            std::span<const Interval> products,
                                            std::span<const Interval> drive) const;
    [[nodiscard]] Scales scales(Residual which, const UnitPoint<Interval>& at) const;
    [[nodiscard]] EnclosedMatrix effective_weights(Residual which,
                                                   std::span<const Interval> gate) const;

    [[nodiscard]] std::vector<double> reach(std::span<const double> v) const;

    /// Call `use.operator()<Cell, Phi>()`.
    template <class Use>
    void with_equations(const Use& use) const;

    CellKind kind_;
    EnclosedMatrix weight_ih_, weight_hh_;
    std::vector<double> row_sums_;  ///< of the absolute values of `weight_hh_`, or bounds
    std::vector<Interval> bias_, parameters_;
    Activation activation_{};
};

template <class Use>
void CellEnclosure::with_equations(const Use& use) const {
    with_cell(kind_, [&]<class C>() {
        if constexpr (C::has_activation) {
            if (activation_ == Activation::per_unit) {
                return use.template operator()<C, EnclosedPerUnit>();
            }
            with_activation(activation_,
                            [&]<class A>() { use.template operator()<C, Uniform<A>>(); });
        } else {
            use.template operator()<C, EnclosedPerUnit>();
        }
    });
}

}  // namespace nullcline
