// Searches over functions of Python.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

void declare_functions(pybind11::module_& module);

}  // namespace nullcline::bindings
