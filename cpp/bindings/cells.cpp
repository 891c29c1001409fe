// What Python calls cells and their results.
#include "cells.hpp"

#include <pybind11/pybind11.h>

#include "cell.hpp"
#include "outcomes.hpp"
#include "residual_map.hpp"

namespace nullcline::bindings {
namespace {

template <class T>
void declare(py::module_& module, const char* result_name, const char* map_name, const char* name) {
    using Result = PyOutcomes<T>;
    py::class_<Result>(module, result_name)
        .def_readonly("h", &Result::h)
        .def_readonly("q", &Result::q)
        .def_readonly("kind", &Result::kind)
        .def_readonly("reason", &Result::reason)
        .def_readonly("iterations", &Result::iterations)
        .def_readonly("n_products", &Result::n_products);

    using M = PyResidualMap<T>;
    py::class_<M>(module, map_name)
        .def_property_readonly("residual", &M::residual)
        .def("jvp", &M::jvp, py::arg("v").noconvert())
        .def("vjp", &M::vjp, py::arg("u").noconvert());

    using G = PyCell<T>;
    const auto h = py::arg("h").noconvert();
    const auto x = py::arg("x").noconvert();
    const auto u = py::arg("u").noconvert();
    const auto v = py::arg("v").noconvert();
    const auto h0 = py::arg("h0").noconvert();
    const auto x0 = py::arg("x0").noconvert();
    const auto no_x = py::arg("x").noconvert() = py::none();
    const auto n_threads = py::arg("n_threads") = 1;
    py::class_<G>(module, name)
        .def(py::init<const std::string&, const Array<T>&, const Recurrence<T>&, const Array<T>&,
                      const std::optional<Array<T>>&,
                      const std::optional<std::vector<std::string>>&>(),
             py::arg("kind"), py::arg("weight_ih").noconvert(), py::arg("weight_hh").noconvert(),
             py::arg("bias").noconvert(), py::arg("parameters").noconvert() = py::none(),
             py::arg("activations") = py::none())
        .def_property_readonly("hidden_size", &G::hidden_size)
        .def_property_readonly("state_size", &G::state_size)
        .def_property_readonly("input_size", &G::input_size)
        .def("bounds", &G::bounds, no_x)
        .def("step", &G::step, h, no_x, n_threads)
        .def("residual", &G::residual, h, no_x, n_threads)
        .def("complete", &G::complete, h, no_x, n_threads)
        .def("speed", &G::speed, h, no_x, n_threads)
        .def("jacobian", &G::jacobian, h, no_x, n_threads)
        .def("speed_hessian", &G::speed_hessian, h, no_x, n_threads)
        .def("residual_jacobian", &G::residual_jacobian, h, no_x, n_threads)
        .def("residual_map", &G::residual_map, h, no_x, py::keep_alive<0, 1>())
        .def("input_jacobian", &G::input_jacobian, h, no_x, n_threads)
        .def("jvp", &G::jvp, h, x, v, n_threads)
        .def("vjp", &G::vjp, h, x, u, n_threads)
        .def("hvp", &G::hvp, h, x, u, v, n_threads)
        .def("input_jvp", &G::input_jvp, h, x, v, n_threads)
        .def("residual_input_jvp", &G::residual_input_jvp, h, x, v, n_threads)
        .def("input_vjp", &G::input_vjp, h, x, u, n_threads)
        .def("secant_vjp", &G::secant_vjp, h0, x0, h, x, u, n_threads)
        .def("secant_jvp", &G::secant_jvp, h0, x0, h, x, v, py::arg("w").noconvert(), n_threads)
        .def("run_sequences", &G::run_sequences, py::arg("start").noconvert(), x,
             py::arg("active").noconvert(), n_threads)
        .def("pull_back_sequences", &G::pull_back_sequences, h0, x0, h, x,
             py::arg("covectors").noconvert(), py::arg("outputs").noconvert(),
             py::arg("directly").noconvert(), py::arg("active").noconvert(), py::arg("keep_states"),
             n_threads)
        .def(
            "search",
            [](const G& cell, const Array<T>& starts, const std::optional<Array<T>>& inputs,
               const std::optional<Array<T>>& deflated, const std::string& method, double tol_slow,
               std::optional<std::int32_t> max_iterations, double learning_rate, int threads,
               const std::optional<py::function>& progress) {
                return Result(cell.search(starts, inputs, deflated, method, tol_slow,
                                          max_iterations, learning_rate, threads, progress));
            },
            py::arg("starts").noconvert(), no_x, py::kw_only(),
            py::arg("deflated").noconvert() = py::none(), py::arg("method") = "auto",
            py::arg("tol_slow") = 1e-6, py::arg("max_iterations") = py::none(),
            py::arg("learning_rate") = 0.01, py::arg("n_threads") = 1,
            py::arg("progress") = py::none());
}

}  // namespace

void declare_cells(py::module_& module) {
    declare<double>(module, "SearchResult64", "ResidualMap64", "Cell64");
    declare<float>(module, "SearchResult32", "ResidualMap32", "Cell32");
}

}  // namespace nullcline::bindings
