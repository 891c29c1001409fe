// NumPy arrays as the core's views, checked.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nullcline/cells/inputs.hpp"
#include "nullcline/numerics/matrix_view.hpp"

namespace nullcline::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

template <class T>
[[nodiscard]] MatrixView<const T> matrix(const Array<T>& array, const char* name,
                                         py::ssize_t cols) {
    if (array.ndim() != 2 || array.shape(1) != cols) {
        throw py::value_error(std::string(name) + " must have shape (n, " + std::to_string(cols) +
                              ")");
    }
    return {array.data(), static_cast<std::size_t>(array.shape(0)),
            static_cast<std::size_t>(array.shape(1))};
}

template <class T>
[[nodiscard]] MatrixView<const T> matrix(const Array<T>& array, const char* name, py::ssize_t rows,
                                         py::ssize_t cols) {
    if (array.ndim() != 2 || array.shape(0) != rows || array.shape(1) != cols) {
        throw py::value_error(std::string(name) + " must have shape (" + std::to_string(rows) +
                              ", " + std::to_string(cols) + ")");
    }
    return {array.data(), static_cast<std::size_t>(rows), static_cast<std::size_t>(cols)};
}

/// An array (steps, n, cols) as rows, step after step.
template <class T>
[[nodiscard]] MatrixView<const T> step_rows(const Array<T>& array, const char* name,
                                            py::ssize_t steps, py::ssize_t n, py::ssize_t cols) {
    if (array.ndim() != 3 || array.shape(0) != steps || array.shape(1) != n ||
        array.shape(2) != cols) {
        throw py::value_error(std::string(name) + " must have shape (" + std::to_string(steps) +
                              ", " + std::to_string(n) + ", " + std::to_string(cols) + ")");
    }
    return {array.data(), static_cast<std::size_t>(steps * n), static_cast<std::size_t>(cols)};
}

template <class T>
[[nodiscard]] std::span<const T> vector(const Array<T>& array, const char* name, py::ssize_t size) {
    if (array.ndim() != 1 || array.shape(0) != size) {
        throw py::value_error(std::string(name) + " must have shape (" + std::to_string(size) +
                              ",)");
    }
    return {array.data(), static_cast<std::size_t>(size)};
}

/// Inputs of n states, checked: none, one row for all or one each.
template <class T>
[[nodiscard]] Inputs<T> inputs_of(const std::optional<Array<T>>& x, py::ssize_t n,
                                  py::ssize_t size) {
    if (!x) {
        return {};
    }
    const auto view = matrix(*x, "x", size);
    if (x->shape(0) != 1 && x->shape(0) != n) {
        throw py::value_error("x must have one row, or as many as h");
    }
    return {size == 0 ? MatrixView<const T>() : view};
}

/// An array to be filled, and the view to fill it by.
template <class T>
struct NewArray {
    explicit NewArray(std::vector<py::ssize_t> shape) : array(shape) {
        std::size_t rows = 1;
        for (std::size_t i = 0; i + 1 < shape.size(); ++i) {
            rows *= static_cast<std::size_t>(shape[i]);
        }
        view = {array.mutable_data(), rows, static_cast<std::size_t>(shape.back())};
    }

    py::array_t<T> array;
    MatrixView<T> view;
};

/// A NumPy array that keeps the vector's memory.
template <class T, class Stored>
[[nodiscard]] py::array_t<T> adopt(std::vector<Stored>&& values) {
    static_assert(sizeof(T) == sizeof(Stored));
    auto owned = std::make_unique<std::vector<Stored>>(std::move(values));
    auto* data = reinterpret_cast<T*>(owned->data());
    const auto size = static_cast<py::ssize_t>(owned->size());
    py::capsule owner(owned.release(),
                      [](void* p) { delete static_cast<std::vector<Stored>*>(p); });
    return py::array_t<T>(size, data, owner);
}

}  // namespace nullcline::bindings
