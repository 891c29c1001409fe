// The module `nullcline._native._core`: check what comes from Python, release the GIL, forward.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "blas_capsules.hpp"
#include "cells.hpp"
#include "enclosure.hpp"
#include "enumeration.hpp"
#include "function.hpp"
#include "interpreter.hpp"
#include "nullcline/batching/outcome.hpp"
#include "nullcline/numerics/activations.hpp"
#include "nullcline/numerics/trust_region.hpp"
#include "nullcline/parallel/serial_group.hpp"
#include "nullcline/parallel/workers.hpp"
#include "training.hpp"

namespace nullcline::bindings {
namespace {

/// `minimize_model` for tests: (found, y, multiplier, decrease).
py::tuple trust_region_step(const Array<double>& a, const Array<double>& g, double radius) {
    const auto n = g.ndim() > 0 ? g.shape(0) : 0;
    if (n < 1 || static_cast<std::size_t>(n) > SmallMatrix::largest) {
        throw py::value_error("g must have from 1 to 32 numbers");
    }
    const auto gradient = vector(g, "g", n);
    const auto view = matrix(a, "a", n, n);
    SmallMatrix small{};
    for (std::size_t i = 0; i < view.rows(); ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            small(i, j) = view(i, j);
        }
    }
    NewArray<double> y({n});
    ModelWorkspace work;
    const ModelStep step =
        minimize_model(SerialGroup(), small, gradient, radius, y.view.elements(), work);
    return py::make_tuple(step.found, y.array, step.multiplier, step.decrease);
}

template <std::size_t n>
py::tuple as_tuple(const std::array<std::string_view, n>& texts) {
    return py::tuple(py::cast(texts));
}

/// The names of activations without kinks.
py::tuple smooth_activations() {
    py::list smooth;
    for (std::size_t k = 0; k < activation_names.size(); ++k) {
        if (with_activation(static_cast<Activation>(k), []<class A>() { return A::is_smooth; })) {
            smooth.append(activation_names[k]);
        }
    }
    return smooth;
}

}  // namespace
}  // namespace nullcline::bindings

PYBIND11_MODULE(_core, module) {
    using namespace nullcline::bindings;
    module.doc() = "The compiled core of nullcline.";
    prepare_module();
    module.attr("KINDS") = as_tuple(nullcline::kinds);
    module.attr("REASONS") = as_tuple(nullcline::reasons);
    module.attr("ACTIVATIONS") = as_tuple(nullcline::activation_names);
    module.attr("SMOOTH_ACTIVATIONS") = smooth_activations();
    module.def("blas_init", &take_capsules, py::arg("capsules"));
    module.def("trust_region_step", &trust_region_step, py::arg("a").noconvert(),
               py::arg("g").noconvert(), py::arg("radius"));
    module.def("blas_ready", &blas_ready);
    module.def("threads_with_room", &nullcline::n_workers_with_room, py::arg("n_threads"));
    declare_cells(module);
    declare_enclosures(module);
    declare_enumeration(module);
    declare_functions(module);
    declare_training(module);
}
