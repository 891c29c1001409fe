// A cell from what Python gives: the name of its kind, its weights and its parameters.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "arrays.hpp"
#include "nullcline/cells/catalogue.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/weights.hpp"

namespace nullcline::bindings {

/// W, or L (H, r) and R (H, r) of W = L Rᵀ.
template <class T>
using Recurrence = std::variant<Array<T>, std::pair<Array<T>, Array<T>>>;

template <class T>
[[nodiscard]] Weights<T> recurrence(const Recurrence<T>& weight_hh, const CellTraits& traits) {
    const auto n_blocks = static_cast<py::ssize_t>(traits.blocks);
    if (const auto* dense = std::get_if<Array<T>>(&weight_hh)) {
        if (dense->ndim() != 2 || dense->shape(1) == 0) {
            throw py::value_error("weight_hh must have shape (blocks H, H), H > 0");
        }
        return matrix(*dense, "weight_hh", n_blocks * dense->shape(1), dense->shape(1));
    }
    const auto& [left, right] = std::get<std::pair<Array<T>, Array<T>>>(weight_hh);
    if (left.ndim() != 2 || left.shape(0) == 0 || left.shape(1) == 0 || n_blocks != 1) {
        throw py::value_error("factors of weight_hh must have shape (H, rank), of one block");
    }
    return {matrix(left, "weight_hh[0]", left.shape(1)),
            matrix(right, "weight_hh[1]", left.shape(0), left.shape(1))};
}

[[nodiscard]] inline std::vector<Activation> activations_of(
    const std::optional<std::vector<std::string>>& names, const CellTraits& traits,
    std::size_t size) {
    if (names.has_value() != traits.has_activation) {
        throw py::value_error("activations must be given where the kind has any, and only there");
    }
    std::vector<Activation> activations;
    for (const std::string& name : names.value_or(std::vector<std::string>())) {
        const std::optional<Activation> activation = activation_named(name);
        if (!activation) {
            throw py::value_error("there is no activation '" + name + "'");
        }
        activations.push_back(*activation);
    }
    if (names && activations.size() != 1 && activations.size() != size) {
        throw py::value_error("activations must name one, or one for each unit");
    }
    return activations;
}

/// Weights (blocks H, D) and (blocks H, H), bias (blocks H), parameters (their number, H) where the
/// kind has any and the names of activations, one or H; blocks in the kind's own order.
template <class T>
[[nodiscard]] Cell<T> cell_of(const std::string& name, const Array<T>& weight_ih,
                              const Recurrence<T>& weight_hh, const Array<T>& bias,
                              const std::optional<Array<T>>& parameters,
                              const std::optional<std::vector<std::string>>& activations) {
    const std::optional<CellKind> kind = cell_named(name);
    if (!kind) {
        throw py::value_error("there is no cell '" + name + "'");
    }
    const CellTraits& traits = cell_traits[static_cast<std::size_t>(*kind)];
    const Weights<T> recurrent = recurrence(weight_hh, traits);
    if (weight_ih.ndim() != 2) {
        throw py::value_error("weight_ih must have shape (blocks H, D)");
    }
    if (parameters.has_value() == traits.parameters.empty()) {
        throw py::value_error("parameters must be given where the kind has any, and only there");
    }
    const auto size = static_cast<py::ssize_t>(recurrent.cols());
    const auto rows = static_cast<py::ssize_t>(recurrent.rows());
    const auto n_parameters = static_cast<py::ssize_t>(traits.parameters.size());
    const std::vector<Activation> numbers = activations_of(activations, traits, recurrent.cols());
    return Cell<T>(
        *kind, CellArrays<T>{
                   .weight_ih = matrix(weight_ih, "weight_ih", rows, weight_ih.shape(1)),
                   .weight_hh = recurrent,
                   .bias = vector(bias, "bias", rows),
                   .parameters =
                       parameters ? matrix(*parameters, "parameters", n_parameters, size).elements()
                                  : std::span<const T>(),
                   .activations = numbers,
               });
}

}  // namespace nullcline::bindings
