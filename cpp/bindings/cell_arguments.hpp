// A cell from what Python gives: the name of its kind, and its weights.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "arrays.hpp"
#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/cell.hpp"

namespace nullcline::bindings {

/// Weights (blocks H, D), (blocks H, H) and biases (blocks H) and (H) or none, blocks in the kind's
/// own order.
template <class T>
[[nodiscard]] Cell<T> cell_of(const std::string& name, const Array<T>& weight_ih,
                              const Array<T>& weight_hh, const Array<T>& bias,
                              const std::optional<Array<T>>& inner_bias) {
    const std::optional<CellKind> kind = cell_named(name);
    if (!kind) {
        throw py::value_error("there is no cell '" + name + "'");
    }
    const CellTraits& traits = cell_traits[static_cast<std::size_t>(*kind)];
    if (weight_hh.ndim() != 2 || weight_hh.shape(1) == 0 || weight_ih.ndim() != 2) {
        throw py::value_error("weights must have shapes (blocks H, D) and (blocks H, H), H > 0");
    }
    if (inner_bias.has_value() != traits.has_inner_bias) {
        throw py::value_error("inner_bias must be given where the kind has one, and only there");
    }
    const py::ssize_t size = weight_hh.shape(1);
    const auto rows = static_cast<py::ssize_t>(traits.blocks) * size;
    return Cell<T>(*kind, matrix(weight_ih, "weight_ih", rows, weight_ih.shape(1)),
                   matrix(weight_hh, "weight_hh", rows, size), vector(bias, "bias", rows),
                   inner_bias ? vector(*inner_bias, "inner_bias", size) : std::span<const T>());
}

}  // namespace nullcline::bindings
