// What a state is: fixed, slow or neither, by tests with a meaning.
#pragma once

#include <cmath>
#include <cstddef>
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

namespace nullcline {

/// What is said of one state.
struct Label {
    Kind kind;
    Reason reason;
    double q;
};

/// The program that labels ends, in the precision of the cell, from nothing but the state itself.
///
/// fixed: every unit's reduced residual is within its bound of rounding, and where a state has more
/// than outputs, the update of the rest is too.
/// slow: q <= tol_slow at a local minimum of q over the box, measured by ‖P Jᵀf‖ / (‖J‖ ‖f‖)
/// with f = F(h) − h and P as in `stationary_tolerance`, which is zero at such a minimum.
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
class Classifier<E>::Slot : public SlotBase<Classifier<E>, Group, Search> {
    using Base = SlotBase<Classifier<E>, Group, Search>;
    using Base::box_;
    using Base::drive_;
    using Base::group_;
    using Base::linearize;
    using Base::memory_;
    using Base::now_;
    using Base::program_;
    using Base::request_products;
    using Base::request_second_half_of_exact;
    using Base::row_;
    using Base::search_;
    using Base::units;
    using Base::wait_for;

  public:
    NULLCLINE_DEVICE Slot(const Group& group, const Classifier& program, const Memory& memory,
                          std::size_t row, const Search& search, Workspace&)
        : Base(group, program, memory, row, search), at_(memory.update, row) {}

    NULLCLINE_DEVICE void take(std::size_t start) {
        now_.start = start;
        search_.load(group_, start, at_.h, drive_);
        request_products(at_.h);
    }

    NULLCLINE_DEVICE void advance() {
        if (request_second_half_of_exact(at_.gate)) {
            return;
        }
        whole(now_.request) == Request::exact ? test_for_zero() : test_for_minimum();
    }

  private:
    [[nodiscard]] NULLCLINE_DEVICE double q() const {
        return now_.residual_norm * now_.residual_norm / static_cast<double>(at_.h.size());
    }

    NULLCLINE_DEVICE void say(Kind kind, Reason reason) {
        if (program_.by_speed && kind == Kind::unconverged && q() <= search_.options.tol_slow) {
            kind = Kind::slow;
            reason = Reason::below_tolerance;
        }
        search_.classified(group_, now_.start, Label{kind, reason, q()});
        now_.request = Request::none;
    }

    NULLCLINE_DEVICE void test_for_zero() {
        now_.residual_norm = linearize(at_);
        if (!std::isfinite(q())) {
            return say(Kind::unconverged, Reason::not_finite);
        }
        if (at_fixed_point()) {
            return say(Kind::fixed, Reason::zero);
        }
        begin_vjp(group_, at_.jacobian(), std::span<const T>(at_.residual),
                  memory_.operands.exact_scaled.row(row_));
        wait_for(Request::exact_transposed);
    }

    [[nodiscard]] NULLCLINE_DEVICE bool at_fixed_point() const {
        const std::span<const T> state = at_.h;
        const std::span<const T> products = at_.products;
        const std::span<const T> drive = drive_;
        // The reduced equation has fewer unknowns, and of some arrays it leaves the end unused.
        const StateRow<T> row(memory_.reduced, row_);
        const std::span<T> residual = row.residual.first(units());
        program_.reduced.linearize(group_, state, products, drive,
                                   {residual, row.scales, row.identity, row.gate});
        return is_zero(group_, program_.reduced, std::span<const T>(residual), state, products,
                       drive) &&
               is_zero(group_, program_.update, std::span<const T>(at_.residual), state, products,
                       drive, units());
    }

    NULLCLINE_DEVICE void test_for_minimum() {
        const auto gradient = memory_.operands.exact_gradient.row(row_);
        const auto jacobian = at_.jacobian();
        finish_vjp(group_, jacobian, std::span<const T>(at_.residual), gradient);
        const double square = group_.sum(gradient.size(), [&](std::size_t i) {
            const auto slope = static_cast<double>(gradient[i]);
            return i < units() && box_.blocks(i, at_.h[i], gradient[i]) ? 0.0 : slope * slope;
        });
        const auto scale =
            static_cast<double>(term_norm(group_, jacobian, program_.update.row_norms()));
        if (std::sqrt(square) <= stationary_tolerance<T>() * scale * now_.residual_norm) {
            return q() <= search_.options.tol_slow
                       ? say(Kind::slow, Reason::minimum)
                       : say(Kind::unconverged, Reason::above_tolerance);
        }
        // How the iteration ended says only why a state is neither fixed nor slow.
        say(Kind::unconverged, search_.termination(now_.start) == Termination::limit
                                   ? Reason::limit
                                   : Reason::stalled);
    }

    StateRow<T> at_;
};

}  // namespace nullcline
