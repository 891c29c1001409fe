// What a state is: fixed, slow or neither, by tests with a meaning.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/batching/operands.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/batching/program.hpp"
#include "nullcline/batching/requests.hpp"
#include "nullcline/batching/slot.hpp"
#include "nullcline/batching/states.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/numerics/arena.hpp"
#include "nullcline/numerics/host_device.hpp"
#include "nullcline/numerics/jacobian.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/parallel/thread_group.hpp"
#include "nullcline/solvers/stationary.hpp"

namespace nullcline {

/// The program that labels the states that starts have come to, in the precision of the cell, from
/// nothing but the state itself.
///
/// fixed: every unit's reduced residual is within its bound of rounding, and where a state has
/// another part than outputs, so is the update of that; and those bounds are small beside the
/// state. slow, or minimum where q > tol_slow: a local minimum of q over the box as far as first
/// derivatives tell, measured by ‖P Jᵀf‖ / (‖J‖ ‖f‖) with f = F(h) − h and P as in
/// `stationary_tolerance`, which is zero at such a minimum.
template <Equation E>
struct Classifier {
    using T = typename E::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::exact_transposed};
    static constexpr Factors factors = Factors::none;

    E reduced;
    E update;
    bool by_speed;  ///< the gradient method's own rule: q <= tol_slow makes any state slow

    [[nodiscard]] constexpr const E& served() const { return update; }

    struct Scalars {
        Request request = Request::none;
        std::size_t start = 0;
        double residual_norm = 0;  // ‖F(h) − h‖
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const TileShape& shape)
            : operands(arena, shape, requests),
              scalars(arena.matrix<Scalars>(shape.rows, 1)),
              update(arena, shape),
              reduced(arena, shape),
              drives(arena.matrix<T>(shape.rows, shape.drive_size)) {}

        Operands<T> operands;
        MatrixView<Scalars> scalars;
        StateMemory<T> update, reduced;
        MatrixView<T> drives;
    };

    template <class Group, class Search>
    class Slot;
};

/// A slot at work.
template <Equation E>
template <class Group, class Search>
class Classifier<E>::Slot {
  public:
    NULLCLINE_DEVICE Slot(const Group& group, const Classifier& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace&)
        : slot_(group, program, memory, row, search), at_(memory.update, row) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        slot_.now.start = start;
        slot_.search.load(slot_.group, start, at_.h, slot_.drive);
        slot_.request_products(at_.h);
    }

    NULLCLINE_DEVICE void advance() {
        if (slot_.request_second_half_of_exact(at_.gate)) {
            return;
        }
        full_request(slot_.now.request) == Request::exact ? test_for_zero() : test_for_minimum();
    }

    [[nodiscard]] NULLCLINE_DEVICE Request request() const { return slot_.now.request; }
    NULLCLINE_DEVICE void store() { slot_.store(); }

  private:
    [[nodiscard]] NULLCLINE_DEVICE double q() const {
        return slot_.now.residual_norm * slot_.now.residual_norm /
               static_cast<double>(at_.h.size());
    }

    NULLCLINE_DEVICE void label(Kind kind, Reason reason) {
        if (slot_.program.by_speed && kind == Kind::unconverged && reason != Reason::undecidable &&
            q() <= slot_.search.options.tol_slow) {
            kind = Kind::slow;
            reason = Reason::below_tolerance;
        }
        slot_.search.label(slot_.group, slot_.now.start, Label{kind, reason, q()});
        slot_.now.request = Request::none;
    }

    NULLCLINE_DEVICE void test_for_zero() {
        slot_.now.residual_norm = slot_.linearize(at_);
        if (!std::isfinite(q())) {
            return label(Kind::unconverged, Reason::not_finite);
        }
        linearize_reduced();
        if (at_clear_zero()) {
            return label(Kind::fixed, Reason::zero);
        }
        if (at_zero()) {
            return label(Kind::unconverged, Reason::undecidable);
        }
        begin_vjp(slot_.group, at_.jacobian(), std::span<const T>(at_.residual),
                  slot_.memory.operands.exact_scaled.row(slot_.row));
        slot_.wait_for(Request::exact_transposed);
    }

    /// The linearization of the reduced equation. It has fewer unknowns, and leaves the end of some
    /// arrays unused.
    [[nodiscard]] NULLCLINE_DEVICE StateRow<T> reduced_row() const {
        return {slot_.memory.reduced, slot_.row};
    }
    [[nodiscard]] NULLCLINE_DEVICE std::span<T> reduced_residual() const {
        return reduced_row().residual.first(slot_.units());
    }

    NULLCLINE_DEVICE void linearize_reduced() const {
        const StateRow<T> row = reduced_row();
        const std::span<const T> state = at_.h;
        const std::span<const T> products = at_.products;
        const std::span<const T> drive = slot_.drive;
        slot_.program.reduced.linearize(slot_.group, state, products, drive,
                                        {reduced_residual(), row.scales, row.identity, row.gate});
    }

    /// Whether both residuals are zero to rounding.
    [[nodiscard]] NULLCLINE_DEVICE bool at_zero() const {
        const std::span<const T> state = at_.h;
        const std::span<const T> products = at_.products;
        const std::span<const T> drive = slot_.drive;
        return is_zero(slot_.group, slot_.program.reduced, std::span<const T>(reduced_residual()),
                       state, products, drive) &&
               is_zero(slot_.group, slot_.program.update, std::span<const T>(at_.residual), state,
                       products, drive, slot_.units());
    }

    /// Whether they are, at a state that is well defined in this precision.
    [[nodiscard]] NULLCLINE_DEVICE bool at_clear_zero() const {
        const std::span<const T> state = at_.h;
        const std::span<const T> products = at_.products;
        const std::span<const T> drive = slot_.drive;
        const std::size_t units = slot_.units();
        const std::span<const T> of_outputs = reduced_row().identity;
        return is_clear_zero(slot_.group, slot_.program.reduced,
                             std::span<const T>(reduced_residual()), of_outputs.first(units), state,
                             products, drive) &&
               (state.size() == units ||
                is_clear_zero(slot_.group, slot_.program.update, std::span<const T>(at_.residual),
                              at_.jacobian().diagonal(state.size(), 1), state, products, drive,
                              units));
    }

    NULLCLINE_DEVICE void test_for_minimum() {
        const auto gradient = slot_.memory.operands.exact_gradient.row(slot_.row);
        const auto jacobian = at_.jacobian();
        finish_vjp(slot_.group, jacobian, std::span<const T>(at_.residual), gradient);
        const double projected_norm = slot_.projected_norm(at_.h, gradient);
        const double scale = slot_.jacobian_scale(at_);
        if (projected_norm <= stationary_tolerance<T>() * scale * slot_.now.residual_norm) {
            return q() <= slot_.search.options.tol_slow
                       ? label(Kind::slow, Reason::minimum)
                       : label(Kind::minimum, Reason::above_tolerance);
        }
        // How the iteration ended says only why a state is neither fixed nor slow.
        const Termination how = slot_.search.termination(slot_.now.start);
        label(Kind::unconverged, how == Termination::limit  ? Reason::limit
                                 : how == Termination::lost ? Reason::lost
                                                            : Reason::stalled);
    }

    SlotContext<Classifier, Group, Search> slot_;
    StateRow<T> at_;
};

static_assert(Program<Classifier<CellEquation<double>>>);
static_assert(Program<Classifier<CellEquation<float>>>);

}  // namespace nullcline
