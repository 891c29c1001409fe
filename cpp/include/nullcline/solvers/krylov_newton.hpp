// Newton's method on ‖f‖² / 2 for many starts at once, by trust regions in growing subspaces.
//
// At a state, a subspace grows by one direction at a time: the preconditioned gradient of the model
// ‖f + J s‖² / 2 at its least within the trust region, as it stands in the subspace so far (the
// generalized Davidson method; without a preconditioner, the Krylov subspace of conjugate
// gradients). Growing it takes J v and Jᵀ u, one product each with fixed matrices. When more
// directions would help little, the model's least within the trust region is the step. Close to a
// minimum of ‖f‖, where steps gain little, the model has the curvature Σ f_i ∂²f_i that Gauss and
// Newton leave out: exact, and O(H) a pair of directions. (Far from one, steps without it lead to
// zeros more often.)
//
// Three things come of this. Where the residual vanishes and where it does not, at ghosts, the
// method converges like Newton's. A step that is rejected costs no product with a matrix: the next
// one is found in the same subspace. And memory is that of the subspaces: no Jacobian is formed.
//
// The products run in single precision while the answers are exact in double: a direction need
// not be exact, the residual is; the products W h that it is made from are updated by the step's
// W s, which is small, and computed afresh in full before a state is called a zero.
//
// Batch invariance: nothing but the matrix products ever looks across a tile's rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "nullcline/arena.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/box.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/slot.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/subspace_model.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// The program (see solvers/tile.hpp).
template <Equation E>
struct KrylovNewton {
    using T = typename E::Scalar;
    using Workspace = SubspaceWorkspace;
    static constexpr RequestSet requests{Request::exact, Request::forward, Request::backward,
                                         Request::precondition};
    static constexpr Factors factors = Factors::none;

    E equation;
    bool has_inverse;      ///< a preconditioner for all; else each state's diagonal serves
    std::size_t patience;  ///< iterations after which others are to take over

    [[nodiscard]] constexpr const E& served() const { return equation; }

    /// What a slot does with what it waits for.
    enum class Stage : std::uint8_t {
        arrive,     // exact: products of a new state
        probe,      // exact: products of a trial
        begin,      // backward: the gradient at a new state
        slope,      // backward: the gradient of the model at its solution
        grow,       // precondition: that, to be made the next direction
        expand,     // forward: the next direction of the subspace
        truncated,  // forward: the step, cut at the box's face
        settle,     // forward_gated: what the step to a trial changes of a gated block's products
    };

    struct Scalars {
        Request request = Request::none;
        Stage stage = Stage::arrive;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        bool side = false;        // which of the two states is where the slot is
        double length = 0;        // ‖f‖
        bool fresh = false;       // whether products are W h to the last digit
        double fresh_length = 0;  // ‖f‖ when they last were
        double last_gain = 0;     // decrease by the last step, in units of ‖f‖²
        double radius = 0;        // of the trust region
        double predicted = 0;     // decrease by the step that is tried, in units of ‖f‖²
        double step_length = 0;   // and its length
        double scale = 0;         // of J
        double gradient_length = 0;
        double decrease = 0;  // that the model promises so far
        double shift = 0;     // the trust region's multiplier μ, for the preconditioner
        SubspaceState model;
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : operands(arena, shape, requests),
              scalars(arena.matrix<Scalars>(shape.rows, 1)),
              states(arena, shape),
              drives(arena.matrix<T>(shape.rows, shape.drive_size)),
              forms(arena.matrix<T>(shape.rows, curvature_size(shape.curved_fields, shape.units))),
              scales(arena.matrix<float>(shape.rows, shape.n_scales())),
              identities(arena.matrix<float>(shape.rows, shape.n_identity())),
              gates(arena.matrix<float>(shape.rows, shape.n_gate())),
              free(arena.matrix<float>(shape.rows, shape.size())),
              residuals(arena.matrix<float>(shape.rows, shape.size())),
              changes(arena.matrix<float>(shape.rows, shape.size())),
              models(arena, shape) {}

        Operands<T> operands;
        MatrixView<Scalars> scalars;
        StatePair<T> states;
        MatrixView<T> drives;
        MatrixView<T> forms;                          // of the curvature, before they are rounded
        MatrixView<float> scales, identities, gates;  // of J
        MatrixView<float> free;       // 0 for units that the box's face holds, else 1
        MatrixView<float> residuals;  // f + J s, for f scaled to length 1
        MatrixView<float> changes;    // J v
        SubspaceMemory models;
    };

    template <class Team, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Team, class Search>
class KrylovNewton<E>::Slot : public SlotBase<KrylovNewton<E>, Team, Search> {
    using Base = SlotBase<KrylovNewton<E>, Team, Search>;
    using Base::ask_gated_change;
    using Base::ask_products;
    using Base::ask_rest_of_backward;
    using Base::ask_rest_of_exact;
    using Base::ask_rest_of_forward;
    using Base::at;
    using Base::at_zero;
    using Base::box_;
    using Base::drive_;
    using Base::finish_at;
    using Base::give_up;
    using Base::is_gated;
    using Base::linearize;
    using Base::load;
    using Base::memory_;
    using Base::now_;
    using Base::program_;
    using Base::project;
    using Base::row_;
    using Base::see_state;
    using Base::team_;
    using Base::trial;
    using Base::units;
    using Base::wait;

  public:
    NULLCLINE_TEAM Slot(const Team& team, const KrylovNewton& program, const Memory& memory,
                        std::size_t row, const Search& search, Workspace& work)
        : Base(team, program, memory, row, search),
          direction_(memory.operands.direction.row(row)),
          product_(memory.operands.product.row(row)),
          scaled_(memory.operands.scaled.row(row)),
          gradient_(memory.operands.gradient.row(row)),
          scales_(memory.scales.row(row)),
          identity_(memory.identities.row(row)),
          gate_(memory.gates.row(row)),
          free_(memory.free.row(row)),
          residual_(memory.residuals.row(row)),
          change_(memory.changes.row(row)),
          model_(team, memory.models, row, now_.model, work) {}

    NULLCLINE_TEAM void take(std::size_t start) {
        load(start, at().h);
        now_.limit = std::min(now_.limit, program_.patience);
        now_.radius = first_radius();
        now_.shift = first_shift;
        now_.last_gain = 1;
        refresh();
    }

    NULLCLINE_TEAM void advance() {
        if (ask_rest_of_exact({}) || ask_rest_of_forward(gate_) || ask_rest_of_backward(gate_)) {
            return;
        }
        switch (now_.stage) {
            case Stage::arrive:
                return arrive();
            case Stage::probe:
                return probe();
            case Stage::begin:
                return take_gradient();
            case Stage::slope:
                return take_slope();
            case Stage::grow:
                return grow(memory_.operands.preconditioned.row(row_));
            case Stage::expand:
                return expand();
            case Stage::truncated:
                return try_truncated();
            case Stage::settle:
                return settle();
        }
    }

  private:
    [[nodiscard]] NULLCLINE_TEAM RowScales<float> jacobian() const {
        return {scales_, identity_, gate_};
    }
    [[nodiscard]] NULLCLINE_TEAM std::size_t size() const { return free_.size(); }

    NULLCLINE_TEAM void finish(End end) {
        finish_at(at(), end);
        // An idle row is multiplied like any other: zeros are sure to be harmless.
        fill(team_, direction_, 0.0F);
        fill(team_, scaled_, 0.0F);
        fill(team_, gradient_, 0.0F);
        fill(team_, memory_.operands.seen.row(row_), 0.0F);
    }

    /// Ask for products of the state in full.
    NULLCLINE_TEAM void refresh() { ask_products(at().h, Stage::arrive); }

    NULLCLINE_TEAM void arrive() {
        now_.length = linearize(at());
        now_.fresh = true;
        now_.fresh_length = now_.length;
        begin();
    }

    /// Take the linearization as that of a new state: stop here, or ask for its gradient.
    NULLCLINE_TEAM void begin() {
        if (!std::isfinite(now_.length)) {
            return finish(End::not_finite);
        }
        if (now_.length < stale_below * now_.fresh_length) {
            return refresh();
        }
        const auto state = at();
        if (now_.fresh && at_zero(state)) {
            return finish(End::zero);
        }
        if (now_.iterations >= now_.limit) {
            return finish(End::limit);
        }
        now_.scale =
            static_cast<double>(term_norm(team_, state.jacobian(), program_.equation.row_norms()));
        copy(team_, state.scales, scales_);
        copy(team_, state.identity, identity_);
        copy(team_, state.gate, gate_);
        reset_residual();
        begin_vjp(team_, jacobian(), std::span<const float>(residual_), scaled_);
        wait(Request::backward, Stage::begin);
    }

    NULLCLINE_TEAM void reset_residual() {
        const double scale = now_.length > 0 ? 1 / now_.length : 0;
        const T* const f = at().residual.data();
        float* const to = residual_.data();
        team_.for_each(size(), [=](std::size_t i) {
            to[i] = static_cast<float>(static_cast<double>(f[i]) * scale);
        });
    }

    /// The gradient has come: stop where it vanishes, or start a subspace with it.
    NULLCLINE_TEAM void take_gradient() {
        const auto state = at();
        finish_vjp(team_, jacobian(), std::span<const float>(residual_), gradient_);
        model_.begin(gradient_);
        const T* const h = state.h.data();
        float* const gradient = gradient_.data();
        float* const free = free_.data();
        const std::size_t n_bounded = units();
        const Box<T> box = box_;
        team_.for_each(size(), [=](std::size_t i) {
            free[i] = i < n_bounded && box.blocks(h[i], gradient[i]) ? 0.0F : 1.0F;
            gradient[i] *= free[i];
        });
        now_.gradient_length = static_cast<double>(norm(team_, gradient_));
        if (is_stationary<T>(now_.gradient_length * now_.length, now_.scale, now_.length)) {
            if (now_.iterations > 0) {
                return finish(End::stationary);
            }
            ++now_.iterations;
            nudge(team_, state.h);
            project(state.h);
            return refresh();
        }
        now_.decrease = 0;
        if (now_.last_gain < little_gain) {
            const auto form = memory_.forms.row(row_);
            program_.equation.curvature(team_, state.h, state.products, drive_, state.residual,
                                        seen_weights(), form);
            model_.set_curvature(form);
        }
        ask_direction();
    }

    /// W_0ᵀ (c_0 ∘ f), which has come on the way to the gradient: how what the gated block sees is
    /// weighted.
    [[nodiscard]] NULLCLINE_TEAM std::span<const T> seen_weights() const {
        const std::span<T> weights = memory_.operands.exact_seen.row(row_);
        const float* const from = memory_.operands.seen_gradient.row(row_).data();
        T* const to = weights.data();
        const double length = now_.length;
        team_.for_each(weights.size(), [=](std::size_t i) {
            to[i] = static_cast<T>(length * static_cast<double>(from[i]));
        });
        return weights;
    }

    /// Have the gradient of the model preconditioned.
    NULLCLINE_TEAM void ask_direction() {
        if (program_.has_inverse) {
            return wait(Request::precondition, Stage::grow);
        }
        const auto mu = static_cast<float>(now_.shift);
        // JᵀJ + μI if J were −diag(d), which no weights enter.
        for (std::size_t first = 0; first < size(); first += units()) {
            const float* const from = gradient_.data() + first;
            const float* const root = jacobian().diagonal(size(), first / units()).data();
            float* const to = direction_.data() + first;
            team_.for_each(units(),
                           [=](std::size_t i) { to[i] = from[i] / (root[i] * root[i] + mu); });
        }
        grow(direction_);
    }

    /// Make the preconditioned gradient of the model a direction.
    NULLCLINE_TEAM void grow(std::span<const float> preconditioned) {
        const float* const from = preconditioned.data();
        const float* const free = free_.data();
        float* const to = direction_.data();
        team_.for_each(size(), [=](std::size_t i) { to[i] = from[i] * free[i]; });
        if (model_.make_direction(direction_)) {
            wait(Request::forward, Stage::expand);
        } else if (now_.model.dimension > 0) {  // the subspace is complete
            try_steps();
        } else {
            finish(End::stalled);
        }
    }

    /// The products of a new direction have come: find the least of the model in the larger
    /// subspace.
    NULLCLINE_TEAM void expand() {
        const std::span<const float> direction = direction_;
        const std::span<const float> products = product_;
        finish_jvp(team_, jacobian(), products, direction, change_);
        model_.add(direction, products, change_);
        const ModelStep step = model_.minimize(now_.radius / now_.length);
        if (!step.found) {
            return finish(End::stalled);
        }
        const double gain = step.decrease - now_.decrease;
        now_.decrease = step.decrease;
        const std::size_t n = now_.model.grown;
        // Nash and Sofer (1990): enough when a direction's gain is a small part of the average one.
        if (n == most_products || !(static_cast<double>(n) * gain > gain_forcing * step.decrease)) {
            return try_steps();
        }
        now_.shift = std::max(step.multiplier, double{smallest_shift});
        ask_slope();
        if (model_.full()) {
            model_.restart();
        }
    }

    /// Ask for the backward product of the gradient of the model at its solution.
    NULLCLINE_TEAM void ask_slope() {
        reset_residual();
        model_.add_change(residual_);
        begin_vjp(team_, jacobian(), std::span<const float>(residual_), scaled_);
        if (now_.model.curved) {
            add(model_.bend(model_.solution_fields()).first(scaled_.size()), scaled_);
        }
        wait(Request::backward, Stage::slope);
    }

    /// y += x
    NULLCLINE_TEAM void add(std::span<const float> x, std::span<float> y) const {
        const float* const from = x.data();
        float* const to = y.data();
        team_.for_each(x.size(), [=](std::size_t i) { to[i] += from[i]; });
    }

    /// The gradient of the model has come: enough, or one more direction.
    NULLCLINE_TEAM void take_slope() {
        finish_vjp(team_, jacobian(), std::span<const float>(residual_), gradient_);
        if (now_.model.curved && program_.equation.curved_fields() > program_.equation.blocks()) {
            add(model_.bend(model_.solution_fields()).subspan(scaled_.size()), gradient_);
        }
        const float* const free = free_.data();
        float* const gradient = gradient_.data();
        team_.for_each(size(), [=](std::size_t i) { gradient[i] *= free[i]; });
        // It has the part −μ s within the subspace, which is as it should be.
        const std::span<const float> seen = gradient_;
        const double square = static_cast<double>(team_.dot(seen, seen)) -
                              now_.shift * now_.shift * model_.solution_square();
        const double enough = gradient_forcing * now_.gradient_length;
        if (square <= enough * enough) {
            try_steps();
        } else {
            ask_direction();
        }
    }

    /// Try shorter and shorter steps within the subspace until one keeps what the model promises.
    NULLCLINE_TEAM void try_steps() {
        while (true) {
            const ModelStep step = model_.minimize(now_.radius / now_.length);
            if (!step.found) {
                return finish(End::stalled);
            }
            const auto fields = model_.solution_fields();
            const T* const h = at().h.data();
            const float* const s = fields.last(size()).data();
            T* const to = trial().h.data();
            const double length = now_.length;
            team_.for_each(size(), [=](std::size_t i) {
                to[i] = h[i] + static_cast<T>(length * static_cast<double>(s[i]));
            });
            if (project(trial().h)) {
                // The products of the whole step do not serve the part that is left of it.
                float* const direction = direction_.data();
                team_.for_each(size(), [=](std::size_t i) {
                    direction[i] = static_cast<float>(static_cast<double>(to[i] - h[i]) / length);
                });
                return wait(Request::forward, Stage::truncated);
            }
            now_.predicted = step.decrease;
            now_.step_length = step.length * now_.length;
            if (!try_step(fields.first(product_.size()))) {
                return;
            }
        }
    }

    /// The products of a step cut at the box's face have come.
    NULLCLINE_TEAM void try_truncated() {
        const std::span<const float> s = direction_;
        const std::span<const float> products = product_;
        finish_jvp(team_, jacobian(), products, s, change_);
        const std::span<float> fields = model_.room_for_fields();
        copy(team_, products, fields.first(products.size()));
        copy(team_, s, fields.last(size()));
        now_.predicted = model_.decrease(fields, change_);
        now_.step_length = static_cast<double>(norm(team_, s)) * now_.length;
        if (try_step(products)) {
            try_steps();
        }
    }

    /// Go to the trial if that keeps what the model promises; true if a shorter step is to be tried
    /// at once.
    NULLCLINE_TEAM bool try_step(std::span<const float> step_products) {
        if (now_.predicted < exact_below * now_.step_length / now_.length) {
            if (now_.fresh) {
                ask_products(trial().h, Stage::probe);
            } else {  // both ends of the step are to be measured alike
                refresh();
            }
            return false;
        }
        add_products(step_products, program_.equation.n_gated(), step_products.size());
        if (is_gated()) {  // what it sees at the trial is known now
            const auto tried = trial();
            see_state(tried.h, tried.products, tried.seen);
            ask_gated_change(at().seen, tried.seen, now_.length);
            now_.stage = Stage::settle;
            return false;
        }
        return see_trial();
    }

    /// The trial's products `first` to `last`, from those of the step to it.
    NULLCLINE_TEAM void add_products(std::span<const float> step_products, std::size_t first,
                                     std::size_t last) {
        const T* const before = at().products.data() + first;
        const float* const step = step_products.data() + first;
        T* const after = trial().products.data() + first;
        const double length = now_.length;
        team_.for_each(last - first, [=](std::size_t i) {
            after[i] = before[i] + static_cast<T>(length * static_cast<double>(step[i]));
        });
    }

    /// The gated block's products of a step have come.
    NULLCLINE_TEAM void settle() {
        add_products(product_, 0, program_.equation.n_gated());
        if (see_trial()) {
            try_steps();
        }
    }

    /// The trial's products are there, by those of a step.
    NULLCLINE_TEAM bool see_trial() {
        const auto tried = trial();
        program_.equation.linearize(team_, tried.h, tried.products, drive_, tried.out());
        return conclude(static_cast<double>(norm(team_, tried.residual)), false);
    }

    /// The products of a trial in full have come.
    NULLCLINE_TEAM void probe() {
        if (conclude(linearize(trial()), true)) {
            try_steps();
        }
    }

    /// See what the step to the trial has gained, where ‖f‖ is `length`.
    NULLCLINE_TEAM bool conclude(double length, bool exact) {
        ++now_.iterations;
        const double ratio = length / now_.length;
        const double agreement = (1 - ratio) * (1 + ratio) / 2 / now_.predicted;
        if (now_.predicted > 0 && agreement > acceptable_agreement) {
            if (agreement < poor_agreement) {
                now_.radius = now_.step_length / 2;
            } else if (agreement > good_agreement) {
                now_.radius = std::max(now_.radius, 2 * now_.step_length);
            }
            now_.side = !now_.side;
            now_.length = length;
            now_.last_gain = agreement * now_.predicted;
            now_.fresh = exact;
            if (exact) {
                now_.fresh_length = length;
            }
            begin();
            return false;
        }
        now_.radius = now_.step_length * (agreement > 0 ? 0.5 : 0.25);
        if ((now_.predicted >= 0 && now_.predicted < smallest_gain) ||
            !(now_.radius > smallest_radius)) {
            if (now_.fresh && now_.model.curved) {
                give_up(at());
            } else {  // see what is truly left, by the whole model, before giving up
                now_.last_gain = 0;
                now_.radius = first_radius();
                refresh();
            }
            return false;
        }
        if (now_.iterations >= now_.limit) {
            finish(End::limit);
            return false;
        }
        return true;
    }

    /// The trust region's radius at first: half the diagonal of a cube (−1, 1)^H.
    [[nodiscard]] NULLCLINE_TEAM double first_radius() const {
        return std::sqrt(static_cast<double>(size()));
    }

    static constexpr std::size_t most_products = 150;  // for one subspace
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

    std::span<float> direction_, product_, scaled_, gradient_;
    std::span<float> scales_, identity_, gate_, free_, residual_, change_;
    SubspaceModel<Team> model_;
};

}  // namespace nullcline
