// A residual's Jacobian at one state, as a map, for Python.
#pragma once

#include <pybind11/numpy.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "arrays.hpp"
#include "interpreter.hpp"
#include "nullcline/cells/cell.hpp"
#include "nullcline/cells/residual_map.hpp"

namespace nullcline::bindings {

template <class T>
class PyResidualMap {
  public:
    using A = Array<T>;

    PyResidualMap(const Cell<T>& cell, std::span<const T> h, std::span<const T> x) {
        std::vector<T> drive(cell.drive_size());
        NativeCall native;
        native.without_gil([&] {
            cell.drive(x, std::span(drive));
            map_.emplace(cell, h, std::span<const T>(drive));
        });
    }

    [[nodiscard]] py::array_t<T> residual() const {
        NewArray<T> out({units()});
        std::ranges::copy(map_->residual(), out.view.elements().begin());
        return out.array;
    }

    [[nodiscard]] py::array_t<T> jvp(const A& v) const {
        return mapped(vector(v, "v", units()), &ResidualMap<T>::jvp);
    }

    [[nodiscard]] py::array_t<T> vjp(const A& u) const {
        return mapped(vector(u, "u", units()), &ResidualMap<T>::vjp);
    }

  private:
    using Map = void (ResidualMap<T>::*)(std::span<const T>, std::span<T>) const;

    [[nodiscard]] py::ssize_t units() const { return static_cast<py::ssize_t>(map_->size()); }

    [[nodiscard]] py::array_t<T> mapped(std::span<const T> from, Map map) const {
        NewArray<T> out({units()});
        NativeCall native;
        native.without_gil([&] { ((*map_).*map)(from, out.view.elements()); });
        return out.array;
    }

    std::optional<ResidualMap<T>> map_;
};

}  // namespace nullcline::bindings
