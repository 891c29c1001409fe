// A layer's step for some rows, unit after unit, vectorized for the CPU (see training/unit.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nullcline/numerics/matrix_view.hpp"
#include "nullcline/training/unit.hpp"

namespace nullcline::training {

/// A cell's number in `TrainedCells`.
enum class TrainedCell : std::uint8_t {};

/// The cell of this name, if it can be trained.
[[nodiscard]] std::optional<TrainedCell> trained_cell_named(std::string_view name);

[[nodiscard]] const Layout& layout(TrainedCell cell);

/// The states after a step; `parameters` are H of each that the cell has.
void advance(TrainedCell cell, MatrixView<const float> preactivations,
             MatrixView<const float> before, std::span<const float> parameters,
             MatrixView<float> after);
void advance(TrainedCell cell, MatrixView<const double> preactivations,
             MatrixView<const double> before, std::span<const double> parameters,
             MatrixView<double> after);

/// Gradients by preactivations and, but for what comes through the products, by states before a
/// step, from those by states after it; in their places.
void pull_back(TrainedCell cell, MatrixView<float> preactivations, MatrixView<const float> before,
               std::span<const float> parameters, MatrixView<float> gradient);
void pull_back(TrainedCell cell, MatrixView<double> preactivations, MatrixView<const double> before,
               std::span<const double> parameters, MatrixView<double> gradient);

}  // namespace nullcline::training
