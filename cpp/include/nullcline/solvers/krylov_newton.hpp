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

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/row_scaled.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/subspace_model.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// The program (see batching/program.hpp).
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
        bool side = false;               // which of the two states is where the slot is
        double residual_norm = 0;        // ‖f‖
        bool fresh = false;              // whether products are W h to the last digit
        double fresh_residual_norm = 0;  // ‖f‖ when they last were
        double last_gain = 0;            // decrease by the last step, in units of ‖f‖²
        double radius = 0;               // of the trust region
        double predicted = 0;            // decrease by the step that is tried, in units of ‖f‖²
        double step_norm = 0;            // and its length
        double scale = 0;                // of J
        double gradient_norm = 0;
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
              hessians(
                  arena.matrix<T>(shape.rows, curvature_size(shape.curved_fields, shape.units))),
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
        MatrixView<T> hessians;                       // of the curvature, before they are rounded
        MatrixView<float> scales, identities, gates;  // of J
        MatrixView<float> free;       // 0 for units that the box's face holds, else 1
        MatrixView<float> residuals;  // f + J s, for f scaled to length 1
        MatrixView<float> changes;    // J v
        SubspaceMemory models;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class KrylovNewton<E>::Slot : public SlotBase<KrylovNewton<E>, Group, Search> {
    using Base = SlotBase<KrylovNewton<E>, Group, Search>;
    using Base::at;
    using Base::at_zero;
    using Base::box_;
    using Base::compute_gated_input;
    using Base::drive_;
    using Base::finish_at;
    using Base::give_up;
    using Base::group_;
    using Base::is_gated;
    using Base::linearize;
    using Base::load;
    using Base::memory_;
    using Base::now_;
    using Base::program_;
    using Base::project;
    using Base::request_gated_change;
    using Base::request_products;
    using Base::request_second_half_of_backward;
    using Base::request_second_half_of_exact;
    using Base::request_second_half_of_forward;
    using Base::row_;
    using Base::trial;
    using Base::units;
    using Base::wait;

  public:
    NULLCLINE_DEVICE Slot(const Group& group, const KrylovNewton& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace& work)
        : Base(group, program, memory, row, search),
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
          model_(group, memory.models, row, now_.model, work) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        load(start, at().h);
        now_.limit = std::min(now_.limit, program_.patience);
        now_.radius = first_radius();
        now_.shift = tuning.first_shift;
        now_.last_gain = 1;
        refresh();
    }

    NULLCLINE_DEVICE void advance() {
        if (request_second_half_of_exact({}) || request_second_half_of_forward(gate_) ||
            request_second_half_of_backward(gate_)) {
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
    [[nodiscard]] NULLCLINE_DEVICE RowScales<float> jacobian() const {
        return {scales_, identity_, gate_};
    }
    [[nodiscard]] NULLCLINE_DEVICE std::size_t size() const { return free_.size(); }

    NULLCLINE_DEVICE void finish(Termination termination) {
        finish_at(at(), termination);
        // An idle row is multiplied like any other: zeros are sure to be harmless.
        fill(group_, direction_, 0.0F);
        fill(group_, scaled_, 0.0F);
        fill(group_, gradient_, 0.0F);
        fill(group_, memory_.operands.gated_input.row(row_), 0.0F);
    }

    /// Ask for products of the state in full.
    NULLCLINE_DEVICE void refresh() { request_products(at().h, Stage::arrive); }

    NULLCLINE_DEVICE void arrive() {
        now_.residual_norm = linearize(at());
        now_.fresh = true;
        now_.fresh_residual_norm = now_.residual_norm;
        begin();
    }

    /// Take the linearization as that of a new state: stop here, or ask for its gradient.
    NULLCLINE_DEVICE void begin() {
        if (!std::isfinite(now_.residual_norm)) {
            return finish(Termination::not_finite);
        }
        if (now_.residual_norm < tuning.stale_below * now_.fresh_residual_norm) {
            return refresh();
        }
        const auto state = at();
        if (now_.fresh && at_zero(state)) {
            return finish(Termination::zero);
        }
        if (now_.iterations >= now_.limit) {
            return finish(Termination::limit);
        }
        now_.scale =
            static_cast<double>(term_norm(group_, state.jacobian(), program_.equation.row_norms()));
        copy(group_, state.scales, scales_);
        copy(group_, state.identity, identity_);
        copy(group_, state.gate, gate_);
        reset_residual();
        begin_vjp(group_, jacobian(), std::span<const float>(residual_), scaled_);
        wait(Request::backward, Stage::begin);
    }

    NULLCLINE_DEVICE void reset_residual() {
        const double scale = now_.residual_norm > 0 ? 1 / now_.residual_norm : 0;
        const T* const f = at().residual.data();
        float* const to = residual_.data();
        group_.for_each(size(), [=](std::size_t i) {
            to[i] = static_cast<float>(static_cast<double>(f[i]) * scale);
        });
    }

    /// The gradient has come: stop where it vanishes, or start a subspace with it.
    NULLCLINE_DEVICE void take_gradient() {
        const auto state = at();
        finish_vjp(group_, jacobian(), std::span<const float>(residual_), gradient_);
        model_.begin(gradient_);
        const T* const h = state.h.data();
        float* const gradient = gradient_.data();
        float* const free = free_.data();
        const std::size_t n_bounded = units();
        const Box<T> box = box_;
        group_.for_each(size(), [=](std::size_t i) {
            free[i] = i < n_bounded && box.blocks(i, h[i], gradient[i]) ? 0.0F : 1.0F;
            gradient[i] *= free[i];
        });
        now_.gradient_norm = static_cast<double>(norm(group_, gradient_));
        if (is_stationary<T>(now_.gradient_norm * now_.residual_norm, now_.scale,
                             now_.residual_norm)) {
            if (now_.iterations > 0) {
                return finish(Termination::stationary);
            }
            ++now_.iterations;
            nudge(group_, state.h);
            project(state.h);
            return refresh();
        }
        now_.decrease = 0;
        if (now_.last_gain < tuning.little_gain) {
            const auto hessian = memory_.hessians.row(row_);
            program_.equation.curvature(group_, state.h, state.products, drive_, state.residual,
                                        gated_input_weights(), hessian);
            model_.set_curvature(hessian);
        }
        request_direction();
    }

    /// W_0ᵀ (c_0 ∘ f), which has come on the way to the gradient: how what the gated block sees is
    /// weighted.
    [[nodiscard]] NULLCLINE_DEVICE std::span<const T> gated_input_weights() const {
        const std::span<T> weights = memory_.operands.exact_gated_input.row(row_);
        const float* const from = memory_.operands.gated_input_gradient.row(row_).data();
        T* const to = weights.data();
        const double unit = now_.residual_norm;
        group_.for_each(weights.size(), [=](std::size_t i) {
            to[i] = static_cast<T>(unit * static_cast<double>(from[i]));
        });
        return weights;
    }

    /// Have the gradient of the model preconditioned.
    NULLCLINE_DEVICE void request_direction() {
        if (program_.has_inverse) {
            return wait(Request::precondition, Stage::grow);
        }
        const auto mu = static_cast<float>(now_.shift);
        // JᵀJ + μI if J were −diag(d), which no weights enter.
        for (std::size_t first = 0; first < size(); first += units()) {
            const float* const from = gradient_.data() + first;
            const float* const root = jacobian().diagonal(size(), first / units()).data();
            float* const to = direction_.data() + first;
            group_.for_each(units(),
                            [=](std::size_t i) { to[i] = from[i] / (root[i] * root[i] + mu); });
        }
        grow(direction_);
    }

    /// Make the preconditioned gradient of the model a direction.
    NULLCLINE_DEVICE void grow(std::span<const float> preconditioned) {
        const float* const from = preconditioned.data();
        const float* const free = free_.data();
        float* const to = direction_.data();
        group_.for_each(size(), [=](std::size_t i) { to[i] = from[i] * free[i]; });
        if (model_.make_direction(direction_)) {
            wait(Request::forward, Stage::expand);
        } else if (now_.model.dimension > 0) {  // the subspace is complete
            try_steps();
        } else {
            finish(Termination::stalled);
        }
    }

    /// The products of a new direction have come: find the least of the model in the larger
    /// subspace.
    NULLCLINE_DEVICE void expand() {
        const std::span<const float> direction = direction_;
        const std::span<const float> products = product_;
        finish_jvp(group_, jacobian(), products, direction, change_);
        model_.add(direction, products, change_);
        const ModelStep step = model_.minimize(now_.radius / now_.residual_norm);
        if (!step.found) {
            return finish(Termination::stalled);
        }
        const double gain = step.decrease - now_.decrease;
        now_.decrease = step.decrease;
        const std::size_t n = now_.model.grown;
        // Nash and Sofer (1990): enough when a direction's gain is a small part of the average one.
        if (n == tuning.most_products || !(static_cast<double>(n) * gain > tuning.gain_forcing * step.decrease)) {
            return try_steps();
        }
        now_.shift = std::max(step.multiplier, double{tuning.smallest_shift});
        request_model_gradient();
        if (model_.full()) {
            model_.restart();
        }
    }

    /// Ask for the backward product of the gradient of the model at its solution.
    NULLCLINE_DEVICE void request_model_gradient() {
        reset_residual();
        model_.add_change(residual_);
        begin_vjp(group_, jacobian(), std::span<const float>(residual_), scaled_);
        if (now_.model.curved) {
            add(model_.curvature_product(model_.solution_fields()).first(scaled_.size()), scaled_);
        }
        wait(Request::backward, Stage::slope);
    }

    /// y += x
    NULLCLINE_DEVICE void add(std::span<const float> x, std::span<float> y) const {
        const float* const from = x.data();
        float* const to = y.data();
        group_.for_each(x.size(), [=](std::size_t i) { to[i] += from[i]; });
    }

    /// The gradient of the model has come: enough, or one more direction.
    NULLCLINE_DEVICE void take_slope() {
        finish_vjp(group_, jacobian(), std::span<const float>(residual_), gradient_);
        if (now_.model.curved && program_.equation.curved_fields() > program_.equation.blocks()) {
            add(model_.curvature_product(model_.solution_fields()).subspan(scaled_.size()),
                gradient_);
        }
        const float* const free = free_.data();
        float* const gradient = gradient_.data();
        group_.for_each(size(), [=](std::size_t i) { gradient[i] *= free[i]; });
        // It has the part −μ s within the subspace, which is as it should be.
        const std::span<const float> read_only = gradient_;
        const double square = static_cast<double>(group_.dot(read_only, read_only)) -
                              now_.shift * now_.shift * model_.solution_square();
        const double enough = tuning.gradient_forcing * now_.gradient_norm;
        if (square <= enough * enough) {
            try_steps();
        } else {
            request_direction();
        }
    }

    /// Try shorter and shorter steps within the subspace until one keeps what the model promises.
    NULLCLINE_DEVICE void try_steps() {
        while (true) {
            const ModelStep step = model_.minimize(now_.radius / now_.residual_norm);
            if (!step.found) {
                return finish(Termination::stalled);
            }
            const auto fields = model_.solution_fields();
            const T* const h = at().h.data();
            const float* const s = fields.last(size()).data();
            T* const to = trial().h.data();
            const double unit = now_.residual_norm;
            group_.for_each(size(), [=](std::size_t i) {
                to[i] = h[i] + static_cast<T>(unit * static_cast<double>(s[i]));
            });
            if (project(trial().h)) {
                // The products of the whole step do not serve the part that is left of it.
                float* const direction = direction_.data();
                group_.for_each(size(), [=](std::size_t i) {
                    direction[i] = static_cast<float>(static_cast<double>(to[i] - h[i]) / unit);
                });
                return wait(Request::forward, Stage::truncated);
            }
            now_.predicted = step.decrease;
            now_.step_norm = step.norm * now_.residual_norm;
            if (!try_step(fields.first(product_.size()))) {
                return;
            }
        }
    }

    /// The products of a step cut at the box's face have come.
    NULLCLINE_DEVICE void try_truncated() {
        const std::span<const float> s = direction_;
        const std::span<const float> products = product_;
        finish_jvp(group_, jacobian(), products, s, change_);
        const std::span<float> fields = model_.room_for_fields();
        copy(group_, products, fields.first(products.size()));
        copy(group_, s, fields.last(size()));
        now_.predicted = model_.decrease(fields, change_);
        now_.step_norm = static_cast<double>(norm(group_, s)) * now_.residual_norm;
        if (try_step(products)) {
            try_steps();
        }
    }

    /// Go to the trial if that keeps what the model promises; true if a shorter step is to be tried
    /// at once.
    NULLCLINE_DEVICE bool try_step(std::span<const float> step_products) {
        if (now_.predicted < tuning.exact_below * now_.step_norm / now_.residual_norm) {
            if (now_.fresh) {
                request_products(trial().h, Stage::probe);
            } else {  // both ends of the step are to be measured alike
                refresh();
            }
            return false;
        }
        add_products(step_products, program_.equation.n_gated(), step_products.size());
        if (is_gated()) {  // what it sees at the trial is known now
            const auto tried = trial();
            compute_gated_input(tried.h, tried.products, tried.gated_input);
            request_gated_change(at().gated_input, tried.gated_input, now_.residual_norm);
            now_.stage = Stage::settle;
            return false;
        }
        return evaluate_trial();
    }

    /// The trial's products `first` to `last`, from those of the step to it.
    NULLCLINE_DEVICE void add_products(std::span<const float> step_products, std::size_t first,
                                       std::size_t last) {
        const T* const before = at().products.data() + first;
        const float* const step = step_products.data() + first;
        T* const after = trial().products.data() + first;
        const double unit = now_.residual_norm;
        group_.for_each(last - first, [=](std::size_t i) {
            after[i] = before[i] + static_cast<T>(unit * static_cast<double>(step[i]));
        });
    }

    /// The gated block's products of a step have come.
    NULLCLINE_DEVICE void settle() {
        add_products(product_, 0, program_.equation.n_gated());
        if (evaluate_trial()) {
            try_steps();
        }
    }

    /// The trial's products are there, by those of a step.
    NULLCLINE_DEVICE bool evaluate_trial() {
        const auto tried = trial();
        program_.equation.linearize(group_, tried.h, tried.products, drive_, tried.out());
        return conclude(static_cast<double>(norm(group_, tried.residual)), false);
    }

    /// The products of a trial in full have come.
    NULLCLINE_DEVICE void probe() {
        if (conclude(linearize(trial()), true)) {
            try_steps();
        }
    }

    /// See what the step to the trial has gained, where ‖f‖ is `length`.
    NULLCLINE_DEVICE bool conclude(double residual_norm, bool exact) {
        ++now_.iterations;
        const double ratio = residual_norm / now_.residual_norm;
        const double agreement = (1 - ratio) * (1 + ratio) / 2 / now_.predicted;
        if (now_.predicted > 0 && agreement > acceptable_agreement) {
            if (agreement < poor_agreement) {
                now_.radius = now_.step_norm / 2;
            } else if (agreement > good_agreement) {
                now_.radius = std::max(now_.radius, 2 * now_.step_norm);
            }
            now_.side = !now_.side;
            now_.residual_norm = residual_norm;
            now_.last_gain = agreement * now_.predicted;
            now_.fresh = exact;
            if (exact) {
                now_.fresh_residual_norm = residual_norm;
            }
            begin();
            return false;
        }
        now_.radius = now_.step_norm * (agreement > 0 ? 0.5 : 0.25);
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
            finish(Termination::limit);
            return false;
        }
        return true;
    }

    /// The trust region's radius at first: half the diagonal of a cube (−1, 1)^H.
    [[nodiscard]] NULLCLINE_DEVICE double first_radius() const {
        return std::sqrt(static_cast<double>(size()));
    }

    static constexpr double smallest_radius =
        static_cast<double>(std::numeric_limits<T>::epsilon());
    /// Actual over predicted decrease.
    static constexpr double acceptable_agreement = 1e-4;
    static constexpr double poor_agreement = 0.25;
    static constexpr double good_agreement = 0.75;
    /// Below this part of ‖f‖² a decrease drowns in rounding.
    static constexpr double smallest_gain =
        16 * static_cast<double>(std::numeric_limits<T>::epsilon());

    std::span<float> direction_, product_, scaled_, gradient_;
    std::span<float> scales_, identity_, gate_, free_, residual_, change_;
    SubspaceModel<Group> model_;
};

}  // namespace nullcline
