// Enumerations of fixed points.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

void declare_enumeration(pybind11::module_& module);

}  // namespace nullcline::bindings
