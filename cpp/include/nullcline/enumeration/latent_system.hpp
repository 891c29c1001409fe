// Networks of rates whose recurrence has low rank, in their latent variables (Mastrogiuseppe and
// Ostojic, Neuron 99 (2018) 609).
//
// h = φ(W h + b) with W = M Nᵀ + E is h = φ(M κ + b + E h), κ = Nᵀ h. For each κ the first equation
// has one solution h(κ), since ‖E‖ is a rounding error and φ is Lipschitz; so the fixed points are
// those κ with κ = Nᵀ h(κ), R unknowns. E h lies within its row sums, and enters as an uncertainty
// of the argument of φ.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/chord.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "nullcline/enumeration/system.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// What a latent system is made of, all in rows of units.
struct LatentWeights {
    MatrixView<const double> left;               ///< M (H, R)
    MatrixView<const double> right;              ///< N (H, R)
    std::span<const double> remainder;           ///< row sums of |E|, H
    std::span<const double> drive, drive_error;  ///< b, and how far from the truth it may be
    std::span<const Activation> activations;     ///< H
};

class LatentSystem {
  public:
    explicit LatentSystem(const LatentWeights& weights)
        : weights_(weights), blur_(units()), column_size_(size()) {
        double largest = 0;
        for (const Activation activation : weights_.activations) {
            largest = std::max(largest, with_activation(activation, []<class A>() {
                                   return std::max(std::abs(A::template range<double>.low),
                                                   std::abs(A::template range<double>.high));
                               }));
        }
        double contraction = 0;
        for (std::size_t i = 0; i < units(); ++i) {
            blur_[i] = sum_bound(weights_.drive_error[i] + weights_.remainder[i] * largest);
            contraction = std::max(contraction, weights_.remainder[i]);
        }
        for (std::size_t i = 0; i < units(); ++i) {
            for (std::size_t r = 0; r < size(); ++r) {
                column_size_[r] =
                    std::max(column_size_[r],
                             sum_bound(std::abs(weights_.left(i, r)) / (1 - 2 * contraction)));
            }
        }
    }

    [[nodiscard]] std::size_t size() const { return weights_.left.cols(); }
    [[nodiscard]] std::size_t units() const { return weights_.left.rows(); }

    void relax(const Sides& box, Relaxation& out) const {
        const std::size_t n = size();
        const Balls x = balls_of(box);
        out = Relaxation(n);
        std::vector<double> size_of_offset(n), size_of_range(n), low(n), high(n);
        Square magnitude(n);
        for (std::size_t i = 0; i < units(); ++i) {
            const Affine u = argument(i, x);
            const Interval all = u.ball().interval();
            const auto [chord, range] = with_activation(weights_.activations[i], [&]<class A>() {
                return std::pair(chord_of<A>(all), enclosed<A>(all).value);
            });
            // φ(u) = λ ū + c + λ M δ, ū being known to within its rounding.
            const double slope_size = std::abs(chord.slope);
            const double fixed = chord.slope * u.middle + chord.constant;
            const double blur =
                sum_bound(chord.error + slope_size * u.rounding +
                          relative_error(6) * (slope_size * (std::abs(u.middle) + u.linear) +
                                               std::abs(chord.constant)));
            for (std::size_t k = 0; k < n; ++k) {
                const double weight = weights_.right(i, k);
                out.offset[k] += weight * fixed;
                size_of_offset[k] += std::abs(weight * fixed);
                out.error[k] += std::abs(weight) * blur;
                low[k] += weight > 0 ? weight * range.low : weight * range.high;
                high[k] += weight > 0 ? weight * range.high : weight * range.low;
                size_of_range[k] += std::abs(weight) * range.magnitude();
                const double slope = weight * chord.slope;
                for (std::size_t r = 0; r < n; ++r) {
                    out.slopes(k, r) += slope * weights_.left(i, r);
                    magnitude(k, r) += std::abs(slope * weights_.left(i, r));
                }
            }
        }
        const double rounding = relative_error(units() + 4);
        for (std::size_t k = 0; k < n; ++k) {
            double rounded = rounding * size_of_offset[k] + unit_roundoff * std::abs(x[k].middle);
            for (std::size_t r = 0; r < n; ++r) {
                rounded += rounding * magnitude(k, r) * x[r].radius;
            }
            out.offset[k] -= x[k].middle;
            out.error[k] =
                sum_bound(out.error[k] + rounded + 2 * unit_roundoff * std::abs(out.offset[k]));
            const double outward = sum_bound(rounding * size_of_range[k]);
            out.range[k] = {down(low[k] - outward), up(high[k] + outward)};
        }
    }

    void slopes(const Sides& box, Slopes& out) const {
        const std::size_t n = size();
        const Balls x = balls_of(box);
        out = Slopes(n);
        Square magnitude(n);
        for (std::size_t i = 0; i < units(); ++i) {
            const Interval u = argument(i, x).ball().interval();
            const Ball slope = ball_of(with_activation(
                weights_.activations[i], [&]<class A>() { return enclosed<A>(u).first; }));
            for (std::size_t k = 0; k < n; ++k) {
                const double weight = weights_.right(i, k) * slope.middle;
                const double blur = std::abs(weights_.right(i, k)) * slope.radius;
                const double all = std::abs(weights_.right(i, k)) * slope.magnitude();
                for (std::size_t r = 0; r < n; ++r) {
                    const double left = std::abs(weights_.left(i, r));
                    out.middle(k, r) += weight * weights_.left(i, r);
                    magnitude(k, r) += std::abs(weight) * left;
                    out.radius(k, r) += blur * left + all * weights_.remainder[i] * column_size_[r];
                }
            }
        }
        for (std::size_t k = 0; k < n; ++k) {
            for (std::size_t r = 0; r < n; ++r) {
                out.radius(k, r) =
                    sum_bound(out.radius(k, r) + relative_error(units() + 4) * magnitude(k, r));
            }
        }
    }

    [[nodiscard]] Balls residual(std::span<const double> x) const {
        Balls point(size());
        std::ranges::transform(x, point.begin(), [](double middle) { return Ball{middle, 0}; });
        std::vector<double> magnitude(size());
        Balls out(size());
        for (std::size_t k = 0; k < size(); ++k) {
            out[k].middle = -x[k];
            magnitude[k] = std::abs(x[k]);
        }
        for (std::size_t i = 0; i < units(); ++i) {
            const Ball value = ball_of(output(i, point));
            for (std::size_t k = 0; k < size(); ++k) {
                const double weight = weights_.right(i, k);
                out[k].middle += weight * value.middle;
                out[k].radius += std::abs(weight) * value.radius;
                magnitude[k] += std::abs(weight * value.middle);
            }
        }
        for (std::size_t k = 0; k < size(); ++k) {
            out[k].radius = sum_bound(out[k].radius + relative_error(units() + 4) * magnitude[k]);
        }
        return out;
    }

    /// The argument of φ of unit i, for κ in balls.
    [[nodiscard]] Affine argument(std::size_t i, std::span<const Ball> x) const {
        Affine u = dot(weights_.left.row(i), x, weights_.drive[i]);
        u.rounding = sum_bound(u.rounding + blur_[i]);
        return u;
    }
    [[nodiscard]] Interval output(std::size_t i, std::span<const Ball> x) const {
        const Interval u = argument(i, x).ball().interval();
        return with_activation(weights_.activations[i],
                               [&]<class A>() { return enclosed<A>(u).value; });
    }

  private:
    LatentWeights weights_;
    std::vector<double> blur_;         ///< how far a unit's argument may be off
    std::vector<double> column_size_;  ///< bounds of |∂h/∂κ| / φ′, column by column
};

static_assert(System<LatentSystem>);

}  // namespace nullcline::enumeration
