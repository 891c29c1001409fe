// What a state is: fixed, slow or neither, by tests with a meaning.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "nullcline/arena.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/host_device.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/outcome.hpp"
#include "nullcline/solvers/stationary.hpp"
#include "nullcline/solvers/tile.hpp"
#include "nullcline/team.hpp"

namespace nullcline {

/// What is said of one state.
struct Verdict {
    Kind kind;
    Reason reason;
    double q;
};

/// The program that labels ends, in the precision of the cell, from nothing but the state itself.
///
/// fixed: every unit's reduced residual is within its bound of rounding (`gru_rounding_unit`).
/// slow: q <= tol_slow at a local minimum of q over the cube, measured by ‖P Jᵀf‖ / (‖J‖ ‖f‖)
/// with f = F(h) − h and P as in `stationary_tolerance`, which is zero at such a minimum.
template <Equation Reduced, Equation Update>
struct Judge {
    using T = typename Update::Scalar;
    struct Workspace {};
    static constexpr RequestSet requests{Request::exact, Request::exact_transposed};
    static constexpr Factors factors = Factors::none;

    Reduced reduced;
    Update update;
    bool by_speed;  ///< the gradient method's own rule: q <= tol_slow makes any state slow

    [[nodiscard]] constexpr const Update& served() const { return update; }

    struct Scalars {
        Request request = Request::none;
        std::size_t start = 0;
        double length = 0;  // ‖F(h) − h‖
    };

    struct Memory {
        Memory() = default;
        Memory(Arena& arena, const Judge& program, std::size_t rows, std::size_t drive_size)
            : Memory(arena, rows, program.update.size(), program.update.weights().rows(),
                     program.reduced.weights().rows(), drive_size) {}

        Operands<T> operands;
        MatrixView<Scalars> scalars;
        StateMemory<T> update, reduced;
        MatrixView<T> drives;

      private:
        Memory(Arena& arena, std::size_t rows, std::size_t size, std::size_t n_products,
               std::size_t n_reduced, std::size_t drive_size)
            : operands(arena, rows, size, n_products, requests),
              scalars(arena.matrix<Scalars>(rows, 1)),
              update(arena, rows, size, n_products),
              reduced(arena, rows, size, n_reduced),
              drives(arena.matrix<T>(rows, drive_size)) {}
    };

    template <class Team, class Search>
    class Slot;
};

/// A slot at work.
template <Equation Reduced, Equation Update>
template <class Team, class Search>
class Judge<Reduced, Update>::Slot {
  public:
    NULLCLINE_TEAM Slot(const Team& team, const Judge& program, const Memory& memory,
                        std::size_t row, const Search& search, Workspace&)
        : team_(team),
          program_(program),
          memory_(memory),
          row_(row),
          search_(search),
          now_(memory.scalars(row, 0)),
          at_(memory.update, row),
          drive_(memory.drives.row(row)) {}

    [[nodiscard]] NULLCLINE_TEAM Request request() const { return now_.request; }

    NULLCLINE_TEAM void store() {
        team_.lead([&] { memory_.scalars(row_, 0) = now_; });
    }

    NULLCLINE_TEAM void take(std::size_t start) {
        now_.start = start;
        search_.load(team_, start, at_.h, drive_);
        copy(team_, at_.h, memory_.operands.exact.row(row_));
        now_.request = Request::exact;
    }

    NULLCLINE_TEAM void advance() { now_.request == Request::exact ? see_zero() : see_minimum(); }

  private:
    [[nodiscard]] NULLCLINE_TEAM double q() const {
        return now_.length * now_.length / static_cast<double>(at_.h.size());
    }

    NULLCLINE_TEAM void say(Kind kind, Reason reason) {
        if (program_.by_speed && kind == Kind::unconverged && q() <= search_.options.tol_slow) {
            kind = Kind::slow;
            reason = Reason::below_tolerance;
        }
        search_.judged(team_, now_.start, Verdict{kind, reason, q()});
        now_.request = Request::none;
    }

    NULLCLINE_TEAM void see_zero() {
        const std::span<const T> products = memory_.operands.exact_product.row(row_);
        const StateRow<T> reduced(memory_.reduced, row_);
        program_.reduced.linearize(team_, at_.h, products, drive_, reduced.out());
        program_.update.linearize(team_, at_.h, products, drive_, at_.out());
        now_.length = static_cast<double>(norm(team_, at_.residual));
        if (!std::isfinite(q())) {
            return say(Kind::unconverged, Reason::not_finite);
        }
        if (is_zero<Team, Reduced, T>(team_, program_.reduced, reduced.residual, at_.h, products,
                                      drive_)) {
            return say(Kind::fixed, Reason::zero);
        }
        begin_vjp(team_, at_.jacobian(), std::span<const T>(at_.residual),
                  memory_.operands.exact_scaled.row(row_));
        now_.request = Request::exact_transposed;
    }

    NULLCLINE_TEAM void see_minimum() {
        const auto gradient = memory_.operands.exact_gradient.row(row_);
        const auto jacobian = at_.jacobian();
        finish_vjp(team_, jacobian, std::span<const T>(at_.residual), gradient);
        const double square = team_.sum(gradient.size(), [&](std::size_t i) {
            const auto slope = static_cast<double>(gradient[i]);
            return held_by_face(at_.h[i], gradient[i]) ? 0.0 : slope * slope;
        });
        const auto scale =
            static_cast<double>(term_norm(team_, jacobian, program_.update.row_norms()));
        if (std::sqrt(square) <= stationary_tolerance<T> * scale * now_.length) {
            return q() <= search_.options.tol_slow
                       ? say(Kind::slow, Reason::minimum)
                       : say(Kind::unconverged, Reason::above_tolerance);
        }
        // How the iteration ended says only why a state is neither fixed nor slow.
        say(Kind::unconverged,
            search_.end(now_.start) == End::limit ? Reason::limit : Reason::stalled);
    }

    const Team& team_;
    const Judge& program_;
    const Memory& memory_;
    std::size_t row_;
    const Search& search_;
    Scalars now_;
    StateRow<T> at_;
    std::span<T> drive_;
};

}  // namespace nullcline
