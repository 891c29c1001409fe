// Newton's method on ‖f‖² / 2 for many starts at once, by trust regions in growing subspaces.
//
// At a state, a subspace grows by one direction at a time: the preconditioned gradient of the model
// ‖f + J s‖² / 2 at its minimizer within the trust region, as it stands in the subspace so far (the
// generalized Davidson method; without a preconditioner, the Krylov subspace of conjugate
// gradients). Growing it takes J v and Jᵀ u, one product each with fixed matrices. When more
// directions would help little, the model's minimizer is the trial step. Close to a minimum of ‖f‖,
// where steps gain little, the model has the curvature Σ f_i ∂²f_i that the Gauss–Newton model
// leaves out: exact, and O(H) per pair of directions. (Far from one, steps without it lead to zeros
// more often.)
//
// Three things come of this. Where the residual vanishes and where it does not, at ghosts, the
// method converges like Newton's. A step that is rejected costs no product with a matrix: the next
// one is found in the same subspace. And memory is that of the subspaces: no Jacobian is formed.
//
// The products run in single precision while the answers are exact in double: a direction need
// not be exact, the residual is; the products W h that it is made from are updated by the step's
// W s, which is small, and computed anew in full precision before a state is called a zero.
//
// A slot goes through these stages. Each is named as the function that carries it out.
//
//   stage                   waits for      does                                  goes to
//   ----------------------  -------------  ------------------------------------ -------------------
//   evaluate_state          exact          f and J, from products in full        start_subspace
//   start_subspace          backward       Jᵀf, the model's gradient at s = 0    make_direction
//   make_direction          precondition   a new direction v, orthogonal to the  expand_subspace
//                                          others
//   expand_subspace         forward        J v; the model's minimizer s in the test_model_gradient
//                                          larger subspace                       or a trial
//   test_model_gradient     backward       the model's gradient at s             make_direction
//                                                                                or a trial
//   predict_truncated_step  forward        what the model predicts of a step     a trial
//                                          that a face of the box has cut
//   complete_trial          forward_gated  f and J at h + s, from products of    acceptance
//                                          the step s
//   evaluate_trial          exact          f and J at h + s, from products in    acceptance
//                                          full
//
// Any of the first five may end the iteration. A trial goes to predict_truncated_step where a face
// cuts its step, to evaluate_trial where it gains too little for products in single precision, and
// to complete_trial where a block of weights is gated; else acceptance follows at once. An accepted
// step leads to start_subspace (or to evaluate_state, where its products are stale), a rejected one
// to a trial of a shorter step in the same subspace.
//
// Batch invariance: nothing but the matrix products involves more than one row of a tile.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/trust_region.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/krylov_newton_memory.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/step_control.hpp"
#include "nullcline/solvers/subspace_model.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// The program (see batching/program.hpp).
template <Equation E>
struct KrylovNewton {
    using T = typename E::Scalar;
    using Workspace = SubspaceWorkspace;
    using Stage = KrylovNewtonStage;
    using Scalars = KrylovNewtonScalars<T>;
    static constexpr RequestSet requests{Request::exact, Request::forward, Request::backward,
                                         Request::precondition};
    static constexpr Factors factors = Factors::none;

    E equation;
    bool has_inverse;      ///< whether all starts share one; else each state's diagonal serves
    std::size_t patience;  ///< iterations after which another solver is to take over
    double affordable;     ///< directions an iteration, beyond which another one is to take over

    [[nodiscard]] constexpr const E& served() const { return equation; }

    struct Memory : KrylovNewtonMemory<T> {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : KrylovNewtonMemory<T>(arena, shape, requests, E::has_linear_products) {}
    };

    /// Whether a slot has come to a state, whose model it starts.
    [[nodiscard]] static constexpr bool starts_model(const Scalars& scalars) {
        return scalars.stage == Stage::start_subspace;
    }

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class KrylovNewton<E>::Slot {
  public:
    NULLCLINE_DEVICE Slot(const Group& group, const KrylovNewton& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace& work)
        : slot_(group, program, memory, row, search),
          direction_(memory.operands.direction.row(row)),
          product_(memory.operands.product.row(row)),
          scaled_(memory.operands.scaled.row(row)),
          gradient_(memory.operands.gradient.row(row)),
          jacobian_(memory.jacobians.row(row)),
          free_(memory.free.row(row)),
          residual_(memory.residuals.row(row)),
          change_(memory.changes.row(row)),
          model_(group, memory.models, row, slot_.now.model, work) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        slot_.load(start, slot_.at().h);
        slot_.now.limit = std::min(slot_.now.limit, slot_.program.patience);
        slot_.now.steps.region.radius = first_radius();
        slot_.now.shift = tuning.first_shift;
        slot_.now.last_reduction = none_yet;
        slot_.now.directions = 0;
        slot_.now.model = {};
        request_state();
    }

    NULLCLINE_DEVICE void advance() {
        if (slot_.request_second_half_of_exact({}) ||
            slot_.request_second_half_of_forward(jacobian_.gate) ||
            slot_.request_second_half_of_backward(jacobian_.gate)) {
            return;
        }
        switch (slot_.now.stage) {
            case Stage::evaluate_state:
                return evaluate_state();
            case Stage::start_subspace:
                return start_subspace();
            case Stage::make_direction:
                return make_direction(slot_.memory.operands.preconditioned.row(slot_.row));
            case Stage::expand_subspace:
                return expand_subspace();
            case Stage::test_model_gradient:
                return test_model_gradient();
            case Stage::predict_truncated_step:
                return predict_truncated_step();
            case Stage::complete_trial:
                return complete_trial();
            case Stage::evaluate_trial:
                return evaluate_trial();
        }
    }

    [[nodiscard]] NULLCLINE_DEVICE Request request() const { return slot_.now.request; }
    NULLCLINE_DEVICE void store() { slot_.store(); }

  private:
    /// Whether to try a shorter step at once, after a trial was rejected. `no` where the slot has
    /// gone to another state, waits for a product, or has finished.
    enum class Retry : std::uint8_t { no, shorter };

    /// The last step's reduction before there is one: more than any can be.
    static constexpr double none_yet = 1;

    [[nodiscard]] NULLCLINE_DEVICE JacobianView<float> jacobian() const { return jacobian_.view(); }
    [[nodiscard]] NULLCLINE_DEVICE std::size_t size() const { return free_.size(); }

    /// The trust region's radius at first: half the diagonal of a cube (−1, 1)^H.
    [[nodiscard]] NULLCLINE_DEVICE double first_radius() const {
        return std::sqrt(static_cast<double>(size()));
    }

    NULLCLINE_DEVICE_CALL void finish(Termination termination) {
        slot_.finish(termination);
        slot_.clear_operands();
    }

    // The state, and the model there.

    NULLCLINE_DEVICE_CALL void request_state() {
        slot_.request_products(slot_.at().h, Stage::evaluate_state);
    }

    NULLCLINE_DEVICE void evaluate_state() {
        slot_.now.residual_norm = slot_.linearize(slot_.at());
        slot_.now.has_exact_products = true;
        slot_.now.exact_residual_norm = slot_.now.residual_norm;
        test_state();
    }

    /// Stop at a state that is linearized, or request its gradient.
    NULLCLINE_DEVICE_CALL void test_state() {
        auto& now = slot_.now;
        if (!std::isfinite(now.residual_norm)) {
            return finish(Termination::not_finite);
        }
        if (now.residual_norm < tuning.stale_below * now.exact_residual_norm) {
            return request_state();
        }
        const auto state = slot_.at();
        if (now.has_exact_products && slot_.at_zero(state)) {
            return finish(Termination::zero);
        }
        if (now.iterations >= now.limit) {
            return finish(Termination::limit);
        }
        now.jacobian_scale = slot_.jacobian_scale(state);
        slot_.copy_jacobian(state, jacobian_);
        set_residual();
        begin_vjp(slot_.group, jacobian(), std::span<const float>(residual_), scaled_);
        slot_.wait_for(Request::backward, Stage::start_subspace);
    }

    /// Set the residual to f, scaled to norm 1.
    NULLCLINE_DEVICE void set_residual() {
        const double norm = slot_.now.residual_norm;
        const double scale = norm > 0 ? 1 / norm : 0;
        const T* const f = slot_.at().residual.data();
        float* const to = residual_.data();
        slot_.group.for_each(size(), [=](std::size_t i) {
            to[i] = static_cast<float>(static_cast<double>(f[i]) * scale);
        });
    }

    NULLCLINE_DEVICE void start_subspace() {
        auto& now = slot_.now;
        now.directions += now.model.grown;
        const auto state = slot_.at();
        finish_vjp(slot_.group, jacobian(), std::span<const float>(residual_), gradient_);
        model_.start(gradient_);
        slot_.project_gradient(state.h, gradient_, free_);
        now.gradient_norm = static_cast<double>(norm(slot_.group, gradient_));
        if (is_stationary<T>(now.gradient_norm * now.residual_norm, now.jacobian_scale,
                             now.residual_norm)) {
            if (now.iterations > 0) {
                return finish(Termination::stationary);
            }
            ++now.iterations;
            nudge(slot_.group, state.h);
            slot_.project(state.h);
            return request_state();
        }
        now.model_reduction = 0;
        if (now.last_reduction < tuning.little_gain || is_nearly_stationary()) {
            const auto hessian = slot_.memory.hessians.row(slot_.row);
            slot_.program.equation.curvature(slot_.group, state.h, state.products, slot_.drive,
                                             state.residual, gated_input_weights(), hessian);
            model_.set_curvature(hessian);
        }
        request_direction();
    }

    /// Whether a minimum is near. The scale of a function's Jacobian is not known.
    [[nodiscard]] NULLCLINE_DEVICE bool is_nearly_stationary() const {
        return E::has_linear_products &&
               slot_.now.gradient_norm < tuning.nearly_stationary * slot_.now.jacobian_scale;
    }

    /// The weights of the gated block's input in the curvature, W_0ᵀ (c_0 ∘ f): the first half of
    /// the gradient's product.
    [[nodiscard]] NULLCLINE_DEVICE std::span<const T> gated_input_weights() const {
        const auto& operands = slot_.memory.operands;
        const std::span<T> weights = operands.exact_gated_input.row(slot_.row);
        const float* const from = operands.gated_input_gradient.row(slot_.row).data();
        T* const to = weights.data();
        const double unit = slot_.now.residual_norm;
        slot_.group.for_each(weights.size(), [=](std::size_t i) {
            to[i] = static_cast<T>(unit * static_cast<double>(from[i]));
        });
        return weights;
    }

    // The subspace.

    /// Precondition the gradient of the model.
    NULLCLINE_DEVICE_CALL void request_direction() {
        if (slot_.program.has_inverse) {
            return slot_.wait_for(Request::precondition, Stage::make_direction);
        }
        const auto mu =
            static_cast<float>(std::max(slot_.now.shift, double{tuning.smallest_shift}));
        const std::size_t units = slot_.units();
        // JᵀJ + μI if J were −diag(d), which no weights enter.
        for (std::size_t first = 0; first < size(); first += units) {
            const float* const from = gradient_.data() + first;
            const float* const root = jacobian().diagonal(size(), first / units).data();
            float* const to = direction_.data() + first;
            slot_.group.for_each(
                units, [=](std::size_t i) { to[i] = from[i] / (root[i] * root[i] + mu); });
        }
        make_direction(direction_);
    }

    NULLCLINE_DEVICE void make_direction(std::span<const float> preconditioned) {
        const float* const from = preconditioned.data();
        const float* const free = free_.data();
        float* const to = direction_.data();
        slot_.group.for_each(size(), [=](std::size_t i) { to[i] = from[i] * free[i]; });
        if (model_.orthonormalize(direction_)) {
            slot_.wait_for(Request::forward, Stage::expand_subspace);
        } else if (slot_.now.model.dimension > 0) {  // the subspace is complete
            try_steps();
        } else {
            finish(Termination::stalled);
        }
    }

    /// Whether a subspace of `n` directions is worth what it costs: not where another solver would
    /// have cost less over all iterations so far and a few more.
    [[nodiscard]] NULLCLINE_DEVICE bool can_afford(std::size_t n) const {
        const auto& now = slot_.now;
        const double spare = converges() ? tuning.spare_when_converging : tuning.spare_iterations;
        return static_cast<double>(now.directions + n) <=
               slot_.program.affordable * (static_cast<double>(now.iterations) + spare);
    }

    /// Whether the last step gained most of what a step can, half of ‖f‖²: there are few more.
    [[nodiscard]] NULLCLINE_DEVICE bool converges() const {
        return slot_.now.last_reduction > tuning.good_gain && slot_.now.last_reduction < none_yet;
    }

    NULLCLINE_DEVICE void expand_subspace() {
        auto& now = slot_.now;
        const std::span<const float> direction = direction_;
        const std::span<const float> products = product_;
        finish_jvp(slot_.group, jacobian(), products, direction, change_);
        model_.add(direction, products_in_fields(), change_);
        const ModelStep step = model_.minimize(now.steps.region.radius / now.residual_norm);
        if (!step.found) {
            return finish(Termination::stalled);
        }
        const double gain = step.decrease - now.model_reduction;
        now.model_reduction = step.decrease;
        const std::size_t n = now.model.grown;
        // Nash and Sofer (Operations Research Letters 9, 1990): enough when a direction's gain is a
        // small part of the average one.
        if (!can_afford(n)) {
            now.limit = now.iterations;  // another solver goes on from the step that this one has
            return try_steps();
        }
        if (n == tuning.most_products ||
            !(static_cast<double>(n) * gain > tuning.gain_forcing * step.decrease)) {
            return try_steps();
        }
        now.shift = step.multiplier;
        request_model_gradient();
        if (model_.full()) {
            model_.restart();
        }
    }

    /// Request the transposed product for the gradient of the model at its minimizer.
    NULLCLINE_DEVICE void request_model_gradient() {
        set_residual();
        model_.add_change(residual_);
        begin_vjp(slot_.group, jacobian(), std::span<const float>(residual_), scaled_);
        if (E::has_linear_products && slot_.now.model.curved) {
            add(model_.curvature_product(model_.solution_fields()).first(scaled_.size()), scaled_);
        }
        slot_.wait_for(Request::backward, Stage::test_model_gradient);
    }

    /// A direction's products as they enter the fields of a step: with the weights, or where they
    /// tell nothing of a trial, with the second derivatives.
    [[nodiscard]] NULLCLINE_DEVICE std::span<const float> products_in_fields() const {
        return E::has_linear_products ? product_ : slot_.memory.curved_products.row(slot_.row);
    }

    /// y += x
    NULLCLINE_DEVICE void add(std::span<const float> x, std::span<float> y) const {
        const float* const from = x.data();
        float* const to = y.data();
        slot_.group.for_each(x.size(), [=](std::size_t i) { to[i] += from[i]; });
    }

    NULLCLINE_DEVICE void test_model_gradient() {
        const auto& now = slot_.now;
        const E& solved = slot_.program.equation;
        finish_vjp(slot_.group, jacobian(), std::span<const float>(residual_), gradient_);
        if (!E::has_linear_products) {
            if (now.model.curved) {
                add(model_.curvature_product(model_.solution_fields()), gradient_);
            }
        } else if (now.model.curved && solved.curved_fields() > solved.blocks()) {
            add(model_.curvature_product(model_.solution_fields()).subspan(scaled_.size()),
                gradient_);
        }
        const float* const free = free_.data();
        float* const gradient = gradient_.data();
        slot_.group.for_each(size(), [=](std::size_t i) { gradient[i] *= free[i]; });
        // Within the subspace the gradient is −μ s, as it is at a minimizer.
        const std::span<const float> read_only = gradient_;
        const double square = static_cast<double>(slot_.group.dot(read_only, read_only)) -
                              now.shift * now.shift * model_.solution_square();
        const double enough = tuning.gradient_forcing * now.gradient_norm;
        if (square <= enough * enough) {
            try_steps();
        } else {
            request_direction();
        }
    }

    // Trial steps.

    /// Try shorter and shorter steps within the subspace until one is accepted.
    NULLCLINE_DEVICE_CALL void try_steps() {
        while (true) {
            auto& now = slot_.now;
            const ModelStep step = model_.minimize(now.steps.region.radius / now.residual_norm);
            if (!step.found) {
                return finish(Termination::stalled);
            }
            const auto fields = model_.solution_fields();
            const T* const h = slot_.at().h.data();
            const float* const s = fields.last(size()).data();
            T* const to = slot_.trial().h.data();
            const double unit = now.residual_norm;
            slot_.group.for_each(size(), [=](std::size_t i) {
                to[i] = h[i] + static_cast<T>(unit * static_cast<double>(s[i]));
            });
            if (slot_.project(slot_.trial().h)) {
                // The products of the whole step do not serve the part that is left of it.
                float* const direction = direction_.data();
                slot_.group.for_each(size(), [=](std::size_t i) {
                    direction[i] = static_cast<float>(static_cast<double>(to[i] - h[i]) / unit);
                });
                return slot_.wait_for(Request::forward, Stage::predict_truncated_step);
            }
            now.steps.predicted = step.decrease;
            now.steps.region.step_norm = step.norm * now.residual_norm;
            if (start_trial(fields.first(product_.size())) == Retry::no) {
                return;
            }
        }
    }

    NULLCLINE_DEVICE void predict_truncated_step() {
        auto& now = slot_.now;
        const std::span<const float> s = direction_;
        const std::span<const float> products = product_;
        finish_jvp(slot_.group, jacobian(), products, s, change_);
        const std::span<float> fields = model_.step_fields_buffer();
        copy(slot_.group, products_in_fields(), fields.first(products.size()));
        copy(slot_.group, s, fields.last(size()));
        now.steps.predicted = model_.predicted_reduction(fields, change_);
        now.steps.region.step_norm = static_cast<double>(norm(slot_.group, s)) * now.residual_norm;
        go_on(start_trial(products));
    }

    /// Evaluate the trial by the products of the step to it, or request what that takes.
    NULLCLINE_DEVICE Retry start_trial(std::span<const float> step_products) {
        auto& now = slot_.now;
        if (!E::has_linear_products || now.steps.predicted < tuning.exact_below *
                                                                 now.steps.region.step_norm /
                                                                 now.residual_norm) {
            if (now.has_exact_products) {
                slot_.request_products(slot_.trial().h, Stage::evaluate_trial);
            } else {  // ‖f‖ must be computed alike before and after it
                request_state();
            }
            return Retry::no;
        }
        update_products(step_products, slot_.program.equation.n_gated(), step_products.size());
        if (slot_.is_gated()) {  // the gated block's input at the trial is known now
            const auto trial = slot_.trial();
            slot_.compute_gated_input(trial.h, trial.products, trial.gated_input);
            slot_.request_gated_change(slot_.at().gated_input, trial.gated_input,
                                       now.residual_norm);
            now.stage = Stage::complete_trial;
            return Retry::no;
        }
        return evaluate_updated_trial();
    }

    /// The trial's products `first` to `last`, from those of the step to it.
    NULLCLINE_DEVICE void update_products(std::span<const float> step_products, std::size_t first,
                                          std::size_t last) {
        const T* const before = slot_.at().products.data() + first;
        const float* const step = step_products.data() + first;
        T* const after = slot_.trial().products.data() + first;
        const double unit = slot_.now.residual_norm;
        slot_.group.for_each(last - first, [=](std::size_t i) {
            after[i] = before[i] + static_cast<T>(unit * static_cast<double>(step[i]));
        });
    }

    NULLCLINE_DEVICE void complete_trial() {
        update_products(product_, 0, slot_.program.equation.n_gated());
        go_on(evaluate_updated_trial());
    }

    NULLCLINE_DEVICE Retry evaluate_updated_trial() {
        return accept_or_reject(slot_.linearize_by_own_products(slot_.trial()), false);
    }

    NULLCLINE_DEVICE void evaluate_trial() {
        go_on(accept_or_reject(slot_.linearize(slot_.trial()), true));
    }

    NULLCLINE_DEVICE void go_on(Retry retry) {
        if (retry == Retry::shorter) {
            try_steps();
        }
    }

    /// Go to the trial, where ‖f‖ is `residual_norm`, or stay; `is_exact` says whether its products
    /// were made in full.
    NULLCLINE_DEVICE Retry accept_or_reject(double residual_norm, bool is_exact) {
        auto& now = slot_.now;
        const double reduction = actual_reduction(now.residual_norm, residual_norm);
        switch (now.steps.accept_or_reject(reduction, now.iterations, now.limit)) {
            case StepOutcome::accepted:
                slot_.go_to_trial(residual_norm);
                now.last_reduction = reduction;
                now.has_exact_products = is_exact;
                if (is_exact) {
                    now.exact_residual_norm = residual_norm;
                }
                test_state();
                return Retry::no;
            case StepOutcome::shorter:
                return Retry::shorter;
            case StepOutcome::exhausted:
                ++now.iterations;
                renew_model_or_give_up();
                return Retry::no;
            case StepOutcome::limit:
                finish(Termination::limit);
                return Retry::no;
        }
        return Retry::no;
    }

    /// No step of this model gains anything: give up, but not before the model with its curvature
    /// and exact products has failed as well.
    NULLCLINE_DEVICE void renew_model_or_give_up() {
        auto& now = slot_.now;
        if (now.has_exact_products && now.model.curved) {
            return finish(slot_.stalled_or_near_zero(slot_.at()));
        }
        now.last_reduction = 0;
        now.steps.region.radius = first_radius();
        request_state();
    }

    SlotContext<KrylovNewton, Group, Search> slot_;
    std::span<float> direction_, product_, scaled_, gradient_;
    SlotJacobian<float> jacobian_;
    std::span<float> free_, residual_, change_;
    SubspaceModel<Group, E::has_linear_products> model_;
};

static_assert(Program<KrylovNewton<CellEquation<double>>>);
static_assert(Program<KrylovNewton<CellEquation<float>>>);

}  // namespace nullcline
