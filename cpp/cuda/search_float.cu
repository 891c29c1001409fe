// Searches on a device of CUDA in float.
#include "search.cuh"

namespace nullcline::cuda {

template gpu::Labels search(const gpu::Problem<float>&);
template void copy(const gpu::Source&, float*, int, const std::vector<std::uintptr_t>&);
template gpu::Rates measure(const Cell<float>&, std::size_t, std::size_t, int);

}  // namespace nullcline::cuda
