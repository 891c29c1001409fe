// Cells whose equations are enclosed, for proofs.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

void declare_enclosures(pybind11::module_& module);

}  // namespace nullcline::bindings
