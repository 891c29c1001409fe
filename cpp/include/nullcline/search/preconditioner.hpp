// The state from whose Jacobian J the shared preconditioner (JᵀJ + μI)⁻¹ is made.
//
// It is where the network goes from rest, without input: a state typical of its slow manifold, and
// nothing that the starts or their inputs have a part in, because what a start ends in must not
// depend on its company.
#pragma once

#include <cstddef>

namespace nullcline {

/// Steps of the network from zero.
inline constexpr std::size_t settling_steps = 100;

/// μ in units of the mean squared singular value of J, whatever the trust regions' are: it only has
/// to keep the inverse in bounds.
inline constexpr double preconditioner_shift = 1e-4;

}  // namespace nullcline
