// How fast the Jacobians of cells can change: second derivatives over boxes, along directions.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/cells/enclosure.hpp"
#include "nullcline/numerics/jacobian.hpp"

namespace nullcline {
namespace {

/// The second derivatives of one unit by pairs of fields: of its residual and, where a block is
/// gated, of the input that it has a part in; and its slope by that block's product.
template <class Cell, class Phi>
struct Bends {
    static constexpr std::size_t n_fields = n_curved_fields(Cell{}, Residual::reduced);
    static constexpr std::size_t n_pairs = curvature_size(n_fields, 1);

    Interval residual[n_pairs];
    Interval gated_input[n_pairs];
    Interval slope;

    Bends(const UnitArrays<Interval>& at, std::size_t i) {
        constexpr auto rows = std::make_index_sequence<n_fields>{};
        const JetInputs<Interval, Cell, Residual::reduced, Seed::state, 2, Phi> in{at, i};
        const auto value = Cell::reduced(in);
        detail::write_hessian<n_fields>(value, Interval{1}, false, residual, 1, rows);
        if constexpr (Cell::has_gated_input) {
            slope = value.template gradient<0>();
            detail::write_hessian<n_fields>(Cell::gated(in), Interval{1}, false, gated_input, 1,
                                            rows);
        }
    }

    /// A bound of a second derivative along two directions, whose fields are at most so large.
    [[nodiscard]] static double along(const Interval* hessian, const double* v, const double* w) {
        double sum = 0;
        for (std::size_t p = 0, entry = 0; p < n_fields; ++p) {
            for (std::size_t q = p; q < n_fields; ++q, ++entry) {
                if (hessian[entry].low != 0 || hessian[entry].high != 0) {
                    const double both = p == q ? v[p] * w[p] : v[p] * w[q] + v[q] * w[p];
                    sum += hessian[entry].magnitude() * both;
                }
            }
        }
        return sum * sum_margin(n_pairs);
    }
};

}  // namespace

/// Bounds of |W_k v| for all blocks, and of |v| behind them; of all v that are at most 1, if none.
std::vector<double> CellEnclosure::reach(std::span<const double> v) const {
    const std::size_t units = size();
    std::vector<double> out(row_sums_);
    out.resize(out.size() + units, 1);
    if (!v.empty()) {
        std::vector<Interval> products(row_sums_.size());
        multiply(weight_hh_, 0, products.size(),
                 EnclosedVector(std::vector<Interval>(v.begin(), v.end())), products);
        std::ranges::transform(products, out.begin(), &Interval::magnitude);
        std::ranges::transform(v, out.end() - static_cast<std::ptrdiff_t>(units),
                               [](double x) { return std::abs(x); });
    }
    return out;
}

void CellEnclosure::curvature(std::span<const Interval> h, std::span<const Interval> drive,
                              std::span<const double> v, std::span<const double> w,
                              std::span<double> out) const {
    const std::size_t units = size();
    const std::vector<Interval> known = products(Residual::reduced, h, drive);
    const UnitPoint<Interval> there = point(h, known, drive);
    const UnitArrays<Interval> at(there);
    const std::vector<Interval> gate =
        traits().has_gated_input ? scales(Residual::reduced, there).gate : std::vector<Interval>();
    const std::size_t own = row_sums_.size();  // where a direction itself is in its reach
    with_equations([&]<class C, class Phi>() {
        using Bend = Bends<C, Phi>;
        // How far each field of unit i moves along a direction.
        const auto fields_of = [&](const std::vector<double>& reach, std::size_t i) {
            std::array<double, Bend::n_fields> fields;
            for (std::size_t k = 0; k < C::reduced_blocks; ++k) {
                fields[k] = reach[k * units + i];
            }
            if constexpr (C::has_gated_input) {
                fields[C::reduced_blocks] = reach[own + i];
            }
            return fields;
        };
        std::vector<double> first = reach(v);
        std::vector<double> second = reach(w);
        // A gated block multiplies m(h): how far that moves, and a bound of its second derivative.
        std::vector<double> bent(units);
        if constexpr (C::has_gated_input) {
            std::vector<double> bend(units);
            for (std::size_t j = 0; j < units; ++j) {
                bend[j] = Bend::along(Bend(at, j).gated_input, fields_of(first, j).data(),
                                      fields_of(second, j).data());
            }
            for (std::vector<double>* const of : {&first, &second}) {
                std::vector<double> moved(units);
                for (std::size_t j = 0; j < units; ++j) {
                    moved[j] = gate[units + j].magnitude() * (*of)[own + j];
                    if constexpr (C::reduced_blocks > 1) {
                        moved[j] += gate[j].magnitude() * (*of)[units + j];
                    }
                }
                multiply_magnitudes(weight_hh_, moved, std::span(*of).first(units));
            }
            multiply_magnitudes(weight_hh_, bend, bent);
        }
        for (std::size_t i = 0; i < units; ++i) {
            const Bend of_unit(at, i);
            const double along = Bend::along(of_unit.residual, fields_of(first, i).data(),
                                             fields_of(second, i).data());
            const double gated = C::has_gated_input ? of_unit.slope.magnitude() * bent[i] : 0;
            out[i] = (along + gated) * sum_margin(4) + underflow;
        }
    });
}

}  // namespace nullcline
