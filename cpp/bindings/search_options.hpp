// The options of a search, from Python's names and numbers, and its progress.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "interpreter.hpp"
#include "nullcline/batching/outcome.hpp"

namespace nullcline::bindings {

namespace py = pybind11;

[[nodiscard]] inline Method method_of(const std::string& name) {
    if (name == "auto") {
        return Method::automatic;
    }
    if (name == "newton") {
        return Method::newton;
    }
    if (name == "lm") {
        return Method::levenberg_marquardt;
    }
    if (name == "gradient") {
        return Method::gradient;
    }
    if (name == "krylov") {
        return Method::krylov;
    }
    if (name == "homotopy") {
        return Method::homotopy;
    }
    throw py::value_error(
        "method must be 'auto', 'newton', 'lm', 'krylov', 'gradient' or 'homotopy', not '" + name +
        "'");
}

[[nodiscard]] inline std::size_t default_iterations(Method method) {
    switch (method) {
        case Method::newton:
            return 100;
        case Method::gradient:
            return 5000;  // FixedPointFinder's
        case Method::homotopy:
            return 20000;  // solves, of which paths of random networks take thousands
        case Method::automatic:
        case Method::levenberg_marquardt:
        case Method::krylov:
            break;
    }
    return 500;
}

/// Check the options of a search.
[[nodiscard]] inline Options options_of(Method method, double tol_slow,
                                        std::optional<std::int32_t> max_iterations,
                                        double learning_rate) {
    if (max_iterations && *max_iterations < 0) {
        throw py::value_error("max_iterations must not be negative");
    }
    if (!(tol_slow >= 0) || !(learning_rate > 0)) {
        throw py::value_error("tol_slow must not be negative, and learning_rate be positive");
    }
    return {
        .tol_slow = tol_slow,
        .max_iterations =
            max_iterations ? static_cast<std::size_t>(*max_iterations) : default_iterations(method),
        .learning_rate = learning_rate,
    };
}

/// What reports, within a call, how many of all starts are done to a function of Python, if there
/// is one.
[[nodiscard]] inline std::function<void(std::size_t)> reporter(
    NativeCall& within, const std::optional<py::function>& progress, std::size_t total) {
    return [&within, &progress, total](std::size_t done) {
        if (progress) {
            within.with_gil([&] { call(*progress, py::make_tuple(done, total)); });
        }
    };
}

}  // namespace nullcline::bindings
