// The fixed-point homotopy: a path from any start to a zero of the residual, with probability one.
//
// The path is {(h, λ) : ρ(h, λ) = h − (1 − λ) a − λ n(h) = 0}, from the start a at λ = 0, where
// f(h) = n(h) − h is the residual. A map n of a box into itself keeps it in that box, and for all
// starts a but a set of measure zero it is a smooth curve that neither branches nor ends before
// λ = 1, where n(h) = h (Chow, Mallet-Paret and Yorke, Math. Comp. 32, 1978). λ need not grow along
// it. It is followed by pseudo-arclength (Watson, Billups and Morgan, ACM Trans. Math. Softw. 13,
// 1987; Allgower and Georg, Introduction to Numerical Continuation Methods, 2003, chapter 6).
//
// A slot goes through these stages. Each is named as the function that carries it out.
//
//   stage           waits for  does                                       goes to
//   --------------  ---------  -----------------------------------------  -----------------
//   evaluate_point  exact      f and J at a point of the path             take_tangent
//   take_tangent    solve      the tangent there; accepts the point and   evaluate_trial or
//                              predicts the next, or goes back            return_to_point
//   evaluate_trial  exact      ρ at the trial, or all that a point has,   correct or
//                              beyond a kink                              take_tangent
//   correct         solve      moves the trial to the path                evaluate_trial,
//                                                                         evaluate_point,
//                                                                         evaluate_end or a
//                                                                         shorter prediction
//   return_to_point solve      has the factors again of the last point    evaluate_trial
//   evaluate_end    exact      f and J at λ = 1                           take_end
//   take_end        solve      Newton's step there                        evaluate_end
//
// One factorization serves a point: that of its tangent also corrects the trials from there, with a
// residual of their own.
//
// Two tests keep it from another branch of the path, or from turning back on its own. Corrections
// must shrink fast and tangents turn little from point to point. And the determinant of ρ's
// derivative, bordered by the tangent, keeps its sign all along a path. At λ = 0 it is positive; so
// det(I − Dn) is positive where the path first comes to λ = 1: it ends at zeros of index +1.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// The program (see batching/program.hpp), for backends that follow paths. Every solve counts as an
/// iteration.
template <Equation E>
struct Homotopy {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::solve};
    static constexpr Factors factors = Factors::bordered;

    E equation;

    [[nodiscard]] constexpr const E& served() const { return equation; }

    enum class Stage : std::uint8_t {
        evaluate_point,
        take_tangent,
        evaluate_trial,
        correct,
        return_to_point,
        evaluate_end,
        take_end,
    };

    struct Scalars {
        Request request = Request::none;
        Stage stage = Stage::evaluate_point;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        bool side = false;
        bool is_nudged = false;       // the start was moved
        bool is_crossing = false;     // the trial becomes a point as it is, beyond a kink
        std::size_t n_crossings = 0;  // since the last step of some length
        bool is_landing = false;      // the trial stays at λ = 1
        double lambda = 0;            // at the point
        double trial_lambda = 0;
        double tangent_lambda = 0;  // the tangent's last number
        double length = 0;          // of the step that is tried
        double correction = 0;      // the last one's norm
        double contraction = 0;     // the second correction's norm, in units of the first's
        std::size_t n_corrections = 0;
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : operands(arena, shape, requests),
              solve(arena, shape),
              scalars(arena.matrix<Scalars>(shape.rows, 1)),
              states(arena, shape),
              drives(arena.matrix<T>(shape.rows, shape.drive_size)),
              origins(arena.matrix<T>(shape.rows, shape.size())),
              tangents(arena.matrix<T>(shape.rows, shape.size())) {}

        Operands<T> operands;
        BorderedOperands<T> solve;
        MatrixView<Scalars> scalars;
        StatePair<T> states;
        MatrixView<T> drives, origins, tangents;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class Homotopy<E>::Slot {
  public:
    Slot(const Group& group, const Homotopy& program, const Memory& memory, std::size_t row,
         const Search& search, Workspace&)
        : slot_(group, program, memory, row, search),
          origin_(memory.origins.row(row)),
          tangent_(memory.tangents.row(row)),
          step_(memory.solve.step.row(row)) {}

    void take(std::size_t start) {
        slot_.load(start, origin_);
        slot_.now.is_nudged = false;
        begin();
    }

    void advance() {
        if (slot_.request_second_half_of_exact({})) {
            return;
        }
        switch (slot_.now.stage) {
            case Stage::evaluate_point:
                return evaluate_point();
            case Stage::take_tangent:
                return take_tangent();
            case Stage::evaluate_trial:
                return evaluate_trial();
            case Stage::correct:
                return correct();
            case Stage::return_to_point:
                return return_to_point();
            case Stage::evaluate_end:
                return evaluate_end();
            case Stage::take_end:
                return take_end();
        }
    }

    [[nodiscard]] Request request() const { return slot_.now.request; }
    void store() { slot_.store(); }

  private:
    void begin() {
        auto& now = slot_.now;
        copy(slot_.group, std::span<const T>(origin_), slot_.at().h);
        copy(slot_.group, std::span<const T>(origin_), slot_.trial().h);
        fill(slot_.group, tangent_, T{0});
        now.lambda = now.trial_lambda = 0;
        now.tangent_lambda = 1;
        now.length = tuning.first_path_step;
        now.is_landing = now.is_crossing = false;
        now.n_corrections = now.n_crossings = 0;
        slot_.request_products(slot_.trial().h, Stage::evaluate_point);
    }

    /// Whether the slot is still at its start, whose tangent is the first.
    [[nodiscard]] bool is_at_start() const { return slot_.now.trial_lambda == 0; }

    /// A point's tangent t solves ρ' t = 0, and has the product 1 with the one before it.
    void evaluate_point() {
        const double residual_norm = slot_.linearize(slot_.trial());
        if (is_at_start()) {
            if (!std::isfinite(residual_norm)) {
                return slot_.finish(slot_.trial(), Termination::not_finite);
            }
            if (slot_.at_zero(slot_.trial())) {
                return slot_.finish(slot_.trial(), Termination::zero);
            }
        }
        request_tangent(slot_.trial(), slot_.now.trial_lambda, Stage::take_tangent);
    }

    /// Request the factors of ρ' at a point, bordered by the last tangent, and the tangent there.
    void request_tangent(const StateRow<T>& state, double lambda, Stage stage) {
        const auto normal = slot_.memory.solve.normal.row(slot_.row);
        copy(slot_.group, std::span<const T>(tangent_), normal.first(tangent_.size()));
        normal.back() = static_cast<T>(slot_.now.tangent_lambda);
        fill(slot_.group, step_, T{0});
        slot_.memory.solve.last(slot_.row, 0) = 1;
        request_factors(state, lambda, stage);
    }

    /// Request the factors of ρ' at a point and a step, whose right-hand side is there.
    void request_factors(const StateRow<T>& state, double lambda, Stage stage) {
        const auto& solve = slot_.memory.solve;
        const std::size_t row = slot_.row;
        const auto of_start = static_cast<T>(1 - lambda);
        const auto of_map = static_cast<T>(lambda);
        // ρ' by h is (1 − λ) I − λ J with J = Σ_k diag(c_k) W_k − diag(d).
        slot_.copy_jacobian(state, solve.jacobian(row));
        scale(solve.scales.row(row), -of_map, T{0});
        scale(solve.identity.row(row), -of_map, -of_start);
        const T* const a = origin_.data();
        const T* const h = state.h.data();
        const T* const f = state.residual.data();
        T* const column = solve.column.row(row).data();
        slot_.group.for_each(step_.size(), [=](std::size_t i) { column[i] = a[i] - h[i] - f[i]; });
        solve.changed(row, 0) = 1;
        // The products of a map are made with its Jacobian at this state.
        copy(slot_.group, std::span<const T>(state.h), slot_.memory.operands.exact.row(row));
        request_solve(stage);
    }

    void scale(std::span<T> values, T factor, T shift) const {
        T* const value = values.data();
        slot_.group.for_each(values.size(),
                             [=](std::size_t i) { value[i] = factor * value[i] + shift; });
    }

    void request_solve(Stage stage) {
        if (slot_.now.iterations >= slot_.now.limit) {
            return slot_.finish(is_at_start() ? slot_.trial() : slot_.at(), Termination::limit);
        }
        ++slot_.now.iterations;
        slot_.wait_for(Request::solve, stage);
    }

    [[nodiscard]] bool is_solved() const { return slot_.memory.solve.solved(slot_.row, 0) != 0; }
    [[nodiscard]] double last() const {
        return static_cast<double>(slot_.memory.solve.last(slot_.row, 0));
    }
    [[nodiscard]] double step_norm() const {
        return std::hypot(static_cast<double>(norm(slot_.group, std::span<const T>(step_))),
                          last());
    }

    void take_tangent() {
        auto& now = slot_.now;
        const double size = step_norm();
        const double turn = std::acos(std::min(1 / size, 1.0));  // the product of both is 1
        const T sign = slot_.memory.solve.sign(slot_.row, 0);
        const bool goes_on = sign > 0 && (turn <= tuning.largest_turn || is_at_start());
        if (!is_solved() || !(goes_on || now.is_crossing)) {
            return go_back();
        }
        const T* const step = step_.data();
        T* const tangent = tangent_.data();
        const T factor = sign / static_cast<T>(size);
        slot_.group.for_each(step_.size(), [=](std::size_t i) { tangent[i] = factor * step[i]; });
        now.tangent_lambda = static_cast<double>(factor) * last();
        now.lambda = now.trial_lambda;
        now.side = !now.side;
        if (now.is_crossing) {
            now.is_crossing = false;
            now.length = 16 * shortest;
        } else if (!is_at_start()) {
            if (now.length > 1000 * shortest) {
                now.n_crossings = 0;
            }
            const double growth = std::max(2 * turn / tuning.largest_turn,
                                           now.contraction / tuning.wanted_contraction);
            now.length *= std::clamp(1 / growth, 0.5, 2.0);
        }
        predict();
    }

    /// Go back to the last point, for a shorter step from there.
    void go_back() {
        if (is_at_start()) {
            return lose();
        }
        slot_.now.is_crossing = false;
        request_tangent(slot_.at(), slot_.now.lambda, Stage::return_to_point);
    }
    void return_to_point() { is_solved() ? shorten() : lose(); }

    /// Begin again from beside the start, which may be one of those few whose paths branch, as
    /// those do that share a network's symmetry; and if that was done before, give up.
    void lose() {
        if (slot_.now.is_nudged) {
            return slot_.finish(Termination::lost);
        }
        slot_.now.is_nudged = true;
        nudge(slot_.group, origin_);
        slot_.project(origin_);
        begin();
    }

    /// Predict the next point from the last one.
    void predict() {
        auto& now = slot_.now;
        const double to_end = (1 - now.lambda) / now.tangent_lambda;
        now.is_landing = !now.is_crossing && now.tangent_lambda > 0 && to_end <= now.length;
        const double length = now.is_landing ? to_end : now.length;
        now.trial_lambda = now.is_landing ? 1 : now.lambda + length * now.tangent_lambda;
        now.n_corrections = 0;
        now.contraction = 0;
        const T* const h = slot_.at().h.data();
        const T* const tangent = tangent_.data();
        T* const to = slot_.trial().h.data();
        const auto way = static_cast<T>(length);
        slot_.group.for_each(step_.size(), [=](std::size_t i) { to[i] = h[i] + way * tangent[i]; });
        slot_.request_products(slot_.trial().h, Stage::evaluate_trial);
    }

    void shorten() {
        slot_.now.length /= 2;
        if (!(slot_.now.length > shortest) && !cross_kink()) {
            return lose();
        }
        predict();
    }

    /// Where no step is short enough, n has a kink, as hard tanh and ReLU have them. Beyond it the
    /// path goes on in the direction by which the determinant keeps its sign, maybe a sharp bend
    /// from the last one. False after some crossings that led nowhere: a path that branches.
    [[nodiscard]] bool cross_kink() {
        constexpr std::size_t most = 8;
        auto& now = slot_.now;
        now.is_crossing = ++now.n_crossings <= most;
        now.length = 4 * shortest;  // longer than the last one that failed
        return now.is_crossing;
    }

    void evaluate_trial() {
        if (slot_.now.is_crossing) {
            return evaluate_point();
        }
        slot_.linearize(slot_.trial());
        const T* const a = origin_.data();
        const T* const h = slot_.trial().h.data();
        const T* const f = slot_.trial().residual.data();
        T* const right = step_.data();
        const auto of_map = static_cast<T>(slot_.now.trial_lambda);
        slot_.group.for_each(step_.size(), [=](std::size_t i) {
            right[i] = of_map * f[i] - (1 - of_map) * (h[i] - a[i]);  // −ρ
        });
        slot_.memory.solve.last(slot_.row, 0) = 0;
        slot_.memory.solve.changed(slot_.row, 0) = 0;
        request_solve(Stage::correct);
    }

    /// Move the trial by a step across the path, or, in landing, at λ = 1.
    void correct() {
        auto& now = slot_.now;
        // The tangent t is in the kernel of ρ' at the point: any part of it may be taken off.
        const double along = now.is_landing
                                 ? last() / now.tangent_lambda
                                 : static_cast<double>(slot_.group.dot(
                                       std::span<const T>(step_), std::span<const T>(tangent_))) +
                                       last() * now.tangent_lambda;
        const T* const tangent = tangent_.data();
        T* const step = step_.data();
        T* const h = slot_.trial().h.data();
        const auto part = static_cast<T>(along);
        slot_.group.for_each(step_.size(), [=](std::size_t i) {
            step[i] -= part * tangent[i];
            h[i] += step[i];
        });
        slot_.memory.solve.last(slot_.row, 0) =
            now.is_landing ? T{0} : static_cast<T>(last() - along * now.tangent_lambda);
        now.trial_lambda += last();
        judge(step_norm());
    }

    /// Go on from a trial that was corrected by a step of this size.
    void judge(double size) {
        auto& now = slot_.now;
        const double ratio = now.n_corrections == 0 ? 0 : size / now.correction;
        now.contraction = std::max(now.contraction, ratio);
        now.correction = size;
        ++now.n_corrections;
        if (!(size <= tuning.largest_correction * now.length) ||
            now.contraction > tuning.largest_contraction) {
            return shorten();
        }
        if (!(size <= tolerance())) {
            return slot_.request_products(slot_.trial().h, Stage::evaluate_trial);
        }
        if (now.is_landing) {
            now.correction = std::numeric_limits<double>::infinity();
            return slot_.request_products(slot_.trial().h, Stage::evaluate_end);
        }
        if (!(now.trial_lambda > 0 && now.trial_lambda < 1)) {
            return shorten();
        }
        slot_.request_products(slot_.trial().h, Stage::evaluate_point);
    }

    /// Finish at a zero, or request Newton's step at λ = 1 as long as such become much smaller.
    void evaluate_end() {
        const auto end = slot_.trial();
        slot_.linearize(end);
        if (slot_.at_zero(end)) {
            return slot_.finish(end, Termination::zero);
        }
        if (slot_.now.iterations >= slot_.now.limit) {
            return slot_.finish(end, Termination::limit);
        }
        copy(slot_.group, std::span<const T>(end.residual), step_);
        const auto normal = slot_.memory.solve.normal.row(slot_.row);
        fill(slot_.group, normal, T{0});
        normal.back() = 1;
        slot_.memory.solve.last(slot_.row, 0) = 0;
        request_factors(end, 1, Stage::take_end);
    }

    void take_end() {
        auto& now = slot_.now;
        const double size = step_norm();
        if (!is_solved() || !(size <= tuning.largest_contraction * now.correction)) {
            return slot_.finish(slot_.trial(), slot_.stalled_or_near_zero(slot_.trial()));
        }
        now.correction = size;
        const T* const step = step_.data();
        T* const h = slot_.trial().h.data();
        slot_.group.for_each(step_.size(), [=](std::size_t i) { h[i] += step[i]; });
        slot_.project(slot_.trial().h);
        slot_.request_products(slot_.trial().h, Stage::evaluate_end);
    }

    /// The last correction at a point.
    [[nodiscard]] double tolerance() const {
        return slot_.now.is_landing
                   ? near_zero
                   : std::max(least_correction, tuning.path_tolerance * slot_.now.length);
    }

    /// The last correction at λ = 1: from there Newton's method converges.
    static constexpr double near_zero = std::is_same_v<T, float> ? 1e-4 : 1e-6;
    /// A correction that is large beside rounding, and small beside all else.
    static constexpr double least_correction = std::is_same_v<T, float> ? 1e-5 : 1e-12;
    /// The shortest step.
    static constexpr double shortest = std::is_same_v<T, float> ? 1e-4 : 1e-8;

    SlotContext<Homotopy, Group, Search> slot_;
    std::span<T> origin_, tangent_, step_;
};

static_assert(Program<Homotopy<CellEquation<double>>>);
static_assert(Program<Homotopy<CellEquation<float>>>);

}  // namespace nullcline
