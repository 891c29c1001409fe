// Newton's method on ‖f‖² / 2 for many starts at once, by trust regions in growing subspaces.
//
// At a state, a subspace grows by one direction at a time: the preconditioned gradient of the model
// ‖f + J s‖² / 2 at its least within the trust region, as it stands in the subspace so far (the
// generalized Davidson method; without a preconditioner, the Krylov subspace of conjugate
// gradients). Growing it takes J v and Jᵀ u, so that a tile of starts advances by *ticks* of one
// product each with fixed matrices. When more directions would help little, the model's least
// within the trust region is the step. Close to a minimum of ‖f‖, where steps gain little, the
// model has the curvature Σ f_i ∂²f_i that Gauss and Newton leave out: exact, and O(H) a pair of
// directions. (Far from one, steps without it lead to zeros more often.)
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
#include "nullcline/solvers/subspace_model.hpp"
#include "nullcline/solvers/trust_region.hpp"
#include "nullcline/solvers/workers.hpp"
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
    static constexpr std::size_t most_products = 150;  // for one subspace

    /// What a slot's rows of the tile hold, and so what is to be done with the next products.
    enum class Stage {
        idle,      // nothing
        begin,     // scaled: c ∘ f at a new state, for its gradient
        slope,     // scaled: c ∘ (f + J s), for the gradient of the model at its solution
        grow,      // gradient: that, to be made the next direction
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
            free.resize(size);
            residual.resize(size);
            change.resize(size);
            model = SubspaceModel(size, n_products, equation.curved_fields());
        }

        [[nodiscard]] RowScales<float> jacobian() const { return {scales, identity}; }

        Stage stage = Stage::idle;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;

        // The state, and the one that a step leads to.
        std::vector<T> h, products, drive;
        Linearization<T> at;
        std::vector<T> trial_h, trial_products;
        Linearization<T> trial;
        double length = 0;        // ‖f‖
        bool fresh = false;       // whether products are W h to the last digit
        double fresh_length = 0;  // ‖f‖ when they last were
        double last_gain = 0;     // decrease by the last step, in units of ‖f‖²
        double radius = 0;        // of the trust region

        // The model of a step s, for f scaled to length 1.
        double scale = 0;                     // of J
        std::vector<float> scales, identity;  // of J
        std::vector<float> free;              // 0 for units that the cube's face holds, else 1
        std::vector<float> residual;          // f + J s
        std::vector<float> change;            // J v
        SubspaceModel model;
        double gradient_length = 0;
        double decrease = 0;  // that the model promises so far
        double shift = 0;     // the trust region's multiplier μ, for the preconditioner
    };

    void tick() {
        const BusyBlocks busy =
            busy_blocks([&](std::size_t i) { return slots_[i].stage != Stage::idle; });
        search_.n_products += static_cast<std::size_t>(std::ranges::count_if(
            slots_, [](const Slot& slot) { return slot.stage != Stage::idle; }));
        weights_.forward(direction_, product_, busy);
        for_each_slot(&KrylovNewton::after_forward);
        weights_.backward(scaled_, gradient_, busy);
        for_each_slot(&KrylovNewton::after_backward);
        preconditioner_.apply(
            gradient_, preconditioned_, busy,
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
        reset_residual(slot);
        begin_vjp(slot.jacobian(), std::span<const float>(slot.residual), scaled_.row(row));
        slot.stage = Stage::begin;
    }

    static void reset_residual(Slot& slot) {
        const double scale = slot.length > 0 ? 1 / slot.length : 0;
        std::ranges::transform(slot.at.residual(), slot.residual.begin(), [&](T f) {
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
        } else if (slot.stage == Stage::slope) {
            take_slope(slot, row);
        }
    }

    /// The gradient has come: stop where it vanishes, or start a subspace with it.
    void take_gradient(Slot& slot, std::size_t row) {
        const auto gradient = gradient_.row(row);
        finish_vjp(slot.jacobian(), std::span<const float>(slot.residual), gradient);
        slot.model.begin(gradient);
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            slot.free[i] = held_by_face(slot.h[i], gradient[i]) ? 0.0F : 1.0F;
            gradient[i] *= slot.free[i];
        }
        slot.gradient_length = static_cast<double>(norm(std::span<const float>(gradient)));
        if (is_stationary<T>(slot.gradient_length * slot.length, slot.scale, slot.length)) {
            if (slot.iterations > 0) {
                return finish(slot, row, End::stationary);
            }
            ++slot.iterations;
            nudge(std::span(slot.h));
            linearize_afresh(slot);
            return begin(slot, row);
        }
        slot.decrease = 0;
        if (slot.last_gain < little_gain) {
            set_curvature(slot);
        }
        slot.stage = Stage::grow;
    }

    void set_curvature(Slot& slot) const {
        std::vector<T> form(curvature_size(equation_.curved_fields(), slot.h.size()));
        std::vector<float> single(form.size());
        equation_.curvature(slot.h, slot.products, slot.drive, slot.at.residual(), form);
        convert<float>(std::span<const T>(form), std::span(single));
        slot.model.set_curvature(single);
    }

    /// Make the preconditioned gradient of the model a direction.
    void after_preconditioner(Slot& slot, std::size_t row) {
        if (slot.stage != Stage::grow) {
            return;
        }
        const auto from = preconditioned_.row(row);
        const auto direction = direction_.row(row);
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            direction[i] = from[i] * slot.free[i];
        }
        if (slot.model.make_direction(direction)) {
            slot.stage = Stage::expand;
        } else if (slot.model.dimension() > 0) {  // the subspace is complete
            try_steps(slot, row);
        } else {
            finish(slot, row, End::stalled);
        }
    }

    /// The products of a new direction have come: find the least of the model in the larger
    /// subspace.
    void expand(Slot& slot, std::size_t row) {
        const std::span<const float> direction = direction_.row(row);
        const std::span<const float> products = product_.row(row);
        finish_jvp(slot.jacobian(), products, direction, std::span(slot.change));
        slot.model.add(direction, products, slot.change);
        const ModelStep step = slot.model.minimize(slot.radius / slot.length);
        if (!step.found) {
            return finish(slot, row, End::stalled);
        }
        const double gain = step.decrease - slot.decrease;
        slot.decrease = step.decrease;
        const std::size_t n = slot.model.grown();
        // Nash and Sofer (1990): enough when a direction's gain is a small part of the average one.
        if (n == most_products || !(static_cast<double>(n) * gain > gain_forcing * step.decrease)) {
            return try_steps(slot, row);
        }
        slot.shift = std::max(step.multiplier, smallest_shift);
        ask_slope(slot, row);
        if (slot.model.full()) {
            slot.model.restart();
        }
    }

    /// Prepare the backward product for the gradient of the model at its solution.
    void ask_slope(Slot& slot, std::size_t row) {
        const auto scaled = scaled_.row(row);
        reset_residual(slot);
        slot.model.add_change(slot.residual);
        begin_vjp(slot.jacobian(), std::span<const float>(slot.residual), scaled);
        if (slot.model.curved()) {
            const auto bend = slot.model.bend(slot.model.solution_fields());
            const std::size_t n = std::min(bend.size(), scaled.size());
            add_scaled(1.0F, bend.first(n), scaled.first(n));
        }
        slot.stage = Stage::slope;
    }

    /// The gradient of the model has come: enough, or one more direction.
    void take_slope(Slot& slot, std::size_t row) {
        const auto gradient = gradient_.row(row);
        finish_vjp(slot.jacobian(), std::span<const float>(slot.residual), gradient);
        if (slot.model.curved() && equation_.curved_fields() > equation_.blocks()) {
            const auto bend = slot.model.bend(slot.model.solution_fields());
            add_scaled(1.0F, bend.subspan(slot.products.size()), gradient);
        }
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            gradient[i] *= slot.free[i];
        }
        // It has the part −μ s within the subspace, which is as it should be.
        const double square = static_cast<double>(squared_norm(std::span<const float>(gradient))) -
                              slot.shift * slot.shift * slot.model.solution_square();
        const double enough = gradient_forcing * slot.gradient_length;
        if (square <= enough * enough) {
            try_steps(slot, row);
        } else {
            slot.stage = Stage::grow;
        }
    }

    /// Try shorter and shorter steps within the subspace until one keeps what the model promises.
    void try_steps(Slot& slot, std::size_t row) {
        while (true) {
            const ModelStep step = slot.model.minimize(slot.radius / slot.length);
            if (!step.found) {
                return finish(slot, row, End::stalled);
            }
            const auto fields = slot.model.solution_fields();
            const auto s = fields.last(slot.h.size());
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
            if (!try_step(slot, row, fields.first(slot.products.size()), step.decrease,
                          step.length * slot.length)) {
                return;
            }
        }
    }

    /// The products of a step cut at the cube's face have come.
    void try_truncated(Slot& slot, std::size_t row) {
        const std::span<const float> s = direction_.row(row);
        const std::span<const float> products = product_.row(row);
        finish_jvp(slot.jacobian(), products, s, std::span(slot.change));
        std::vector<float> fields(products.begin(), products.end());
        fields.insert(fields.end(), s.begin(), s.end());
        const double predicted = slot.model.decrease(fields, slot.change);
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
            if (slot.fresh && slot.model.curved()) {
                finish(slot, row, End::stalled);
            } else {  // see what is truly left, by the whole model, before giving up
                slot.last_gain = 0;
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

    /// The trust region's radius at first: half the cube's diagonal.
    [[nodiscard]] static double first_radius(const Slot& slot) {
        return std::sqrt(static_cast<double>(slot.h.size()));
    }

    static constexpr double smallest_radius =
        static_cast<double>(std::numeric_limits<T>::epsilon());
    /// Of the preconditioner, in units of J's squared singular values, which are near 1.
    static constexpr double first_shift = 1e-2;
    static constexpr double smallest_shift = 1e-6;
    /// When the model is solved well enough, by its gradient and by its decrease.
    static constexpr double gradient_forcing = 0.02;
    static constexpr double gain_forcing = 0.02;
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
    Matrix<float> direction_, product_, scaled_, gradient_, preconditioned_;
    std::vector<Slot> slots_;
};

}  // namespace nullcline
