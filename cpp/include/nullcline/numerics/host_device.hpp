// Code that compiles for a GPU as it does for the CPU.
//
// Small value types are `constexpr`, which nvcc's --expt-relaxed-constexpr takes to the device as
// well; functions marked here are those that call more than constant expressions may.
#pragma once

#if defined(__CUDACC__)
/// Runs on both sides.
#define NULLCLINE_HOST_DEVICE __host__ __device__
/// Runs on a GPU where nvcc compiles it, and on the CPU elsewhere: code for a group of threads.
#define NULLCLINE_DEVICE __device__
/// The same, compiled once a kernel and called. nvcc would put a copy of it wherever it is used,
/// and the code of all cells into each.
#define NULLCLINE_DEVICE_CALL __device__ __noinline__
#else
#define NULLCLINE_HOST_DEVICE
#define NULLCLINE_DEVICE
#define NULLCLINE_DEVICE_CALL
#endif
