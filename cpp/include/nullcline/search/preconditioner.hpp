// The state from whose Jacobian J the shared preconditioner (JᵀJ + μI)⁻¹ is made, and its μ.
//
// It is where the network goes from zero, without input: a state typical of its slow manifold. It
// depends on no start and on no start's input, because the result of a start must not depend on the
// others.
#pragma once

#include <cstddef>

#include "nullcline/numerics/host_device.hpp"
#include "nullcline/solvers/tuning.hpp"

namespace nullcline {

/// μ, from the trace of JᵀJ.
template <class T>
[[nodiscard]] NULLCLINE_HOST_DEVICE T preconditioner_shift(T trace, std::size_t size) {
    return static_cast<T>(tuning.preconditioner_shift) * trace / static_cast<T>(size);
}

}  // namespace nullcline
