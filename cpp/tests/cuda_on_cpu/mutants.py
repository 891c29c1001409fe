"""Put faults into the GPU's code, one at a time, and see that the claims of CUDA on a CPU fail.

`make mutants` runs it. Each fault is put into a copy of the sources, compiled and tested; one that
nothing notices is named at the end. It takes minutes a fault.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
GROUP = "cpp/include/nullcline/gpu/cooperative_group.hpp"
EIGEN = "cpp/include/nullcline/gpu/jacobi_eigen.hpp"
DEVICE = "cpp/cuda/device.cuh"


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
        "n, &one, jacobians, n, stride",
        "n, &one, jacobians, n, 0",
    ),
    Fault(
        "factors solved untransposed",
        DEVICE,
        "context_.blas(), CublasOperation::transposed, n, 1",
        "context_.blas(), CublasOperation::plain, n, 1",
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
        "a context is kept after an exception",
        "cpp/cuda/context.cpp",
        'check(cudaMemPoolCreate(&pool, &properties), "make a pool of memory");',
        "properties.location.id = 0; "
        'check(cudaMemPoolCreate(&pool, &properties), "make a pool of memory");',
    ),
)


def put(fault: Fault, tree: Path) -> None:
    path = tree / fault.file
    text = path.read_text("utf-8")
    begin = text.index(fault.after)
    at = text.index(fault.sound, begin)
    path.write_text(text[:at] + fault.faulty + text[at + len(fault.sound) :], "utf-8")


def is_noticed(fault: Fault, tree: Path, build: Path) -> bool:
    """Compile the sources with a fault, and tell whether a claim fails; what does not compile fails."""
    before = (tree / fault.file).read_text("utf-8")
    put(fault, tree)
    subprocess.run(["cmake", "--build", build, "--target", "nullcline_cuda_tests"], check=True)
    ran = subprocess.run(
        ["ctest", "--test-dir", build, "-R", "on CUDA", "--stop-on-failure", "--timeout", "300"],
        check=False,
    )
    (tree / fault.file).write_text(before, "utf-8")
    return ran.returncode != 0


def main() -> int:
    names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        tree, build = Path(folder, "tree"), Path(folder, "build")
        shutil.copytree(ROOT / "cpp", tree / "cpp")
        shutil.copytree(ROOT / "cmake", tree / "cmake")
        shutil.copy(ROOT / "CMakeLists.txt", tree)
        options = ["-DNULLCLINE_PYTHON=OFF", "-DNULLCLINE_TESTS=ON"]
        subprocess.run(["cmake", "-S", tree, "-B", build, "-G", "Ninja", *options], check=True)
        noticed = {
            fault.name: is_noticed(fault, tree, build)
            for fault in FAULTS
            if not names or fault.name in names
        }
    for name, was in noticed.items():
        print(f"{'noticed' if was else 'NOT noticed'}: {name}")
    return 0 if all(noticed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
