// A quadratic model of ‖f(h + s)‖² / 2 for steps s in a subspace that grows by a direction at a
// time.
//
// f is scaled to norm 1 and s with it. For every direction v the model stores v, its products W v
// and its change J v; directions are orthonormal. In them the model is gᵀy + yᵀHy / 2 with H = JᵀJ,
// to which the curvature Σ f_i ∂²f_i can be added: exact within the subspace. The curvature of a
// direction depends on its *fields* (W v, v) alone.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/curvature.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/small_matrix.hpp"
#include "nullcline/numerics/trust_region.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// Scratch memory of one group, beside the model that it keeps.
struct SubspaceWorkspace {
    ModelWorkspace trust_region;
    SmallMatrix eigenvectors, kept;
    std::array<double, SmallMatrix::largest> numbers;
    ModelStep step;
};

/// The memory of many models.
struct SubspaceMemory {
    static constexpr std::size_t max_directions = SmallMatrix::largest;

    SubspaceMemory() = default;
    SubspaceMemory(Arena& arena, const TileShape& shape)
        : products(arena.matrix<float>(shape.rows * max_directions, shape.n_products())),
          vectors(arena.matrix<float>(shape.rows * max_directions, shape.size())),
          changes(arena.matrix<float>(shape.rows * max_directions, shape.size())),
          gradients(arena.matrix<float>(shape.rows, shape.size())),
          curvatures(
              arena.matrix<float>(shape.rows, curvature_size(shape.curved_fields, shape.units))),
          combinations(arena.matrix<float>(shape.rows, shape.n_products() + shape.size())),
          curvature_products(arena.matrix<float>(shape.rows, shape.curved_fields * shape.units)),
          coefficients(arena.matrix<float>(shape.rows, max_directions)),
          slopes(arena.matrix<double>(shape.rows, max_directions)),
          solutions(arena.matrix<double>(shape.rows, max_directions)),
          hessians(arena.matrix<SmallMatrix>(shape.rows, 1)),
          units(shape.units) {}

    MatrixView<float> products, vectors, changes;
    MatrixView<float> gradients, curvatures, combinations, curvature_products, coefficients;
    MatrixView<double> slopes, solutions;
    MatrixView<SmallMatrix> hessians;
    std::size_t units = 0;
};

/// The numbers of one model.
struct SubspaceState {
    std::size_t dimension = 0;
    std::size_t grown = 0;  ///< directions so far, including those that a restart dropped
    bool curved = false;
};

/// One model: a row of `SubspaceMemory`, and a `SubspaceState` that its owner keeps. Where fields
/// do not make the curvature C, its own products C v stand for those with the weights.
template <ThreadGroup Group, bool fields_make_curvature = true>
class SubspaceModel {
  public:
    static constexpr std::size_t max_directions = SubspaceMemory::max_directions;

    using State = SubspaceState;

    NULLCLINE_DEVICE SubspaceModel(const Group& group, const SubspaceMemory& memory,
                                   std::size_t row, State& state, SubspaceWorkspace& work)
        : group_(group),
          state_(state),
          work_(work),
          units_(memory.units),
          products_(memory.products.middle_rows(row * max_directions, max_directions)),
          vectors_(memory.vectors.middle_rows(row * max_directions, max_directions)),
          changes_(memory.changes.middle_rows(row * max_directions, max_directions)),
          gradient_(memory.gradients.row(row)),
          curvature_(memory.curvatures.row(row)),
          combination_(memory.combinations.row(row)),
          curvature_product_(memory.curvature_products.row(row)),
          coefficients_(memory.coefficients.row(row)),
          slope_(memory.slopes.row(row)),
          solution_(memory.solutions.row(row)),
          hessian_(memory.hessians(row, 0)) {}

    /// Forget all directions; g = Jᵀ f is the gradient at s = 0.
    NULLCLINE_DEVICE void start(std::span<const float> gradient) {
        copy(group_, gradient, gradient_);
        state_ = {};
    }

    /// Give the model its curvature, as `apply_curvature` takes it, before any direction.
    template <class T>
    NULLCLINE_DEVICE void set_curvature(std::span<T> hessian) {
        copy(group_, hessian, curvature_);
        state_.curved = true;
    }

    /// Make v orthogonal to all directions and of norm 1; false if it lies in their span.
    [[nodiscard]] NULLCLINE_DEVICE bool orthonormalize(std::span<float> v) const {
        const std::span<const float> read_only = v;
        const float whole = norm(group_, read_only);
        const auto c = coefficients();
        float remaining = whole;
        for (int pass = 0; pass < 2;
             ++pass) {  // twice is enough (Giraud, Langou and Rozložník 2005)
            group_.coordinates(basis(vectors_), read_only, c);
            group_.for_each(c.size(), [=](std::size_t i) { c[i] = -c[i]; });
            group_.add_combination(basis(vectors_), c, v);
            const float before = remaining;
            remaining = norm(group_, read_only);
            if (remaining > before / 2) {
                break;
            }
        }
        if (!(remaining > smallest_part * whole)) {
            return false;
        }
        group_.for_each(v.size(), [=](std::size_t i) { v[i] /= remaining; });
        return true;
    }

    /// Add a direction that is orthonormal to the others, with its products W v and its change J v.
    NULLCLINE_DEVICE void add(std::span<const float> v, std::span<const float> products,
                              std::span<const float> change) {
        const std::size_t last = state_.dimension++;
        ++state_.grown;
        copy(group_, v, vectors_.row(last));
        copy(group_, change, changes_.row(last));
        copy(group_, products, products_.row(last));
        const auto dots = coefficients();
        group_.coordinates(basis(changes_), change, dots);
        add_to_hessian<false>(dots);
        if (state_.curved) {
            add_curvature();
        }
        const auto along = static_cast<double>(group_.dot(v, std::span<const float>(gradient_)));
        group_.single([&] { slope_[last] = along; });
    }

    [[nodiscard]] NULLCLINE_DEVICE bool full() const { return state_.dimension == max_directions; }

    /// Minimize the model within ‖s‖ <= radius; the minimizer is the *solution* below.
    NULLCLINE_DEVICE ModelStep minimize(double radius) {
        group_.with_warp([&](const auto& warp) {
            const ModelStep step =
                minimize_model(warp, hessian_, slope(), radius, solution(), work_.trust_region);
            warp.single([&] { work_.step = step; });
        });
        return work_.step;
    }

    /// ‖s‖² of the solution.
    [[nodiscard]] NULLCLINE_DEVICE double solution_square() const {
        return group_.dot(std::span<const double>(solution()), std::span<const double>(solution()));
    }

    /// out += J s
    NULLCLINE_DEVICE void add_change(std::span<float> out) const {
        group_.add_combination(basis(changes_), solution_coefficients(), out);
    }

    /// (W s, s), valid until the next call.
    [[nodiscard]] NULLCLINE_DEVICE std::span<const float> solution_fields() {
        fill(group_, combination_, 0.0F);
        const auto y = solution_coefficients();
        group_.add_combination(basis(products_), y, combination_.first(products_.cols()));
        group_.add_combination(basis(vectors_), y, combination_.last(vectors_.cols()));
        return combination_;
    }

    /// Memory for the fields (W s, s) of a step, valid until the next call.
    [[nodiscard]] NULLCLINE_DEVICE std::span<float> step_fields_buffer() const {
        return combination_;
    }

    /// The curvature's part of the model's gradient, by fields; `fields` are those of a step.
    [[nodiscard]] NULLCLINE_DEVICE std::span<const float> curvature_product(
        std::span<const float> fields) {
        if constexpr (!fields_make_curvature) {
            return fields.first(products_.cols());
        }
        group_.apply_curvature(curvature_, fields.first(curvature_product_.size()), units_,
                               curvature_product_);
        return curvature_product_;
    }

    /// The reduction that the model predicts of a step with these fields and this change.
    [[nodiscard]] NULLCLINE_DEVICE double predicted_reduction(std::span<const float> fields,
                                                              std::span<const float> change) {
        const auto s = fields.last(vectors_.cols());
        const double slope = static_cast<double>(group_.dot(s, std::span<const float>(gradient_)));
        const double change_square = static_cast<double>(group_.dot(change, change));
        const auto curved = fields_make_curvature ? fields.first(curvature_product_.size()) : s;
        const double curvature =
            state_.curved ? static_cast<double>(group_.dot(curvature_product(fields), curved)) : 0;
        return -slope - (change_square + curvature) / 2;
    }

    /// Shrink a full subspace to the solution and the directions of least curvature, as
    /// combinations of all (a thick restart: Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 2000). It
    /// takes no product with W.
    NULLCLINE_DEVICE void restart() {
        const double norm = std::sqrt(solution_square());
        choose_kept_rows();
        const std::size_t n_kept = tuning.kept_directions;
        group_.recombine(work_.kept, n_kept, products_);
        group_.recombine(work_.kept, n_kept, vectors_);
        group_.recombine(work_.kept, n_kept, changes_);
        restrict_model(norm);
        state_.dimension = n_kept;
    }

  private:
    /// A direction is lost in rounding when so little of it is new: the new part is then right to
    /// three digits, in single precision.
    static constexpr float smallest_part = 1e-4F;

    [[nodiscard]] NULLCLINE_DEVICE MatrixView<const float> basis(MatrixView<float> rows) const {
        return rows.middle_rows(0, state_.dimension);
    }
    [[nodiscard]] NULLCLINE_DEVICE std::span<double> solution() const {
        return solution_.first(state_.dimension);
    }
    [[nodiscard]] NULLCLINE_DEVICE std::span<const double> slope() const {
        return slope_.first(state_.dimension);
    }
    [[nodiscard]] NULLCLINE_DEVICE std::span<float> coefficients() const {
        return coefficients_.first(state_.dimension);
    }
    [[nodiscard]] NULLCLINE_DEVICE std::span<const float> solution_coefficients() const {
        copy(group_, solution(), coefficients());
        return coefficients();
    }

    /// Set the newest direction's row of the Hessian, or add to it.
    template <bool add>
    NULLCLINE_DEVICE void add_to_hessian(std::span<const float> row) {
        const std::size_t last = state_.dimension - 1;
        group_.for_each(row.size(), [&](std::size_t i) {
            const auto value = static_cast<double>(row[i]);
            hessian_(last, i) = add ? hessian_(last, i) + value : value;
        });
    }

    /// Add the curvature between the newest direction and all to the Hessian.
    NULLCLINE_DEVICE void add_curvature() {
        const std::size_t last = state_.dimension - 1;
        const std::size_t n_products = products_.cols();
        if constexpr (!fields_make_curvature) {
            const auto along = coefficients();
            group_.coordinates(basis(vectors_), std::span<const float>(products_.row(last)), along);
            return add_to_hessian<true>(along);
        }
        copy(group_, products_.row(last), combination_.first(n_products));
        copy(group_, vectors_.row(last), combination_.last(vectors_.cols()));
        const auto curved = curvature_product(combination_);
        const auto dots = coefficients();
        group_.coordinates(basis(products_), curved.first(n_products), dots);
        add_to_hessian<true>(dots);
        if (curved.size() > n_products) {
            group_.coordinates(basis(vectors_), curved.subspan(n_products), dots);
            add_to_hessian<true>(dots);
        }
    }

    /// H in full, of which the lower triangle is stored.
    [[nodiscard]] NULLCLINE_DEVICE double hessian_entry(std::size_t i, std::size_t j) const {
        return i < j ? hessian_(j, i) : hessian_(i, j);
    }

    /// Make the first rows of `work_.kept` the directions that a restart keeps, orthonormal.
    NULLCLINE_DEVICE void choose_kept_rows() {
        constexpr std::size_t n = max_directions;
        const std::size_t n_kept = tuning.kept_directions;
        const auto y = solution();
        SubspaceWorkspace& work = work_;
        group_.for_each(n * n, [&](std::size_t k) {
            work.eigenvectors(k / n, k % n) = hessian_entry(k / n, k % n);
        });
        group_.with_warp([&](const auto& warp) {
            warp.symmetric_eigen(work.eigenvectors, work.kept, work.numbers);
            warp.for_each(n_kept * n, [&](std::size_t k) {
                const std::size_t i = k / n;
                work.kept(i, k % n) = i == 0 ? y[k % n] : work.eigenvectors(i - 1, k % n);
            });
            orthonormalize_rows(warp, work.kept);
        });
    }

    /// Restrict H, the slope and the solution, of norm `norm`, to the kept directions.
    NULLCLINE_DEVICE void restrict_model(double norm) {
        constexpr std::size_t n = max_directions;
        const std::size_t n_kept = tuning.kept_directions;
        SubspaceWorkspace& work = work_;
        group_.for_each(n_kept * n,
                        [&](std::size_t k) {  // H kᵢ, no eigenvector being needed any more
                            const std::size_t i = k / n;
                            double sum = 0;
                            for (std::size_t j = 0; j < n; ++j) {
                                sum += hessian_entry(k % n, j) * work.kept(i, j);
                            }
                            work.eigenvectors(i, k % n) = sum;
                        });
        group_.for_each(n_kept * n_kept, [&](std::size_t k) {
            const std::size_t i = k / n_kept;
            const std::size_t j = k % n_kept;
            if (j <= i) {
                hessian_(i, j) = product(work.kept.row(j), work.eigenvectors.row(i));
            }
        });
        group_.for_each(n_kept, [&](std::size_t i) {
            work.numbers[i] = product(work.kept.row(i), slope_.data());
            solution_[i] = i == 0 ? norm : 0;
        });
        group_.for_each(n, [&](std::size_t i) { slope_[i] = i < n_kept ? work.numbers[i] : 0; });
    }

    [[nodiscard]] static NULLCLINE_DEVICE double product(const double* a, const double* b) {
        double sum = 0;
        for (std::size_t i = 0; i < max_directions; ++i) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /// Gram and Schmidt's method on the kept rows, each twice.
    template <ThreadGroup Warp>
    static NULLCLINE_DEVICE void orthonormalize_rows(const Warp& warp, SmallMatrix& kept) {
        const auto dot = [&](std::size_t i, std::size_t j) {
            return warp.sum(max_directions, [&](std::size_t k) { return kept(i, k) * kept(j, k); });
        };
        for (std::size_t i = 0; i < tuning.kept_directions; ++i) {
            for (std::size_t j = 0; j < 2 * i; ++j) {
                const std::size_t other = j % i;
                const double part = dot(i, other);
                warp.for_each(max_directions,
                              [&](std::size_t k) { kept(i, k) -= part * kept(other, k); });
            }
            const double norm = std::sqrt(dot(i, i));
            warp.for_each(max_directions, [&](std::size_t k) { kept(i, k) /= norm; });
        }
    }

    const Group& group_;
    State& state_;
    SubspaceWorkspace& work_;
    std::size_t units_;
    MatrixView<float> products_, vectors_, changes_;  // a direction per row
    std::span<float> gradient_, curvature_, combination_, curvature_product_, coefficients_;
    std::span<double> slope_, solution_;
    SmallMatrix& hessian_;
};

}  // namespace nullcline
