// Small dense matrices in rows, and approximate inverses whose quality is bounded afterwards.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/numerics/rounding_bounds.hpp"

namespace nullcline::enumeration {

/// A square matrix of order n, in rows.
class Square {
  public:
    Square() = default;
    explicit Square(std::size_t n) : size_(n), entries_(n * n) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] double* row(std::size_t i) { return entries_.data() + i * size_; }
    [[nodiscard]] const double* row(std::size_t i) const { return entries_.data() + i * size_; }
    [[nodiscard]] double& operator()(std::size_t i, std::size_t j) { return row(i)[j]; }
    [[nodiscard]] double operator()(std::size_t i, std::size_t j) const { return row(i)[j]; }

  private:
    std::size_t size_ = 0;
    std::vector<double> entries_;
};

/// What elimination makes of A: an approximate inverse, and det(A + E) of a small E.
struct Inverse {
    Square matrix;
    int sign = 1;               ///< of det(A + E), exactly
    double backward_error = 0;  ///< a bound of E's entries
};

/// The inverse of A by Gauss and Jordan with partial pivots; nothing where a pivot vanishes.
[[nodiscard]] inline std::optional<Inverse> invert(Square a) {
    const std::size_t n = a.size();
    Inverse out{Square(n)};
    Square& b = out.matrix;
    double growth = 0;
    for (std::size_t i = 0; i < n; ++i) {
        b(i, i) = 1;
    }
    for (std::size_t c = 0; c < n; ++c) {
        std::size_t pivot = c;
        for (std::size_t i = c + 1; i < n; ++i) {
            if (std::abs(a(i, c)) > std::abs(a(pivot, c))) {
                pivot = i;
            }
        }
        if (!(std::abs(a(pivot, c)) > 1e-14)) {
            return std::nullopt;
        }
        if (pivot != c) {
            std::swap_ranges(a.row(pivot), a.row(pivot) + n, a.row(c));
            std::swap_ranges(b.row(pivot), b.row(pivot) + n, b.row(c));
            out.sign = -out.sign;
        }
        for (std::size_t j = c; j < n; ++j) {
            growth = std::max(growth, std::abs(a(c, j)));
        }
        out.sign = a(c, c) < 0 ? -out.sign : out.sign;
        const double scale = 1 / a(c, c);
        for (std::size_t j = 0; j < n; ++j) {
            a(c, j) *= scale;
            b(c, j) *= scale;
        }
        for (std::size_t i = 0; i < n; ++i) {
            const double factor = a(i, c);
            if (i == c || factor == 0) {
                continue;
            }
            for (std::size_t j = 0; j < n; ++j) {
                a(i, j) -= factor * a(c, j);
                b(i, j) -= factor * b(c, j);
            }
        }
    }
    // |E| <= γ |L| |U| (Higham, theorem 9.3), where |L| <= 1; scaling by 1 / pivot rounds once
    // more.
    out.backward_error = sum_bound(relative_error(3 * n + 2) * static_cast<double>(n) * growth);
    return out;
}

/// A bound of |I − C A| entry by entry, A lying within `radius` of `a`; C is exact.
[[nodiscard]] inline Square defect(const Square& c, const Square& a, const Square& radius) {
    const std::size_t n = a.size();
    Square error(n);
    std::vector<double> product(n), size(n), blur(n);
    for (std::size_t i = 0; i < n; ++i) {
        std::ranges::fill(product, 0.0);
        std::ranges::fill(size, 0.0);
        std::ranges::fill(blur, 0.0);
        product[i] = -1;
        size[i] = 1;
        for (std::size_t k = 0; k < n; ++k) {
            const double entry = c(i, k);
            const double magnitude = std::abs(entry);
            for (std::size_t j = 0; j < n; ++j) {
                product[j] += entry * a(k, j);
                size[j] += magnitude * std::abs(a(k, j));
                blur[j] += magnitude * radius(k, j);
            }
        }
        for (std::size_t j = 0; j < n; ++j) {
            error(i, j) =
                sum_bound(std::abs(product[j]) + relative_error(n + 2) * size[j] + blur[j]);
        }
    }
    return error;
}

}  // namespace nullcline::enumeration
