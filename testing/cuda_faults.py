"""Faults of the code that runs on GPUs: barriers, strides, streams and memory."""

from __future__ import annotations

from testing.fault import Fault

GROUP = "cpp/include/nullcline/gpu/cooperative_group.hpp"
EIGEN = "cpp/include/nullcline/gpu/jacobi_eigen.hpp"
SLOTS = "cpp/include/nullcline/gpu/slot_kernels.hpp"
DEVICE = "cpp/cuda/device.cuh"

FAULTS = (
    Fault("no barrier after a loop", GROUP, "lanes_.sync();", "", "void for_each"),
    Fault("no barrier after one thread's work", GROUP, "lanes_.sync();", "", "void single"),
    Fault(
        "no barrier before a warp's work",
        GROUP,
        "lanes_.sync();  // the warp reads what others wrote, and writes what others read",
        "",
    ),
    Fault(
        "no barrier before shared memory is used again",
        GROUP,
        "lanes_.sync();  // before the scratch memory is used again",
        "",
    ),
    Fault("no barrier before warps' sums are read", GROUP, "lanes_.sync();", "", "scratch[lanes_"),
    Fault("a warp waits for no other thread", "cpp/cuda/block_lanes.cuh", "__syncwarp();", ""),
    Fault(
        "an atomic sum that is none",
        "cpp/cuda/block_lanes.cuh",
        "return atomicAdd(counter, by);",
        "const auto before = *counter; *counter += by; return before;",
    ),
    Fault("a sum over half a warp", "cpp/cuda/block_lanes.cuh", "warp_width / 2", "warp_width / 4"),
    Fault("a barrier that some threads do not reach", EIGEN, "group.sync();", "", "sort_by"),
    Fault(
        "a product by the wrong stride",
        DEVICE,
        "checked_int(a.stride()), &zero",
        "checked_int(depth), &zero",
    ),
    Fault(
        "a Gram matrix transposed",
        DEVICE,
        "CublasOperation::transposed, n, n, n, &one,",
        "CublasOperation::plain, n, n, n, &one,",
    ),
    Fault(
        "factors solved untransposed",
        DEVICE,
        "context_.blas(), CublasOperation::transposed, n, 1",
        "context_.blas(), CublasOperation::plain, n, 1",
    ),
    Fault(
        "gathered rows go back to other slots",
        SLOTS,
        "gathered.results.row(row)",
        "gathered.results.row(block)",
    ),
    Fault(
        "a place without a row is advanced",
        SLOTS,
        "place < slots.size() && place < *n_slots",
        "place < slots.size()",
    ),
    Fault(
        "normal matrices that other slots overwrite",
        "cpp/include/nullcline/gpu/dense_kernels.hpp",
        "normals.data() + slot * size * size",
        "normals.data() + place_of_new * size * size",
    ),
    Fault(
        "an inverse that is not there yet",
        "cpp/include/nullcline/gpu/preconditioner.hpp",
        "std::ceil(std::log2(condition * digits))",
        "std::ceil(std::log2(condition * digits) / 2)",
    ),
    Fault(
        "a host's pass that is not brought back",
        "cpp/include/nullcline/gpu/row_kernels.hpp",
        "copy(group, h.row(place), search.state(start));",
        "",
        "struct ReturnStarts",
    ),
    Fault("the host does not wait for an upload", DEVICE, "synchronize();", "", "void upload"),
    Fault(
        "the host does not wait for a download",
        "cpp/include/nullcline/gpu/memory.hpp",
        "device_->synchronize();",
        "",
    ),
    Fault(
        "the stream of the starts is not waited for",
        "cpp/cuda/search.cuh",
        "device_.wait_for(reinterpret_cast<cudaStream_t>(stream));",
        "static_cast<void>(stream);",
    ),
    Fault(
        "the device stays current",
        "cpp/cuda/driver.cpp",
        "static_cast<void>(driver().pop(&ours));",
        "static_cast<void>(ours);",
    ),
    Fault(
        "a pool of memory on the first GPU for all",
        "cpp/cuda/context.cpp",
        'check(cudaMemPoolCreate(&pool, &properties), "make a pool of memory");',
        "properties.location.id = 0; "
        'check(cudaMemPoolCreate(&pool, &properties), "make a pool of memory");',
    ),
)
