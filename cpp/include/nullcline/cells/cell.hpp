// A cell of any kind: its weights and parameters, copied once, and where they lie.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/output_bounds.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/blas.hpp"
#include "nullcline/numerics/box.hpp"
#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/numerics/vectors.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline {

/// A cell's weights where they lie, on the CPU or on a GPU.
template <class T>
struct CellView {
    CellKind kind{};
    CellTraits traits{};            ///< the kind's: a GPU cannot look them up in the host's table
    Weights<T> recurrent;           ///< (blocks H, H)
    std::span<const T> parameters;  ///< n_parameters x H
    Activation activation{};        ///< of all units, or `per_unit`
    std::span<const T> row_norms;   ///< Euclidean norms of the rows of `recurrent`, or bounds
    Box<T> box;                     ///< of the outputs, at zero drive

    [[nodiscard]] constexpr std::size_t size() const { return recurrent.cols(); }
};

/// The arrays that a cell is made from. Blocks are in the kind's order.
template <class T>
struct CellArrays {
    MatrixView<const T> weight_ih;            ///< (blocks H, D)
    Weights<T> weight_hh;                     ///< (blocks H, H)
    std::span<const T> bias;                  ///< blocks H
    std::span<const T> parameters;            ///< H of each of the kind's, one after the other
    std::span<const Activation> activations;  ///< one for all units, or one each; or nothing
};

template <class T>
class Cell {
  public:
    using Scalar = T;

    Cell(CellKind kind, const CellArrays<T>& arrays)
        : kind_(kind),
          input_(copy_of(arrays.weight_ih)),
          dense_(copy_of(arrays.weight_hh.is_low_rank() ? MatrixView<const T>()
                                                        : arrays.weight_hh.dense())),
          left_(copy_of(arrays.weight_hh.left())),
          right_(copy_of(arrays.weight_hh.right())),
          bias_(arrays.bias.begin(), arrays.bias.end()),
          parameters_(arrays.parameters.begin(), arrays.parameters.end()),
          row_norms_(nullcline::row_norms(arrays.weight_hh)) {
        keep_activations(arrays.activations);
        bounds_ = output_bounds(traits().bounds, activations(), recurrent());
    }

    [[nodiscard]] CellKind kind() const { return kind_; }
    [[nodiscard]] const CellTraits& traits() const {
        return cell_traits[static_cast<std::size_t>(kind_)];
    }
    [[nodiscard]] std::size_t size() const { return recurrent().cols(); }
    [[nodiscard]] std::size_t state_size() const { return traits().parts * size(); }
    [[nodiscard]] std::size_t input_size() const { return input_.cols(); }
    [[nodiscard]] Weights<T> recurrent() const {
        return left_.rows() > 0 ? Weights<T>(left_.view(), right_.view())
                                : Weights<T>(dense_.view());
    }
    [[nodiscard]] MatrixView<const T> input() const { return input_.view(); }
    [[nodiscard]] std::span<const T> parameters() const { return parameters_; }
    [[nodiscard]] std::span<const T> row_norms() const { return row_norms_; }
    /// The range of each unit's output at zero drive.
    [[nodiscard]] const OutputBounds<T>& bounds() const { return bounds_; }

    /// This cell, with arrays that may lie elsewhere.
    [[nodiscard]] CellView<T> view(const Weights<T>& recurrent, std::span<const T> parameters,
                                   std::span<const T> row_norms, const Box<T>& box) const {
        return {kind_, traits(), recurrent, parameters, activation_, row_norms, box};
    }
    [[nodiscard]] CellView<T> view() const {
        return view(recurrent(), parameters(), row_norms(), bounds_.box());
    }

    [[nodiscard]] std::size_t drive_size() const { return bias_.size(); }
    /// The drive without input.
    [[nodiscard]] std::span<const T> zero_input_drive() const { return bias_; }

    /// The drive of one input (D).
    void drive(std::span<const T> x, std::span<T> out) const {
        if (x.empty()) {
            std::ranges::fill(out, T{0});
        } else {
            blas::multiply_vector(input(), x, out);
        }
        add_scaled(T{1}, zero_input_drive(), out);
    }

  private:
    [[nodiscard]] static Matrix<T> copy_of(MatrixView<const T> from) {
        Matrix<T> copy(from.rows(), from.cols());
        std::ranges::copy(from.elements(), copy.elements().begin());
        return copy;
    }

    /// Append the number of each unit's activation to the parameters.
    void keep_activations(std::span<const Activation> activations) {
        if (activations.empty()) {
            return;
        }
        const bool is_uniform =
            std::ranges::equal(activations.subspan(1), activations.first(activations.size() - 1));
        activation_ = is_uniform ? activations.front() : Activation::per_unit;
        for (std::size_t i = 0; i < size(); ++i) {
            const Activation own = is_uniform ? activations.front() : activations[i];
            parameters_.push_back(static_cast<T>(static_cast<int>(own)));
        }
    }
    /// One activation for all units, or one each.
    [[nodiscard]] std::vector<Activation> activations() const {
        if (activation_ != Activation::per_unit) {
            return {activation_};
        }
        std::vector<Activation> each(size());
        const auto numbers = std::span(parameters_).last(size());
        std::ranges::transform(numbers, each.begin(), [](T number) {
            return static_cast<Activation>(static_cast<int>(number));
        });
        return each;
    }

    CellKind kind_;
    Matrix<T> input_;
    Matrix<T> dense_, left_, right_;  // the recurrence, in one piece or as its factors
    std::vector<T> bias_, parameters_, row_norms_;
    Activation activation_{};
    OutputBounds<T> bounds_;
};

}  // namespace nullcline
