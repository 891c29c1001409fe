"""Put faults into the GPU's code, one at a time, and see that the claims of CUDA on a CPU fail.

`make mutants` puts them all, `python -m testing.mutants NAME ...` those of a name. Each goes into a
copy of the sources, which is compiled and tested: some minutes a fault.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
GROUP = "cpp/include/nullcline/gpu/cooperative_group.hpp"
EIGEN = "cpp/include/nullcline/gpu/jacobi_eigen.hpp"
SLOTS = "cpp/include/nullcline/gpu/slot_kernels.hpp"
DEVICE = "cpp/cuda/device.cuh"
CMAKE = shutil.which("cmake") or "cmake"
CTEST = shutil.which("ctest") or "ctest"


class Fault(NamedTuple):
    """A fault: `sound`, which stands once in a file from `after` on, becomes `faulty`."""

    name: str
    file: str
    sound: str
    faulty: str
    after: str = ""


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


def put(fault: Fault, tree: Path) -> None:
    path = tree / fault.file
    text = path.read_text("utf-8")
    at = text.index(fault.sound, text.index(fault.after))
    path.write_text(text[:at] + fault.faulty + text[at + len(fault.sound) :], "utf-8")


def holds(build: Path) -> bool:
    """Compile the sources, which must be possible, and tell whether all claims hold."""
    subprocess.run([CMAKE, "--build", build, "--target", "nullcline_cuda_tests"], check=True)
    tests = build / "cpp" / "tests" / "cuda_on_cpu"
    ctest = [CTEST, "--test-dir", str(tests), "--stop-on-failure", "--no-tests=error"]
    at_once = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}
    return subprocess.run(ctest, check=False, env=at_once).returncode == 0


def is_noticed(fault: Fault, tree: Path, build: Path) -> bool:
    before = (tree / fault.file).read_text("utf-8")
    put(fault, tree)
    noticed = not holds(build)
    (tree / fault.file).write_text(before, "utf-8")
    return noticed


def main() -> int:
    faults = [fault for fault in FAULTS if not sys.argv[1:] or fault.name in sys.argv[1:]]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        tree, build = Path(folder, "tree"), Path(folder, "build")
        for name in ("cpp", "cmake"):
            shutil.copytree(ROOT / name, tree / name)
        shutil.copy(ROOT / "CMakeLists.txt", tree)
        options = ["-DNULLCLINE_PYTHON=OFF", "-DNULLCLINE_TESTS=ON"]
        subprocess.run([CMAKE, "-S", tree, "-B", build, "-G", "Ninja", *options], check=True)
        if not holds(build):
            sys.stdout.write("claims fail without a fault\n")
            return 1
        for fault in faults:
            noticed = is_noticed(fault, tree, build)
            sys.stdout.write(f"{'noticed' if noticed else 'NOT NOTICED'}: {fault.name}\n")
            missed += [] if noticed else [fault.name]
    sys.stdout.write(f"{len(faults) - len(missed)} of {len(faults)} faults were noticed\n")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
