// Newton's method on ‖f‖² / 2 for many starts at once, by trust regions in growing subspaces.
//
// At a state, a subspace grows by one direction at a time: the preconditioned residual of the
// linear least-squares problem ‖f + J s‖² within the trust region, as it stands in the subspace so
// far (the generalized Davidson method; without a preconditioner, the Krylov subspace of
// conjugate gradients). Growing it takes J v and Jᵀ u, so that a tile of starts advances by *ticks*
// of one product each with fixed matrices. When more directions would help little, the model
// is completed by the curvature Σ f_i ∂²f_i that Gauss and Newton leave out, exact within the
// subspace and O(H) a pair of directions; its minimum within the trust region is the step.
//
// Three things come of this. Where the residual vanishes and where it does not, at ghosts, the
// method converges like Newton's. A step that is rejected costs no product with a matrix: the next
// one is found in the same subspace. And memory is that of the subspaces: no Jacobian is formed.
//
// The tile advances together but every slot is at a place of its own: one may be growing its
// subspace while its neighbour tries a step and a third has just taken a new start. No slot waits
// for another, and all products are full.
//
// The products run in single precision while the answers are exact in double: a direction need
// not be exact, the residual is; the products W h that it is made from are updated by the step's
// W s, which is small, and computed afresh in full before a state is called a zero.
//
// Batch invariance: the tile has one fixed shape, whatever it holds, and nothing but the matrix
// product ever looks across its rows.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cancellation.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/curvature.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/packed_matrix.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/preconditioner.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/trust_region.hpp"
#include "nullcline/solvers/workers.hpp"
#include "nullcline/subspace.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// One worker's tile of starts.
template <Equation E>
class KrylovNewton {
  public:
    using T = typename E::Scalar;

    KrylovNewton(const E& equation, const TileMatrix& weights, const Preconditioner& preconditioner,
                 const TermNorm<T>& term_norm, const Search<T>& search, std::size_t patience,
                 Queue& queue)
        : equation_(equation),
          weights_(weights),
          preconditioner_(preconditioner),
          term_norm_(term_norm),
          search_(search),
          patience_(patience),
          queue_(queue),
          direction_(rows, equation.size()),
          product_(rows, equation.weights().rows()),
          scaled_(rows, equation.weights().rows()),
          gradient_(rows, equation.size()),
          coordinates_(rows, preconditioner.rank()),
          preconditioned_(rows, equation.size()),
          slots_(rows) {}

    /// Work until the queue is empty and every slot is done.
    void run(const Cancellation& cancellation) {
        solve_tile(
            rows, cancellation, [&](std::size_t i) { return occupy(slots_[i], i); },
            [&] { tick(); });
    }

  private:
    static constexpr std::size_t rows = tile_rows;
    static constexpr std::size_t most_directions = SmallMatrix::largest;
    static constexpr std::size_t kept_directions = 12;
    static constexpr std::size_t most_products = 150;

    /// What a slot's rows of the tile hold, and so what is to be done with the next products.
    enum class Stage {
        idle,      // nothing
        begin,     // scaled: c ∘ f at a new state, for its gradient
        residual,  // scaled: c ∘ (f + J s), for the linear problem's residual
        grow,      // gradient: that residual, to be made the next direction
        expand,    // direction: the next of the subspace
        truncated  // direction: the step, cut at the cube's face
    };

    /// What a start needs on its way. Made when the slot is first used.
    struct Slot {
        void allocate(const E& equation, std::size_t drive_size) {
            const std::size_t size = equation.size();
            const std::size_t n_products = equation.weights().rows();
            h.resize(size);
            products.resize(n_products);
            drive.resize(drive_size);
            at = trial = Linearization<T>(size, equation.blocks());
            trial_h.resize(size);
            trial_products.resize(n_products);
            scales.resize(n_products);
            identity.resize(size);
            gradient.resize(size);
            free.resize(size);
            model.resize(size);
            combination.resize(n_products + size);
            bend.resize(equation.curved_fields() * size);
            curvature.resize(curvature_size(equation.curved_fields(), size));
            fields = Matrix<float>(most_directions, n_products + size);
            vectors = Matrix<float>(most_directions, size);
            changes = Matrix<float>(most_directions, size);
        }

        [[nodiscard]] RowScales<float> jacobian() const { return {scales, identity}; }
        [[nodiscard]] std::span<double> solution() { return {y.data(), dimension}; }
        [[nodiscard]] std::span<const double> projected_gradient() const {
            return {slope.data(), dimension};
        }
        /// The first `dimension` rows of what is kept for each direction.
        [[nodiscard]] MatrixView<const float> basis(const Matrix<float>& kept) const {
            return kept.view().middle_rows(0, dimension);
        }

        Stage stage = Stage::idle;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        double radius = 0;     // of the trust region
        double shift = 0;      // its multiplier μ in the model, for the preconditioner
        double last_gain = 0;  // decrease by the last step, in units of ‖f‖²

        // The state, and the one that a step leads to.
        std::vector<T> h, products, drive;
        Linearization<T> at;
        std::vector<T> trial_h, trial_products;
        Linearization<T> trial;
        double length = 0;        // ‖f‖
        bool fresh = false;       // whether products are W h to the last digit
        double fresh_length = 0;  // ‖f‖ when they last were
        double scale = 0;         // of J

        // The model of a step s, for f scaled to length 1.
        std::vector<float> scales, identity;  // of J
        std::vector<float> gradient;          // Jᵀ f
        std::vector<float> free;              // 0 for units that the cube's face holds, else 1
        std::vector<float> model;             // f + J s
        std::vector<float> curvature;         // Σ f_i ∂²f_i

        // The subspace, a row for each direction v: (W v, v), v, J v. They are orthonormal.
        std::size_t dimension = 0;
        Matrix<float> fields, vectors, changes;
        SmallMatrix hessian;    // (J v_i)ᵀ (J v_j), and the curvature's part
        bool curved = false;    // whether that is in it yet
        std::size_t grown = 0;  // directions so far, also those that a restart has let go
        std::array<double, most_directions> slope, y;
        double decrease = 0;             // of the model so far
        std::vector<float> bend;         // the curvature's part of its gradient, by fields
        std::vector<float> combination;  // (W s, s) of the step that is tried
    };

    void tick() {
        const BusyBlocks busy =
            busy_blocks([&](std::size_t i) { return slots_[i].stage != Stage::idle; });
        weights_.forward(direction_, product_, busy);
        for_each_slot(&KrylovNewton::after_forward);
        weights_.backward(scaled_, gradient_, busy);
        for_each_slot(&KrylovNewton::after_backward);
        preconditioner_.apply(
            gradient_, coordinates_, preconditioned_, busy,
            [&](std::size_t i) { return slots_[i].stage == Stage::grow; },
            [&](std::size_t i) { return ShiftedDiagonal{slots_[i].identity, slots_[i].shift}; });
        for_each_slot(&KrylovNewton::after_preconditioner);
    }

    void for_each_slot(void (KrylovNewton::*act)(Slot&, std::size_t)) {
        for (std::size_t i = 0; i < rows; ++i) {
            if (slots_[i].stage != Stage::idle) {
                (this->*act)(slots_[i], i);
            }
        }
    }

    /// Give an idle slot the next start; false if it stays idle.
    bool occupy(Slot& slot, std::size_t row) {
        while (slot.stage == Stage::idle) {
            const std::optional<std::size_t> start = queue_.take();
            if (!start) {
                return false;
            }
            if (slot.h.empty()) {
                slot.allocate(equation_, search_.cell.resting_drive().size());
            }
            slot.start = *start;
            slot.iterations = 0;
            slot.limit = std::min(search_.iterations_left(*start), patience_);
            slot.radius = first_radius(slot);
            slot.shift = first_shift;
            slot.last_gain = 1;
            std::ranges::copy(search_.outcomes.h.row(*start), slot.h.begin());
            search_.drive(*start, slot.drive);
            slot.stage = Stage::begin;
            linearize_afresh(slot);
            begin(slot, row);
        }
        return true;
    }

    void finish(Slot& slot, std::size_t row, End end) {
        std::ranges::copy(slot.h, search_.outcomes.h.row(slot.start).begin());
        search_.finish(slot.start, slot.iterations, end);
        slot.stage = Stage::idle;
        // An idle row is multiplied like any other: zeros are sure to be harmless.
        std::ranges::fill(direction_.row(row), 0.0F);
        std::ranges::fill(scaled_.row(row), 0.0F);
        std::ranges::fill(gradient_.row(row), 0.0F);
    }

    void linearize_afresh(Slot& slot) const {
        const std::span<const T> h = slot.h;
        blas::multiply_vector(equation_.weights(), h, std::span(slot.products));
        equation_.linearize(h, slot.products, slot.drive, slot.at.out());
        slot.length = static_cast<double>(norm(slot.at.residual()));
        slot.fresh = true;
        slot.fresh_length = slot.length;
    }

    [[nodiscard]] bool is_zero(const Slot& slot) const {
        std::vector<T> bound(slot.h.size());
        equation_.rounding(slot.h, slot.products, slot.drive, bound);
        return std::ranges::equal(slot.at.residual(), bound,
                                  [](T residual, T limit) { return std::abs(residual) <= limit; });
    }

    /// Take slot.at as a new state: stop here, or ask for its gradient.
    void begin(Slot& slot, std::size_t row) {
        if (!std::isfinite(slot.length)) {
            return finish(slot, row, End::not_finite);
        }
        if (slot.length < stale_below * slot.fresh_length) {
            linearize_afresh(slot);
        }
        if (slot.fresh && is_zero(slot)) {
            return finish(slot, row, End::zero);
        }
        if (slot.iterations >= slot.limit) {
            return finish(slot, row, End::limit);
        }
        slot.scale = static_cast<double>(term_norm_(slot.at.jacobian()));
        convert<float>(slot.at.scales(), std::span(slot.scales));
        convert<float>(slot.at.identity(), std::span(slot.identity));
        reset_model(slot);
        begin_vjp(slot.jacobian(), std::span<const float>(slot.model), scaled_.row(row));
        slot.stage = Stage::begin;
    }

    static void reset_model(Slot& slot) {
        const double scale = slot.length > 0 ? 1 / slot.length : 0;
        std::ranges::transform(slot.at.residual(), slot.model.begin(), [&](T f) {
            return static_cast<float>(static_cast<double>(f) * scale);
        });
    }

    void after_forward(Slot& slot, std::size_t row) {
        if (slot.stage == Stage::expand) {
            expand(slot, row);
        } else if (slot.stage == Stage::truncated) {
            try_truncated(slot, row);
        }
    }

    void after_backward(Slot& slot, std::size_t row) {
        if (slot.stage == Stage::begin) {
            take_gradient(slot, row);
        } else if (slot.stage == Stage::residual) {
            take_residual(slot, row);
        }
    }

    /// The gradient has come: stop where it vanishes, or start a subspace with it.
    void take_gradient(Slot& slot, std::size_t row) {
        const auto gradient = gradient_.row(row);
        finish_vjp(slot.jacobian(), std::span<const float>(slot.model), gradient);
        std::ranges::copy(gradient, slot.gradient.begin());
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            slot.free[i] = held_by_face(slot.h[i], gradient[i]) ? 0.0F : 1.0F;
            gradient[i] *= slot.free[i];
        }
        const double length = static_cast<double>(norm(std::span<const float>(gradient)));
        if (is_stationary<T>(length * slot.length, slot.scale, slot.length)) {
            if (slot.iterations > 0) {
                return finish(slot, row, End::stationary);
            }
            ++slot.iterations;
            nudge(std::span(slot.h));
            linearize_afresh(slot);
            return begin(slot, row);
        }
        slot.dimension = 0;
        slot.grown = 0;
        slot.decrease = 0;
        slot.curved = slot.last_gain < little_gain;
        if (slot.curved) {
            set_curvature(slot);
        }
        slot.stage = Stage::grow;
    }

    /// The linear problem's residual Jᵀ(f + J s) has come: enough, or one more direction.
    void take_residual(Slot& slot, std::size_t row) {
        const auto residual = gradient_.row(row);
        finish_vjp(slot.jacobian(), std::span<const float>(slot.model), residual);
        if (slot.curved && slot.bend.size() > slot.products.size()) {
            add_scaled(1.0F, std::span<const float>(slot.bend).subspan(slot.products.size()),
                       residual);
        }
        double gradient_square = 0;
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            residual[i] *= slot.free[i];
            gradient_square +=
                static_cast<double>(slot.free[i] * slot.gradient[i] * slot.gradient[i]);
        }
        // The residual has the part −μ s within the subspace, which is as it should be.
        double step_square = 0;
        for (const double value : slot.solution()) {
            step_square += value * value;
        }
        const double square = static_cast<double>(squared_norm(std::span<const float>(residual))) -
                              slot.shift * slot.shift * step_square;
        if (square <= residual_forcing * residual_forcing * gradient_square) {
            complete(slot, row);
        } else {
            slot.stage = Stage::grow;
        }
    }

    /// Make the preconditioned residual a direction, orthogonal to all before.
    void after_preconditioner(Slot& slot, std::size_t row) {
        if (slot.stage != Stage::grow) {
            return;
        }
        const auto from = preconditioned_.row(row);
        const auto to = direction_.row(row);
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            to[i] = from[i] * slot.free[i];
        }
        const std::span<const float> direction = to;
        const float whole = norm(direction);
        const auto basis = slot.basis(slot.vectors);
        std::array<float, most_directions> parts;
        const std::span<float> c(parts.data(), slot.dimension);
        float rest = whole;
        for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Giraud et al. 2005)
            coordinates(basis, direction, c);
            std::ranges::transform(c, c.begin(), std::negate());
            add_combination(basis, c, to);
            const float before = rest;
            rest = norm(direction);
            if (rest > before / 2) {
                break;
            }
        }
        if (!(rest > smallest_part * whole)) {  // the subspace is complete, to rounding
            if (slot.dimension == 0) {
                return finish(slot, row, End::stalled);
            }
            return complete(slot, row);
        }
        for (float& value : to) {
            value /= rest;
        }
        slot.stage = Stage::expand;
    }

    /// The products of a new direction have come: solve the linear problem in the larger subspace.
    void expand(Slot& slot, std::size_t row) {
        const std::size_t last = slot.dimension++;
        const std::span<const float> direction = direction_.row(row);
        const std::span<const float> products = product_.row(row);
        std::ranges::copy(direction, slot.vectors.row(last).begin());
        std::ranges::copy(products, slot.fields.row(last).begin());
        std::ranges::copy(direction, slot.fields.row(last).begin() +
                                         static_cast<std::ptrdiff_t>(products.size()));
        finish_jvp(slot.jacobian(), products, direction, slot.changes.row(last));
        std::array<float, most_directions> dots;
        coordinates(slot.basis(slot.changes), slot.changes.row(last), dots);
        for (std::size_t i = 0; i <= last; ++i) {
            slot.hessian(last, i) = static_cast<double>(dots[i]);
        }
        if (slot.curved) {
            add_curvature(slot, last);
        }
        slot.slope[last] =
            static_cast<double>(dot(direction, std::span<const float>(slot.gradient)));

        const ModelStep step = minimize_model(slot.hessian, slot.projected_gradient(),
                                              slot.radius / slot.length, slot.solution());
        if (!step.found) {
            return finish(slot, row, End::stalled);
        }
        const double gain = step.decrease - slot.decrease;
        slot.decrease = step.decrease;
        const auto n = static_cast<double>(++slot.grown);
        // Nash and Sofer (1990): enough when a direction's gain is a small part of the average one.
        if (slot.grown == most_products || !(n * gain > gain_forcing * step.decrease)) {
            return complete(slot, row);
        }
        slot.shift = std::max(step.multiplier, smallest_shift);
        ask_residual(slot, row);
        if (slot.dimension == most_directions) {
            restart(slot);
        }
    }

    /// Prepare the backward product for the gradient of the model at its solution.
    void ask_residual(Slot& slot, std::size_t row) {
        std::array<float, most_directions> y;
        convert<float>(std::span<const double>(slot.solution()), std::span(y));
        reset_model(slot);
        add_combination(slot.basis(slot.changes), y, slot.model);
        const auto scaled = scaled_.row(row);
        begin_vjp(slot.jacobian(), std::span<const float>(slot.model), scaled);
        if (slot.curved) {
            combine_fields(slot);
            apply_curvature(slot.curvature, std::span(slot.combination).first(slot.bend.size()),
                            slot.h.size(), slot.bend);
            const std::size_t n = std::min(slot.bend.size(), scaled.size());
            add_scaled(1.0F, std::span<const float>(slot.bend).first(n), scaled.first(n));
        }
        slot.stage = Stage::residual;
    }

    /// combination = (W s, s) of the model's solution s.
    static void combine_fields(Slot& slot) {
        std::array<float, most_directions> y;
        convert<float>(std::span<const double>(slot.solution()), std::span(y));
        std::ranges::fill(slot.combination, 0.0F);
        add_combination(slot.basis(slot.fields), y, slot.combination);
    }

    /// Compute the curvature at the state.
    void set_curvature(Slot& slot) const {
        std::vector<T> form(slot.curvature.size());
        equation_.curvature(slot.h, slot.products, slot.drive, slot.at.residual(), form);
        convert<float>(std::span<const T>(form), std::span(slot.curvature));
    }

    /// Add the curvature between direction `last` and those up to it to the Hessian.
    static void add_curvature(Slot& slot, std::size_t last) {
        std::array<float, most_directions> dots;
        apply_curvature(slot.curvature, slot.fields.row(last).first(slot.bend.size()),
                        slot.h.size(), slot.bend);
        coordinates(std::as_const(slot.fields).view().middle_rows(0, last + 1), slot.bend, dots);
        for (std::size_t i = 0; i <= last; ++i) {
            slot.hessian(last, i) += static_cast<double>(dots[i]);
        }
    }

    /// The subspace is large enough: make the model exact within it, and go where it is least.
    void complete(Slot& slot, std::size_t row) {
        if (!slot.curved) {
            slot.curved = true;
            set_curvature(slot);
            for (std::size_t i = 0; i < slot.dimension; ++i) {
                add_curvature(slot, i);
            }
        }
        try_steps(slot, row);
    }

    /// Make room in a full subspace: keep the model's solution and the softest directions (a thick
    /// restart: Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 2000). It takes no product with W.
    static void restart(Slot& slot) {
        const std::size_t n = slot.dimension;
        Matrix<double> hessian(n, n);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                hessian.view()(i, j) = hessian.view()(j, i) = slot.hessian(i, j);
            }
        }
        const Matrix<double> full = hessian;
        std::vector<double> stiffness(n);
        blas::symmetric_eigen(hessian.view(), std::span(stiffness));
        Matrix<double> kept(kept_directions, n);
        std::ranges::copy(slot.solution(), kept.row(0).begin());
        for (std::size_t i = 1; i < kept_directions; ++i) {
            std::ranges::copy(hessian.row(i - 1), kept.row(i).begin());
        }
        orthonormalize(kept);
        recombine(kept, slot.fields);
        recombine(kept, slot.vectors);
        recombine(kept, slot.changes);
        const double length = norm(std::span<const double>(slot.solution()));
        std::array<double, most_directions> slope{};
        std::vector<double> image(n);
        for (std::size_t i = 0; i < kept_directions; ++i) {
            const std::span<const double> row = std::as_const(kept).row(i);
            slope[i] = dot(row, slot.projected_gradient());
            blas::multiply_vector(std::as_const(full).view(), row, std::span(image));
            for (std::size_t j = 0; j <= i; ++j) {
                slot.hessian(i, j) =
                    dot(std::as_const(kept).row(j), std::span<const double>(image));
            }
        }
        slot.slope = slope;
        slot.y = {length};
        slot.dimension = kept_directions;
    }

    static void orthonormalize(Matrix<double>& basis) {
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

    /// The first rows become combinations of all rows.
    static void recombine(const Matrix<double>& combinations, Matrix<float>& rows_of) {
        Matrix<float> combined(combinations.rows(), rows_of.cols());
        std::array<float, most_directions> c;
        for (std::size_t i = 0; i < combinations.rows(); ++i) {
            convert<float>(combinations.row(i), std::span(c));
            add_combination(std::as_const(rows_of).view(), c, combined.row(i));
        }
        std::ranges::copy(combined.elements(), rows_of.elements().begin());
    }

    /// Try shorter and shorter steps within the subspace until one keeps what the model promises.
    void try_steps(Slot& slot, std::size_t row) {
        const std::size_t n_products = slot.products.size();
        while (true) {
            const ModelStep step = minimize_model(slot.hessian, slot.projected_gradient(),
                                                  slot.radius / slot.length, slot.solution());
            if (!step.found) {
                return finish(slot, row, End::stalled);
            }
            combine_fields(slot);
            const std::span<const float> products(slot.combination.data(), n_products);
            const std::span<const float> s(slot.combination.data() + n_products, slot.h.size());
            for (std::size_t i = 0; i < slot.h.size(); ++i) {
                slot.trial_h[i] =
                    slot.h[i] + static_cast<T>(slot.length * static_cast<double>(s[i]));
            }
            if (project_into_cube(std::span(slot.trial_h))) {
                // The products of the whole step do not serve the part that is left of it.
                for (std::size_t i = 0; i < slot.h.size(); ++i) {
                    direction_.row(row)[i] = static_cast<float>(
                        static_cast<double>(slot.trial_h[i] - slot.h[i]) / slot.length);
                }
                slot.stage = Stage::truncated;
                return;
            }
            if (!try_step(slot, row, products, step.decrease, step.length * slot.length)) {
                return;
            }
        }
    }

    /// The products of a step cut at the cube's face have come.
    void try_truncated(Slot& slot, std::size_t row) {
        const std::span<const float> s = direction_.row(row);
        const std::span<const float> products = product_.row(row);
        std::vector<float> change(slot.h.size());
        finish_jvp(slot.jacobian(), products, s, std::span(change));
        std::ranges::copy(products, slot.combination.begin());
        std::ranges::copy(
            s, slot.combination.begin() + static_cast<std::ptrdiff_t>(slot.products.size()));
        const std::span<const float> fields = slot.combination;
        apply_curvature(slot.curvature, fields.first(slot.bend.size()), slot.h.size(), slot.bend);
        // −gᵀs − (‖J s‖² + curvature) / 2
        const double predicted =
            -static_cast<double>(dot(s, std::span<const float>(slot.gradient))) -
            static_cast<double>(
                squared_norm(std::span<const float>(change)) +
                dot(std::span<const float>(slot.bend), fields.first(slot.bend.size()))) /
                2;
        const double length = static_cast<double>(norm(s)) * slot.length;
        if (try_step(slot, row, products, predicted, length)) {
            try_steps(slot, row);
        }
    }

    /// Go to h + s if that keeps what the model promises; true if a shorter step is to be tried.
    /// `predicted` is in units of ‖f‖², `step_length` in those of the state.
    bool try_step(Slot& slot, std::size_t row, std::span<const float> step_products,
                  double predicted, double step_length) {
        const bool exact = predicted < exact_below * step_length / slot.length;
        if (exact && !slot.fresh) {  // both ends of the step are to be measured alike
            linearize_afresh(slot);
            begin(slot, row);
            return false;
        }
        if (exact) {
            blas::multiply_vector(equation_.weights(), std::span<const T>(slot.trial_h),
                                  std::span(slot.trial_products));
        } else {
            for (std::size_t i = 0; i < slot.products.size(); ++i) {
                slot.trial_products[i] =
                    slot.products[i] +
                    static_cast<T>(slot.length * static_cast<double>(step_products[i]));
            }
        }
        equation_.linearize(slot.trial_h, slot.trial_products, slot.drive, slot.trial.out());
        ++slot.iterations;
        const double length = static_cast<double>(norm(slot.trial.residual()));
        const double ratio = length / slot.length;
        const double agreement = (1 - ratio) * (1 + ratio) / 2 / predicted;
        if (predicted > 0 && agreement > acceptable_agreement) {
            if (agreement < poor_agreement) {
                slot.radius = step_length / 2;
            } else if (agreement > good_agreement) {
                slot.radius = std::max(slot.radius, 2 * step_length);
            }
            std::swap(slot.h, slot.trial_h);
            std::swap(slot.products, slot.trial_products);
            std::swap(slot.at, slot.trial);
            slot.length = length;
            slot.last_gain = agreement * predicted;
            slot.fresh = exact;
            if (exact) {
                slot.fresh_length = length;
            }
            begin(slot, row);
            return false;
        }
        slot.radius = step_length * (agreement > 0 ? 0.5 : 0.25);
        if ((predicted >= 0 && predicted < smallest_gain) || !(slot.radius > smallest_radius)) {
            if (slot.fresh) {
                finish(slot, row, End::stalled);
            } else {  // see what is truly left before giving up
                slot.radius = first_radius(slot);
                linearize_afresh(slot);
                begin(slot, row);
            }
            return false;
        }
        if (slot.iterations >= slot.limit) {
            finish(slot, row, End::limit);
            return false;
        }
        return true;
    }

    /// The trust region's radius at first: a fifth of half the cube's diagonal.
    [[nodiscard]] static double first_radius(const Slot& slot) {
        return 0.2 * std::sqrt(static_cast<double>(slot.h.size()));
    }

    static constexpr double smallest_radius =
        static_cast<double>(std::numeric_limits<T>::epsilon());
    /// Of the preconditioner, in units of J's squared singular values, which are near 1.
    static constexpr double first_shift = 1e-2;
    static constexpr double smallest_shift = 1e-6;
    /// When the linear problem is solved well enough, by its residual and by its decrease.
    static constexpr double residual_forcing = 0.1;
    static constexpr double gain_forcing = 0.1;
    /// A direction is lost in rounding when so little of it is new.
    static constexpr float smallest_part = 1e-4F;
    /// A step that gains less than this part of ‖f‖² shows a minimum near, where Gauss's and
    /// Newton's model of ‖f‖² differ in the direction that matters.
    static constexpr double little_gain = 0.1;
    /// Actual over predicted decrease.
    static constexpr double acceptable_agreement = 1e-4;
    static constexpr double poor_agreement = 0.25;
    static constexpr double good_agreement = 0.75;
    /// Products of a step in single precision serve while it gains more than this part of its
    /// length: their errors are a part of its length too, and must not hide what it gains.
    static constexpr double exact_below = 1e-5;
    /// Products in single precision are good for so much decrease.
    static constexpr double stale_below = 1e-3;
    /// Below this part of ‖f‖² a decrease drowns in rounding.
    static constexpr double smallest_gain =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());

    const E& equation_;
    const TileMatrix& weights_;
    const Preconditioner& preconditioner_;
    const TermNorm<T>& term_norm_;
    const Search<T>& search_;
    std::size_t patience_;
    Queue& queue_;
    Matrix<float> direction_, product_, scaled_, gradient_, coordinates_, preconditioned_;
    std::vector<Slot> slots_;
};

}  // namespace nullcline
