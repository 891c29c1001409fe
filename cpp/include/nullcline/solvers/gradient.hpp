// The paper's way, natively: Adam on q, a tile of starts at a time, with the gradient written out.
//
// Each start has its own moments, rate and end; none knows of another, and the tile has one fixed
// shape, so company changes nothing.
//
// One iteration is two matrix products, W h and Wᵀ(c ∘ f), and both run in single precision: the
// first on the step just taken, whose rounding is far below that of the state, and afresh in full
// now and then; the second because a direction of descent needs no more.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "nullcline/blas.hpp"
#include "nullcline/cancellation.hpp"
#include "nullcline/cells/equation.hpp"
#include "nullcline/matrix_view.hpp"
#include "nullcline/packed_matrix.hpp"
#include "nullcline/row_scaled.hpp"
#include "nullcline/solvers/adam.hpp"
#include "nullcline/solvers/cube.hpp"
#include "nullcline/solvers/problem.hpp"
#include "nullcline/solvers/workers.hpp"
#include "nullcline/vectors.hpp"

namespace nullcline {

/// One worker's tile of starts.
template <Equation E>
class GradientDescent {
  public:
    using T = typename E::Scalar;

    GradientDescent(const E& equation, const TileMatrix& weights, const Search<T>& search,
                    Queue& queue)
        : equation_(equation),
          weights_(weights),
          search_(search),
          queue_(queue),
          change_(rows, equation.size()),
          product_(rows, equation.weights().rows()),
          scaled_(rows, equation.weights().rows()),
          gradient_(rows, equation.size()),
          slots_(rows, Slot(equation, search.cell.resting_drive().size())) {}

    /// Work until the queue is empty and every slot is done.
    void run(const Cancellation& cancellation) {
        solve_tile(
            rows, cancellation, [&](std::size_t i) { return occupy(slots_[i], i); },
            [&] { iterate(); });
    }

  private:
    static constexpr std::size_t rows = tile_rows;
    static constexpr std::size_t refresh_period = 100;

    struct Slot {
        Slot(const E& equation, std::size_t drive_size)
            : h(equation.size()),
              products(equation.weights().rows()),
              drive(drive_size),
              at(equation.size(), equation.blocks()),
              first_moment(h.size()),
              second_moment(h.size()),
              scales(products.size()),
              identity(h.size()),
              slope(h.size()) {}

        [[nodiscard]] RowScales<float> jacobian() const { return {scales, identity}; }

        bool active = false;
        std::size_t start = 0;
        std::size_t iterations = 0;
        std::size_t limit = 0;
        std::vector<T> h, products, drive;
        Linearization<T> at;
        std::vector<float> first_moment, second_moment;
        std::vector<float> scales, identity;
        std::vector<float> slope;  // ∂q/∂f = 2 f / H
        AdamSchedule schedule{0, 1};
    };

    void iterate() {
        const BusyBlocks busy = busy_blocks([&](std::size_t i) { return slots_[i].active; });
        weights_.backward(scaled_, gradient_, busy);
        for (std::size_t i = 0; i < rows; ++i) {
            if (slots_[i].active) {
                descend(slots_[i], i);
            }
        }
        weights_.forward(change_, product_, busy);
        for (std::size_t i = 0; i < rows; ++i) {
            if (slots_[i].active) {
                arrive(slots_[i], i);
            }
        }
    }

    bool occupy(Slot& slot, std::size_t row) {
        while (!slot.active) {
            const std::optional<std::size_t> start = queue_.take();
            if (!start) {
                return false;
            }
            slot.start = *start;
            slot.iterations = 0;
            slot.limit = search_.iterations_left(*start);
            slot.schedule =
                AdamSchedule(search_.options.learning_rate, search_.options.max_iterations);
            std::ranges::fill(slot.first_moment, 0.0F);
            std::ranges::fill(slot.second_moment, 0.0F);
            std::ranges::copy(search_.outcomes.h.row(*start), slot.h.begin());
            search_.drive(*start, slot.drive);
            slot.active = true;
            multiply_afresh(slot);
            linearize(slot, row);
        }
        return true;
    }

    void multiply_afresh(Slot& slot) const {
        blas::multiply_vector(equation_.weights(), std::span<const T>(slot.h),
                              std::span(slot.products));
    }

    /// Adam's step, kept in the cube.
    void descend(Slot& slot, std::size_t row) {
        const auto gradient = gradient_.row(row);
        finish_vjp(slot.jacobian(), std::span<const float>(slot.slope), gradient);
        adam_step(slot.first_moment, slot.second_moment, gradient, slot.schedule.next(),
                  change_.row(row));
        const auto change = change_.row(row);
        for (std::size_t i = 0; i < slot.h.size(); ++i) {
            const T before = slot.h[i];
            slot.h[i] =
                std::clamp(before + static_cast<T>(change[i]), -cube_bound<T>, cube_bound<T>);
            change[i] = static_cast<float>(slot.h[i] - before);
        }
    }

    void arrive(Slot& slot, std::size_t row) {
        ++slot.iterations;
        if (slot.iterations % refresh_period == 0) {
            multiply_afresh(slot);
        } else {
            for (std::size_t i = 0; i < slot.products.size(); ++i) {
                slot.products[i] += static_cast<T>(product_.row(row)[i]);
            }
        }
        linearize(slot, row);
    }

    /// Evaluate q; stop, or ask for the gradient.
    void linearize(Slot& slot, std::size_t row) {
        equation_.linearize(slot.h, slot.products, slot.drive, slot.at.out());
        const double length = static_cast<double>(norm(slot.at.residual()));
        const double q = length * length / static_cast<double>(slot.h.size());
        if (!std::isfinite(q)) {
            return finish(slot, row, End::not_finite);
        }
        if (q <= search_.options.tol_slow) {
            return finish(slot, row, End::stationary);
        }
        if (slot.iterations >= slot.limit) {
            return finish(slot, row, End::limit);
        }
        convert<float>(slot.at.scales(), std::span(slot.scales));
        convert<float>(slot.at.identity(), std::span(slot.identity));
        const T factor = T{2} / static_cast<T>(slot.h.size());
        std::ranges::transform(slot.at.residual(), slot.slope.begin(),
                               [&](T f) { return static_cast<float>(factor * f); });
        begin_vjp(slot.jacobian(), std::span<const float>(slot.slope), scaled_.row(row));
    }

    void finish(Slot& slot, std::size_t row, End end) {
        std::ranges::copy(slot.h, search_.outcomes.h.row(slot.start).begin());
        search_.finish(slot.start, slot.iterations, end);
        slot.active = false;
        std::ranges::fill(scaled_.row(row), 0.0F);
        std::ranges::fill(change_.row(row), 0.0F);
    }

    const E& equation_;
    const TileMatrix& weights_;
    const Search<T>& search_;
    Queue& queue_;
    Matrix<float> change_, product_, scaled_, gradient_;
    std::vector<Slot> slots_;
};

}  // namespace nullcline
