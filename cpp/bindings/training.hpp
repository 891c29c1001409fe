// Layers that are trained.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

void declare_training(pybind11::module_& module);

}  // namespace nullcline::bindings
