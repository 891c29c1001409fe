// Searches on a device of CUDA in double.
#include "search.cuh"

namespace nullcline::cuda {

template gpu::Labels search(const gpu::Problem<double>&);
template void copy(const gpu::Source&, double*, int, const std::vector<std::uintptr_t>&);
template gpu::Rates measure(const Cell<double>&, std::size_t, std::size_t, int);

}  // namespace nullcline::cuda
