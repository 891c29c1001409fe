// Enclosures of cells: sums with a bound of their rounding, then the equations on intervals.
#include "nullcline/cells/enclosure.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <utility>

#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/jacobian.hpp"

namespace nullcline {
namespace {

constexpr double unit = 0x1p-53;

/// γ_n = n u / (1 − n u), rounded up: the relative error of n operations (Higham 2002, lemma 3.1).
double gamma(std::size_t n) {
    const double nu = static_cast<double>(n) * unit;
    return up(nu / (1 - nu));
}

/// Makes a bound of a rounded sum of n terms that are not negative, each of a few factors.
double margin(std::size_t n) { return 1 + 2 * gamma(n + 8); }

/// Σ w_j v_j and a bound of its error, for a row of weights whose radii may be absent.
Interval inner_product(std::span<const double> weights, std::span<const double> weight_radius,
                       const EnclosedVector& v) {
    const std::size_t n = weights.size();
    const double* const w = weights.data();
    const double* const m = v.middle.data();
    const double* const r = v.radius.data();
    const double error = gamma(n + 2);
    double sum = 0;
    double bound = 0;
#pragma omp simd reduction(+ : sum, bound)
    for (std::size_t j = 0; j < n; ++j) {
        sum += w[j] * m[j];
        bound += std::abs(w[j]) * (r[j] + error * std::abs(m[j]));
    }
    if (!weight_radius.empty()) {
        const double* const e = weight_radius.data();
#pragma omp simd reduction(+ : bound)
        for (std::size_t j = 0; j < n; ++j) {
            bound += e[j] * (r[j] + std::abs(m[j]));
        }
    }
    bound = bound * margin(2 * n) + underflow;
    return {down(sum - bound), up(sum + bound)};
}

/// W v for the rows `first` to `first + count`.
void multiply(const EnclosedMatrix& w, std::size_t first, std::size_t count,
              const EnclosedVector& v, std::span<Interval> out) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto radius = w.is_exact() ? std::span<const double>() : w.radius.row(first + i);
        out[i] = inner_product(w.middle.row(first + i), radius, v);
    }
}

Matrix<double> magnitudes(const Matrix<double>& from) {
    Matrix<double> out(from.rows(), from.cols());
    std::ranges::transform(from.elements(), out.elements().begin(),
                           [](double x) { return std::abs(x); });
    return out;
}

Matrix<double> copy_of(MatrixView<const double> from) {
    Matrix<double> copy(from.rows(), from.cols());
    std::ranges::copy(from.elements(), copy.elements().begin());
    return copy;
}

/// The exact weights, or L Rᵀ with the rounding of its products.
EnclosedMatrix enclosed_weights(const Weights<double>& weights) {
    if (!weights.is_low_rank()) {
        return {copy_of(weights.dense()), {}};
    }
    const std::size_t rows = weights.rows();
    EnclosedMatrix out{Matrix<double>(rows, rows), Matrix<double>(rows, rows)};
    blas::multiply_transposed(weights.left(), weights.right(), out.middle.view());
    const Matrix<double> left = magnitudes(copy_of(weights.left()));
    const Matrix<double> right = magnitudes(copy_of(weights.right()));
    blas::multiply_transposed(left.view(), right.view(), out.radius.view());
    const double error = gamma(weights.rank() + 2) * margin(weights.rank());
    for (double& radius : out.radius.elements()) {
        radius = radius * error + underflow;
    }
    return out;
}

std::vector<double> row_sums(const EnclosedMatrix& weights) {
    std::vector<double> sums(weights.middle.rows());
    for (std::size_t i = 0; i < sums.size(); ++i) {
        for (const double w : weights.middle.row(i)) {
            sums[i] += std::abs(w);
        }
        if (!weights.is_exact()) {
            for (const double radius : weights.radius.row(i)) {
                sums[i] += radius;
            }
        }
        sums[i] *= margin(2 * weights.middle.cols());
    }
    return sums;
}

/// A (m, k) times B (k, n), where A's radii are few or none.
EnclosedMatrix product(const EnclosedMatrix& a, std::size_t rows, const EnclosedMatrix& b) {
    const std::size_t inner = b.middle.rows();
    const std::size_t cols = b.middle.cols();
    EnclosedMatrix out{Matrix<double>(rows, cols), Matrix<double>(rows, cols)};
    blas::multiply(a.middle.view().middle_rows(0, rows), b.middle.view(), out.middle.view());
    // |A B − fl(A B)| <= |A| (γ |B| + R_B) + R_A (|B| + R_B)
    Matrix<double> spread(inner, cols);
    Matrix<double> size(inner, cols);
    const double error = gamma(inner + 2);
    for (std::size_t k = 0; k < spread.elements().size(); ++k) {
        const double radius = b.radius.elements()[k];
        const double magnitude = std::abs(b.middle.elements()[k]);
        spread.elements()[k] = error * magnitude + radius;
        size.elements()[k] = magnitude + radius;
    }
    const Matrix<double> magnitude = magnitudes(a.middle);
    blas::multiply(magnitude.view().middle_rows(0, rows), MatrixView<const double>(spread.view()),
                   out.radius.view());
    if (!a.is_exact()) {
        Matrix<double> more(rows, cols);
        blas::multiply(a.radius.view().middle_rows(0, rows), MatrixView<const double>(size.view()),
                       more.view());
        std::ranges::transform(out.radius.elements(), more.elements(),
                               out.radius.elements().begin(), std::plus<>());
    }
    for (double& radius : out.radius.elements()) {
        radius = radius * margin(2 * inner) + underflow;
    }
    return out;
}

/// Bounds of |W| v for the first rows, v being not negative.
void multiply_magnitudes(const EnclosedMatrix& w, const std::vector<double>& v,
                         std::span<double> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        double sum = 0;
        for (std::size_t j = 0; j < v.size(); ++j) {
            const double radius = w.is_exact() ? 0 : w.radius.row(i)[j];
            sum += (std::abs(w.middle.row(i)[j]) + radius) * v[j];
        }
        out[i] = sum * margin(v.size());
    }
}

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
        return sum * margin(n_pairs);
    }
};

}  // namespace

EnclosedVector::EnclosedVector(std::span<const Interval> box)
    : middle(box.size()), radius(box.size()) {
    for (std::size_t i = 0; i < box.size(); ++i) {
        const bool is_exact = box[i].low == box[i].high;
        middle[i] = is_exact ? box[i].low : box[i].middle();
        radius[i] = is_exact ? 0 : box[i].radius();
    }
}

/// A Jacobian's scales (see numerics/jacobian.hpp), and the residual.
struct CellEnclosure::Scales {
    std::vector<Interval> residual, scales, identity, gate;
};

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
    const double bound = margin(4 * (blocks + n_parts));
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
                scale.radius() + static_cast<double>(blocks + 3) * 2 * unit * magnitude;
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
            out[i] = (along + gated) * margin(4) + underflow;
        }
    });
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
