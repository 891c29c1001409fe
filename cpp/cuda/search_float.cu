#include "search.cuh"

template nullcline::gpu::Labels nullcline::cuda::search(const nullcline::gpu::Problem<float>&);
