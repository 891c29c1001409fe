// Cells, their residual maps, and what their searches return.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

void declare_cells(pybind11::module_& module);

}  // namespace nullcline::bindings
