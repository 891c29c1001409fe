// How a subspace grows, is solved within and is cut down again.
#include "nullcline/solvers/subspace_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/curvature.hpp"
#include "nullcline/subspace.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {
namespace {

/// Gram and Schmidt's method on rows, each twice.
void orthonormalize(Matrix<double>& basis) {
    for (std::size_t i = 0; i < basis.rows(); ++i) {
        const auto row = basis.row(i);
        for (int pass = 0; pass < 2; ++pass) {
            for (std::size_t j = 0; j < i; ++j) {
                const std::span<const double> other = basis.row(j);
                add_scaled(-dot(std::span<const double>(row), other), other, row);
            }
        }
        const double length = norm(std::span<const double>(row));
        std::ranges::transform(row, row.begin(), [&](double x) { return x / length; });
    }
}

/// The first rows become combinations of all.
void recombine(const Matrix<double>& combinations, Matrix<float>& rows) {
    Matrix<float> combined(combinations.rows(), rows.cols());
    std::vector<float> c(combinations.cols());
    for (std::size_t i = 0; i < combinations.rows(); ++i) {
        convert<float>(combinations.row(i), std::span(c));
        add_combination(std::as_const(rows).view(), c, combined.row(i));
    }
    std::ranges::copy(combined.elements(), rows.elements().begin());
}

}  // namespace

SubspaceModel::SubspaceModel(std::size_t size, std::size_t n_products, std::size_t n_curved_fields)
    : size_(size),
      n_curved_(n_curved_fields * size),
      gradient_(size),
      combination_(n_products + size),
      bend_(n_curved_),
      fields_(most_directions, n_products + size),
      vectors_(most_directions, size),
      changes_(most_directions, size) {}

void SubspaceModel::begin(std::span<const float> gradient) {
    std::ranges::copy(gradient, gradient_.begin());
    form_.clear();
    dimension_ = 0;
    grown_ = 0;
}

void SubspaceModel::set_curvature(std::span<const float> form) {
    form_.assign(form.begin(), form.end());
}

/// Add the curvature between a direction and those up to it to the Hessian.
void SubspaceModel::add_curvature(std::size_t direction) {
    std::array<float, most_directions> dots;
    const auto bent = bend(fields_.row(direction));
    coordinates(std::as_const(fields_).view().middle_rows(0, direction + 1), bent, dots);
    for (std::size_t i = 0; i <= direction; ++i) {
        hessian_(direction, i) += static_cast<double>(dots[i]);
    }
}

bool SubspaceModel::make_direction(std::span<float> v) const {
    const std::span<const float> seen = v;
    const float whole = norm(seen);
    std::array<float, most_directions> parts;
    const std::span<float> c(parts.data(), dimension_);
    float rest = whole;
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Giraud et al. 2005)
        coordinates(basis(vectors_), seen, c);
        std::ranges::transform(c, c.begin(), std::negate());
        add_combination(basis(vectors_), c, v);
        const float before = rest;
        rest = norm(seen);
        if (rest > before / 2) {
            break;
        }
    }
    if (!(rest > smallest_part * whole)) {
        return false;
    }
    std::ranges::transform(v, v.begin(), [&](float x) { return x / rest; });
    return true;
}

void SubspaceModel::add(std::span<const float> v, std::span<const float> products,
                        std::span<const float> change) {
    const std::size_t last = dimension_++;
    ++grown_;
    std::ranges::copy(v, vectors_.row(last).begin());
    std::ranges::copy(change, changes_.row(last).begin());
    std::ranges::copy(products, fields_.row(last).begin());
    std::ranges::copy(v, fields_.row(last).subspan(products.size()).begin());
    std::array<float, most_directions> dots;
    coordinates(basis(changes_), change, dots);
    for (std::size_t i = 0; i <= last; ++i) {
        hessian_(last, i) = static_cast<double>(dots[i]);
    }
    if (curved()) {
        add_curvature(last);
    }
    slope_[last] = static_cast<double>(dot(v, std::span<const float>(gradient_)));
}

ModelStep SubspaceModel::minimize(double radius) {
    return minimize_model(hessian_, slope(), radius, solution());
}

double SubspaceModel::solution_square() const {
    return squared_norm(std::span<const double>(y_.data(), dimension_));
}

std::array<float, SubspaceModel::most_directions> SubspaceModel::coefficients() const {
    std::array<float, most_directions> y;
    convert<float>(std::span<const double>(y_), std::span<float>(y));
    return y;
}

void SubspaceModel::add_change(std::span<float> out) const {
    add_combination(basis(changes_), coefficients(), out);
}

std::span<const float> SubspaceModel::solution_fields() {
    std::ranges::fill(combination_, 0.0F);
    add_combination(basis(fields_), coefficients(), combination_);
    return combination_;
}

std::span<const float> SubspaceModel::bend(std::span<const float> fields) {
    apply_curvature(form_, fields.first(n_curved_), size_, bend_);
    return bend_;
}

double SubspaceModel::decrease(std::span<const float> fields, std::span<const float> change) {
    const auto s = fields.last(size_);
    const double along = static_cast<double>(dot(s, std::span<const float>(gradient_)));
    const double straight = static_cast<double>(squared_norm(change));
    const double bent =
        curved() ? static_cast<double>(dot(bend(fields), fields.first(n_curved_))) : 0;
    return -along - (straight + bent) / 2;
}

void SubspaceModel::restart() {
    const std::size_t n = dimension_;
    Matrix<double> whole(n, n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            whole.view()(i, j) = whole.view()(j, i) = hessian_(i, j);
        }
    }
    Matrix<double> softest = whole;
    std::vector<double> stiffness(n);
    blas::symmetric_eigen(softest.view(), std::span(stiffness));
    Matrix<double> kept(kept_directions, n);
    std::ranges::copy(solution(), kept.row(0).begin());
    for (std::size_t i = 1; i < kept_directions; ++i) {
        std::ranges::copy(softest.row(i - 1), kept.row(i).begin());
    }
    orthonormalize(kept);
    recombine(kept, fields_);
    recombine(kept, vectors_);
    recombine(kept, changes_);

    std::array<double, most_directions> smaller_slope{};
    std::vector<double> image(n);
    for (std::size_t i = 0; i < kept_directions; ++i) {
        const std::span<const double> row = std::as_const(kept).row(i);
        smaller_slope[i] = dot(row, slope());
        blas::multiply_vector(std::as_const(whole).view(), row, std::span(image));
        for (std::size_t j = 0; j <= i; ++j) {
            hessian_(i, j) = dot(std::as_const(kept).row(j), std::span<const double>(image));
        }
    }
    const double length = std::sqrt(solution_square());
    slope_ = smaller_slope;
    y_ = {length};
    dimension_ = kept_directions;
}

}  // namespace nullcline
