// BLAS and LAPACK out of SciPy's capsules.
#pragma once

#include <pybind11/pybind11.h>

namespace nullcline::bindings {

/// Fill the core's routines from capsules by name ("dgemm", "sgetrf", ...), all or none; those that
/// it has already stay.
void take_capsules(const pybind11::dict& capsules);

/// Whether the routines have been filled in.
bool blas_ready();

/// Throw a RuntimeError unless the routines have been filled in.
void require_blas();

}  // namespace nullcline::bindings
