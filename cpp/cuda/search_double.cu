// Searches on a device of CUDA in double.
#include <utility>

#include "search.cuh"

namespace nullcline::cuda {

std::pair<int, int> least_compute_capability() {
    constexpr int architectures[] = {__CUDA_ARCH_LIST__};  // ascending, such as 800, 900
    return {architectures[0] / 100, architectures[0] % 100 / 10};
}

template gpu::Labels search(const gpu::Problem<double>&);
template void copy(const gpu::Source&, double*, int, const std::vector<std::uintptr_t>&);
template gpu::Rates measure(const Cell<double>&, std::size_t, std::size_t, int);

}  // namespace nullcline::cuda
