// BLAS and LAPACK out of SciPy's capsules.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

/// Fill the core's routines from capsules by name ("dgemm", "sgetrf", ...), all or none.
void take_capsules(const pybind11::dict& capsules);

/// Whether that has been done.
bool blas_ready();

/// RuntimeError unless it has.
void require_blas();

}  // namespace nullcline::bindings
