// Enclosures of cells: sums with a bound of their rounding, and the equations on intervals.
#include "nullcline/cells/enclosure.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "nullcline/numerics/jacobian.hpp"

namespace nullcline {

CellEnclosure::CellEnclosure(CellKind kind, const EnclosureArrays& arrays)
    : kind_(kind),
      weight_ih_{copy_of(arrays.weight_ih), {}},
      weight_hh_(enclosed_weights(arrays.weight_hh)),
      row_sums_(row_sums(weight_hh_)),
      bias_(arrays.weight_hh.rows()),
      parameters_(arrays.parameters.begin(), arrays.parameters.end()) {
    for (std::size_t k = 0; k < arrays.biases.rows(); ++k) {
        for (std::size_t i = 0; i < bias_.size(); ++i) {
            const double term = arrays.biases(k, i);
            bias_[i] = k == 0 ? Interval(term) : bias_[i] + Interval(term);
        }
    }
    if (!arrays.activations.empty()) {
        const Activation first = arrays.activations.front();
        const bool is_uniform = std::ranges::count(arrays.activations, first) ==
                                static_cast<std::ptrdiff_t>(arrays.activations.size());
        activation_ = is_uniform ? first : Activation::per_unit;
        for (std::size_t i = 0; i < size(); ++i) {
            const Activation own = is_uniform ? first : arrays.activations[i];
            parameters_.emplace_back(static_cast<double>(static_cast<int>(own)));
        }
    }
}

void CellEnclosure::drive(std::span<const Interval> x, std::span<Interval> out) const {
    std::ranges::copy(bias_, out.begin());
    if (x.empty()) {
        return;
    }
    std::vector<Interval> read(out.size());
    multiply(weight_ih_, 0, out.size(), EnclosedVector(x), read);
    std::ranges::transform(out, read, out.begin(), std::plus<>());
}

UnitPoint<Interval> CellEnclosure::point(std::span<const Interval> state,
                                         std::span<const Interval> products,
                                         std::span<const Interval> drive) const {
    return {state, products, drive, parameters_, activation_, size()};
}

/// W h of all blocks that the residual reads, the gated one last, since it needs the others.
std::vector<Interval> CellEnclosure::products(Residual which, std::span<const Interval> state,
                                              std::span<const Interval> drive) const {
    const std::size_t units = size();
    const std::size_t blocks =
        which == Residual::reduced ? traits().reduced_blocks : traits().blocks;
    const std::size_t n_gated = traits().has_gated_input ? units : 0;
    std::vector<Interval> out(blocks * units);
    multiply(weight_hh_, n_gated, out.size() - n_gated, EnclosedVector(state.first(units)),
             std::span(out).subspan(n_gated));
    if (n_gated > 0) {
        std::vector<Interval> inputs(units);
        const UnitArrays<Interval> at(point(state, out, drive));
        with_equations([&]<class C, class Phi>() {
            if constexpr (C::has_gated_input) {
                for (std::size_t i = 0; i < units; ++i) {
                    inputs[i] = gated_unit<C, Phi>(at, i);
                }
            }
        });
        multiply(weight_hh_, 0, units, EnclosedVector(inputs), std::span(out).first(units));
    }
    return out;
}

CellEnclosure::Scales CellEnclosure::scales(Residual which,
                                            const UnitPoint<Interval>& point) const {
    const std::size_t units = size();
    const std::size_t n_parts = parts(which);
    Scales out;
    out.residual.resize(n_parts * units);
    out.scales.resize(n_parts * point.products.size());
    out.identity.resize(n_parts * n_parts * units);
    out.gate.resize(traits().has_gated_input ? 2 * units : 0);
    const UnitArrays<Interval> at(point);
    with_equations([&]<class C, class Phi>() {
        for (std::size_t i = 0; i < units; ++i) {
            if (which == Residual::reduced) {
                linearize_unit<C, Residual::reduced, Phi>(at, i, out.residual.data(),
                                                          out.scales.data(), out.identity.data(),
                                                          out.gate.data());
            } else {
                linearize_unit<C, Residual::update, Phi>(at, i, out.residual.data(),
                                                         out.scales.data(), out.identity.data(),
                                                         out.gate.data());
            }
        }
    });
    return out;
}

/// The weights, or with W_0 M in place of W_0 (see numerics/gated_block.hpp).
EnclosedMatrix CellEnclosure::effective_weights(Residual which,
                                                std::span<const Interval> gate) const {
    const std::size_t units = size();
    const std::size_t blocks =
        which == Residual::reduced ? traits().reduced_blocks : traits().blocks;
    const auto rows_of = [&](const Matrix<double>& from) {
        return copy_of(from.view().middle_rows(0, blocks * units));
    };
    EnclosedMatrix out{rows_of(weight_hh_.middle),
                       weight_hh_.is_exact() ? Matrix<double>() : rows_of(weight_hh_.radius)};
    if (gate.empty()) {
        return out;
    }
    EnclosedMatrix m{Matrix<double>(units, units), Matrix<double>(units, units)};
    for (std::size_t i = 0; i < units; ++i) {
        for (std::size_t j = 0; j < units; ++j) {
            Interval entry;
            if (blocks > 1) {
                entry = gate[i] * Interval(weight_hh_.middle.view()(units + i, j));
            }
            if (i == j) {
                entry = entry + gate[units + i];
            }
            const bool is_zero = entry.low == 0 && entry.high == 0;
            m.middle.view()(i, j) = entry.middle();
            m.radius.view()(i, j) = is_zero ? 0 : entry.radius();
        }
    }
    const EnclosedMatrix gated = product(weight_hh_, units, m);
    if (out.is_exact()) {
        out.radius = Matrix<double>(blocks * units, units);
    }
    std::ranges::copy(gated.middle.elements(), out.middle.elements().begin());
    std::ranges::copy(gated.radius.elements(), out.radius.elements().begin());
    return out;
}

void CellEnclosure::linearize(Residual which, std::span<const Interval> state,
                              std::span<const Interval> drive, std::span<Interval> residual,
                              EnclosedMatrix& jacobian) const {
    const std::size_t units = size();
    const std::size_t n_parts = parts(which);
    const std::vector<Interval> known = products(which, state, drive);
    const Scales at = scales(which, point(state, known, drive));
    std::ranges::copy(at.residual, residual.begin());

    const bool is_gated = !at.gate.empty();
    const EnclosedMatrix effective =
        is_gated ? effective_weights(which, at.gate) : EnclosedMatrix{};
    const EnclosedMatrix& weights = is_gated ? effective : weight_hh_;
    const std::size_t blocks = known.size() / units;
    const std::size_t size = n_parts * units;
    jacobian = {Matrix<double>(size, size), Matrix<double>(size, size)};
    const double bound = sum_margin(4 * (blocks + n_parts));
    for (std::size_t row = 0; row < size; ++row) {
        const std::size_t part = row / units;
        const std::size_t i = row % units;
        double* const middle = jacobian.middle.row(row).data();
        double* const radius = jacobian.radius.row(row).data();
        for (std::size_t k = 0; k < blocks; ++k) {
            const Interval scale = at.scales[(part * blocks + k) * units + i];
            const double m = scale.middle();
            const double magnitude = scale.magnitude();
            // the scale's own radius, and the rounding of `blocks` products and sums
            const double spread =
                scale.radius() + static_cast<double>(blocks + 3) * 2 * unit_roundoff * magnitude;
            const double* const w = weights.middle.row(k * units + i).data();
#pragma omp simd
            for (std::size_t j = 0; j < units; ++j) {
                middle[j] += m * w[j];
                radius[j] += spread * std::abs(w[j]);
            }
            if (!weights.is_exact()) {
                const double* const e = weights.radius.row(k * units + i).data();
#pragma omp simd
                for (std::size_t j = 0; j < units; ++j) {
                    radius[j] += magnitude * e[j];
                }
            }
        }
        for (std::size_t j = 0; j < size; ++j) {
            radius[j] = radius[j] * bound + underflow;
        }
        for (std::size_t q = 0; q < n_parts; ++q) {
            const Interval own = at.identity[(part * n_parts + q) * units + i];
            const std::size_t j = q * units + i;
            const Interval entry =
                Interval(down(middle[j] - radius[j]), up(middle[j] + radius[j])) - own;
            middle[j] = entry.middle();
            radius[j] = entry.radius();
        }
    }
}

void CellEnclosure::complete(std::span<const Interval> h, std::span<const Interval> drive,
                             std::span<Interval> state) const {
    std::ranges::copy(h, state.begin());
    if (traits().parts == 1) {
        return;
    }
    const std::vector<Interval> known = products(Residual::reduced, h, drive);
    const UnitArrays<Interval> at(point(h, known, drive));
    with_equations([&]<class C, class Phi>() {
        for (std::size_t i = 0; i < at.size; ++i) {
            complete_unit<C>(at, i, state.data());
        }
    });
}

}  // namespace nullcline
