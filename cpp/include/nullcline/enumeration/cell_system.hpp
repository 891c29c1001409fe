// A cell's reduced equations over boxes of its outputs: relaxed by linear forms, and their Jacobian
// by jets of intervals. Both come from the equations of one unit.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "nullcline/cells/unit.hpp"
#include "nullcline/enumeration/boxes.hpp"
#include "nullcline/enumeration/dense.hpp"
#include "nullcline/enumeration/linear_form.hpp"
#include "nullcline/enumeration/system.hpp"
#include "nullcline/numerics/interval.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// What a cell's equations read, the blocks one after the other in the kind's order.
struct CellWeights {
    MatrixView<const double> recurrent;          ///< (blocks H, H)
    std::span<const double> drive, drive_error;  ///< blocks H: the sums of input and biases
    std::span<const double> parameters;          ///< n_parameters x H
};

/// A row of the weights at one unit, over a box: what the fields of linear forms are.
struct Field {
    std::vector<double> weights;  ///< by the outputs
    double radius = 0;            ///< of its deviation from the middle
};

template <class Cell>
class CellSystem {
  public:
    explicit CellSystem(const CellWeights& weights) : weights_(weights) {
        for (const double parameter : weights.parameters) {
            parameters_.emplace_back(parameter);
        }
        for (std::size_t i = 0; i < weights.drive.size(); ++i) {
            drive_.push_back(Ball{weights.drive[i], weights.drive_error[i]}.interval());
        }
    }

    [[nodiscard]] std::size_t size() const { return weights_.recurrent.cols(); }

    void relax(const Sides& box, Relaxation& out) const {
        const std::size_t n = size();
        const Balls x = balls_of(box);
        out = Relaxation(n);
        const Gated gated = gated_forms(box, x);
        std::array<Field, Cell::reduced_blocks> fields;
        for (std::size_t i = 0; i < n; ++i) {
            Inputs in{*this, i, {}, LinearForm::constant(0)};
            for (std::size_t k = 0; k < Cell::reduced_blocks; ++k) {
                in.products[k] = Cell::has_gated_input && k == 0
                                     ? gated_product(i, gated, x, fields[k])
                                     : product(k, i, x, fields[k]);
                if constexpr (Cell::parts == 1) {  // its last operation is the activation
                    in.products[k].image = &box[i];
                }
            }
            const LinearForm value = Cell::reduced(in);
            out.range[i] = value.range;
            out.offset[i] = value.value - x[i].middle;
            out.error[i] =
                sum_bound(value.error + by_outputs(value, fields, x, out.slopes.row(i)) +
                          2 * unit_roundoff * (std::abs(value.value) + std::abs(x[i].middle)));
        }
    }

    void slopes(const Sides& box, Slopes& out) const {
        const std::size_t n = size();
        constexpr std::size_t blocks = Cell::reduced_blocks;
        const Linearized at = linearize(box);
        out = Slopes(n);
        Square size_of(n);
        const auto add = [&](std::size_t i, const Ball& scale, const double* row) {
            for (std::size_t j = 0; j < n; ++j) {
                out.middle(i, j) += scale.middle * row[j];
                size_of(i, j) += std::abs(scale.middle * row[j]);
                out.radius(i, j) += scale.radius * std::abs(row[j]);
            }
        };
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t k = Cell::has_gated_input ? 1 : 0; k < blocks; ++k) {
                add(i, ball_of(at.scales[k * n + i]), row(k, i));
            }
            if constexpr (Cell::has_gated_input) {
                for (std::size_t l = 0; l < n; ++l) {
                    const Interval scale = at.scales[i] * Interval(row(0, i)[l]);
                    if constexpr (Cell::blocks > 1) {
                        add(i, ball_of(scale * at.gate[l]), row(1, l));
                    }
                    const Ball own = ball_of(scale * at.gate[n + l]);
                    out.middle(i, l) += own.middle;
                    size_of(i, l) += std::abs(own.middle);
                    out.radius(i, l) += own.radius;
                }
            }
            for (std::size_t j = 0; j < n; ++j) {
                out.radius(i, j) = sum_bound(out.radius(i, j) +
                                             relative_error(blocks + 2 * n + 2) * size_of(i, j));
            }
        }
    }

    [[nodiscard]] Balls residual(std::span<const double> x) const {
        Sides point(x.begin(), x.end());
        const Linearized at = linearize(point);
        Balls out(size());
        for (std::size_t i = 0; i < size(); ++i) {
            out[i] = ball_of(at.values[i]);
        }
        return out;
    }

  private:
    /// The inputs of a unit's equations, as linear forms.
    struct Inputs {
        const CellSystem& system;
        std::size_t i;
        std::array<LinearForm, Cell::reduced_blocks> products;
        LinearForm own;

        template <std::size_t k>
        [[nodiscard]] LinearForm product(Block<k>) const {
            return products[k];
        }
        template <std::size_t k>
        [[nodiscard]] LinearForm drive(Block<k>) const {
            return LinearForm::constant(system.drive_[k * system.size() + i]);
        }
        template <std::size_t k>
        [[nodiscard]] LinearForm sum(Block<k> block) const {
            return product(block) + drive(block);
        }
        template <std::size_t k>
        [[nodiscard]] LinearForm parameter(Parameter<k>) const {
            return LinearForm::constant(system.parameters_[k * system.size() + i]);
        }
        [[nodiscard]] LinearForm activate(const LinearForm& u) const {
            const std::size_t at = Cell::parameters.size() * system.size() + i;
            const auto which =
                static_cast<Activation>(static_cast<int>(system.parameters_[at].low));
            return with_activation(which, [&]<class A>() { return enumeration::activate<A>(u); });
        }
        [[nodiscard]] LinearForm h() const { return own; }
    };

    /// What a gated block multiplies, unit by unit: linear in the outputs but for an error.
    struct Gated {
        std::vector<LinearForm> forms;
        Square weights;  ///< of the outputs' deviations
    };

    struct Linearized {
        std::vector<Interval> values, scales, identity, gate;
    };

    /// Add a form's slopes by the outputs to a row; returns a bound of what is rounded thereby.
    template <std::size_t blocks>
    [[nodiscard]] double by_outputs(const LinearForm& form, const std::array<Field, blocks>& fields,
                                    const Balls& x, double* row) const {
        double rounded = 0;
        for (std::size_t k = 0; k < blocks; ++k) {
            if (!(fields[k].radius > 0)) {
                continue;
            }
            const double slope = form.spread[k] / fields[k].radius;
            for (std::size_t j = 0; j < size(); ++j) {
                const double part = slope * fields[k].weights[j];
                row[j] += part;
                rounded += std::abs(part) * x[j].radius;
            }
        }
        return relative_error(blocks + 6) * rounded;
    }

    [[nodiscard]] const double* row(std::size_t k, std::size_t i) const {
        return weights_.recurrent.row(k * size() + i).data();
    }

    /// The product of block k with the outputs, as its own field.
    [[nodiscard]] LinearForm product(std::size_t k, std::size_t i, const Balls& x,
                                     Field& field) const {
        const auto weights = weights_.recurrent.row(k * size() + i);
        const Affine u = dot(weights, x, 0);
        field.weights.assign(weights.begin(), weights.end());
        field.radius = u.linear;
        return form_of(u, k);
    }

    [[nodiscard]] static LinearForm form_of(const Affine& u, std::size_t k) {
        LinearForm out{u.middle, {}, u.rounding, u.ball().interval(), nullptr};
        out.spread[k] = u.linear;
        return out;
    }

    [[nodiscard]] Gated gated_forms(const Sides& box, const Balls& x) const {
        Gated out;
        if constexpr (Cell::has_gated_input) {
            const std::size_t n = size();
            constexpr std::size_t own = most_fields - 1;
            out.weights = Square(n);
            Field field;
            for (std::size_t j = 0; j < n; ++j) {
                Inputs in{*this, j, {}, {x[j].middle, {}, 0, box[j], nullptr}};
                in.own.spread[own] = x[j].radius;
                if constexpr (Cell::blocks > 1) {
                    in.products[1] = product(1, j, x, field);
                }
                LinearForm form = Cell::gated(in);
                if (field.radius > 0) {
                    const double slope = form.spread[1] / field.radius;
                    for (std::size_t l = 0; l < n; ++l) {
                        out.weights(j, l) += slope * field.weights[l];
                    }
                }
                if (x[j].radius > 0) {
                    out.weights(j, j) += form.spread[own] / x[j].radius;
                }
                form.error = sum_bound(form.error + relative_error(8) * form.linear_size());
                out.forms.push_back(form);
            }
        }
        return out;
    }

    /// The product of block 0 with what gates let through: Σ_j W_ij g_j, g_j linear but for errors.
    [[nodiscard]] LinearForm gated_product(std::size_t i, const Gated& gated, const Balls& x,
                                           Field& field) const {
        const std::size_t n = size();
        Affine u;
        Interval range(0);
        double size_of = 0;
        field.weights.assign(n, 0);
        for (std::size_t j = 0; j < n; ++j) {
            const double weight = row(0, i)[j];
            const LinearForm& form = gated.forms[j];
            u.middle += weight * form.value;
            size_of += std::abs(weight) * (std::abs(form.value) + form.linear_size());
            u.rounding += std::abs(weight) * form.error;
            range = range + Interval(weight) * form.range;
            for (std::size_t l = 0; l < n; ++l) {
                field.weights[l] += weight * gated.weights(j, l);
            }
        }
        for (std::size_t l = 0; l < n; ++l) {
            u.linear += std::abs(field.weights[l]) * x[l].radius;
        }
        u.linear = sum_bound(u.linear);
        u.rounding = sum_bound(u.rounding + relative_error(2 * n + 2) * size_of);
        field.radius = u.linear;
        LinearForm out = form_of(u, 0);
        out.range = common(out.range, range);
        return out;
    }

    /// n − h and its derivatives by products and h, over a box.
    [[nodiscard]] Linearized linearize(const Sides& box) const {
        const std::size_t n = size();
        constexpr std::size_t blocks = Cell::reduced_blocks;
        constexpr std::size_t parts = 1;
        Linearized out{Sides(n), Sides(blocks * n), Sides(parts * n), Sides(2 * n)};
        Sides products(blocks * n);
        const Balls x = balls_of(box);
        const UnitPoint<Interval> point{box, products, drive_, parameters_, Activation::per_unit,
                                        n};
        const UnitArrays<Interval> at(point);
        for (std::size_t row = Cell::has_gated_input ? n : 0; row < blocks * n; ++row) {
            products[row] = dot(weights_.recurrent.row(row), x, 0).ball().interval();
        }
        if constexpr (Cell::has_gated_input) {
            Sides gated(n);
            for (std::size_t j = 0; j < n; ++j) {
                gated[j] = gated_unit<Cell, EnclosedPerUnit>(at, j);
            }
            const Balls inner = balls_of(gated);
            for (std::size_t row = 0; row < n; ++row) {
                products[row] = dot(weights_.recurrent.row(row), inner, 0).ball().interval();
            }
        }
        for (std::size_t i = 0; i < n; ++i) {
            linearize_unit<Cell, Residual::reduced, EnclosedPerUnit>(
                at, i, out.values.data(), out.scales.data(), out.identity.data(), out.gate.data());
        }
        return out;
    }

    CellWeights weights_;
    Sides parameters_, drive_;
};

}  // namespace nullcline::enumeration
