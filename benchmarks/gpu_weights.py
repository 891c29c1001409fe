"""What the search on GPUs weighs, without a GPU: its compiled code, and what a search asks for.

`python -m benchmarks.gpu_weights` compiles the kernels with nvcc and counts their instructions,
registers and spills; runs the GPU's own search on the CPU and counts kernels, products and
factorizations (`gpu_counts.cpp`); and says how long a model of an H100 takes for those. All of it
is deterministic but the compilers' time. It writes `results/gpu-weights.json`, under the name that
`--as` gives, so that two builds stand side by side; `--only code` and `--only counts` do a part.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu_code import code
from benchmarks.networks import trained
from nullcline._support.files import replacing
from testing.hard_matrices import hard_matrices

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "gpu-weights.json"
METHODS = {"auto": 0, "newton": 1, "lm": 2, "gradient": 3, "krylov": 4}
"""As `Method` of batching/outcome.hpp numbers them."""

LOOPS = ("adam", "curvature", "gates", "host_pass", "packed_matrix", "subspace")
"""The files of cpp/src that a search needs."""

SEARCHES = [
    ("imdb-64-units", 500, "auto"),
    ("imdb-64-units", 100, "lm"),
    ("imdb-64-units", 100, "newton"),
    ("imdb-1-layer", 100, "auto"),
    ("synthetic-1-layer", 100, "auto"),
]
"""A network of the fixtures, how many starts, and the method."""

Row = dict[str, Any]


def counter(folder: Path) -> ctypes.CDLL:
    """Compile and load what counts."""
    library = folder / "gpu_counts.so"
    compiler = os.environ.get("CXX", shutil.which("g++") or "c++")
    command = [compiler, "-std=c++20", "-O2", "-ftree-vectorize", "-march=native"]
    command += ["-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-shared", "-fPIC"]
    command += [f"-I{ROOT}/cpp/{room}" for room in ("include", "emulated", "tests")]
    sources = [f"{ROOT}/cpp/src/{name}.cpp" for name in LOOPS]
    command += [f"{ROOT}/benchmarks/gpu_counts.cpp", *sources, "-o", str(library)]
    subprocess.run(command, check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.count_sweeps.restype = ctypes.c_size_t
    return loaded


def pointer(array: Any) -> Any:
    return ctypes.c_void_p(array.ctypes.data)


def count(
    library: ctypes.CDLL, name: str, n_starts: int, method: str, launch_seconds: float
) -> Row:
    """Return what a search asks of its GPU, whose kernels take so long at the least.

    Where it is 0, all is the GPU's, and rows are gathered wherever they can be.
    """
    network = trained(name)
    core: Any = network.cell.core_weights()
    _, _, weight_hh, bias, parameters = core[:5]
    starts = np.ascontiguousarray(network.starts[:n_starts])
    arrays = [np.ascontiguousarray(array) for array in (weight_hh, bias, parameters)]
    out = ctypes.create_string_buffer(1 << 16)
    library.count_search(
        ctypes.c_size_t(network.hidden_size),
        ctypes.c_size_t(n_starts),
        *(pointer(array) for array in arrays),
        pointer(starts),
        METHODS[method],
        ctypes.c_double(1e-6),
        ctypes.c_size_t(500),
        ctypes.c_double(launch_seconds),
        out,
        ctypes.c_size_t(len(out)),
    )
    found: Row = json.loads(out.value)
    size = network.hidden_size
    row = {"network": name, "method": method, "hidden_size": size, **found}
    row["launch_seconds"] = launch_seconds
    row["model seconds"] = model(row)
    return row


def sweeps(library: ctypes.CDLL) -> dict[str, int]:
    """Return the sweeps of the eigensolver for the Gram matrices of hard matrices."""
    found = {}
    for name, matrix in hard_matrices(32).items():
        scaled = matrix / max(1.0, np.abs(matrix).max())
        gram = np.ascontiguousarray(scaled.T @ scaled)
        found[name] = int(library.count_sweeps(pointer(gram)))
    return found


# A model of an H100

LAUNCH = 4e-6
"""Seconds that a kernel of a stream takes at the least, with the gap before the next."""
LOOK = 15e-6
"""Seconds from the end of the work until the host has seen it and given more."""
RATES = {"float32": 0.7 * 60e12, "float64": 0.7 * 60e12}
"""Operations a second in products: seven tenths of what the chip has without TF32."""
FACTOR_RATE = 2e12
"""Operations a second in cuBLAS's batched factorizations of many matrices."""
ONE_FACTOR_RATE = 2e10
"""The same of a single matrix, which has one block of threads."""


def model(row: Row) -> float:
    """Return the seconds that an H100 may take for what was counted: a model, not a measurement."""
    size = row["hidden_size"]
    products = sum(
        max(product["flop"] / RATES[name], product["calls"] * LAUNCH)
        for name, product in row["products"].items()
    )
    cube = float(size) ** 3
    many = (2 / 3 * row["factorizations"] + 2 * row["grams"]) * cube / FACTOR_RATE
    one = row.get("inversions", 0) * 2 * cube / ONE_FACTOR_RATE  # a build that still makes them
    return float(row["launches"] * LAUNCH + row["looks"] * LOOK + products + many + one)


def counts() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        library = counter(Path(folder))
        swept = sweeps(library)
        print("sweeps:", swept, flush=True)
        rows = []
        for search in SEARCHES:
            for launch_seconds in (0.0, LAUNCH):
                rows.append(count(library, *search, launch_seconds))
                print(count_line(rows[-1]), flush=True)
        return {"searches": rows, "sweeps": swept}


def count_line(row: Row) -> str:
    products = ", ".join(
        f"{found['calls']} products of {found['rows']:,} rows ({found['flop'] / 1e9:.1f} GFLOP) "
        f"in {name}"
        for name, found in row["products"].items()
    )
    return (
        f"{row['network']} {row['method']} {row['n_starts']} starts ({row['fixed']} fixed, "
        f"{row['slow']} slow): {row['launches']} kernels, {products}, {row['grams']} Gram "
        f"matrices, {row['factorizations']} factorizations, {row['looks']} looks, "
        f"{row['polls']} polls; the model says {1e3 * row['model seconds']:.1f} ms"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--as", dest="label", default="after", help="the name of this build")
    parser.add_argument("--only", choices=["code", "counts"], help="do this part alone")
    options = parser.parse_args(arguments)
    result: Row = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    build = result.setdefault(options.label, {})
    for part, measure in (("counts", counts), ("code", code)):
        if options.only in (None, part):
            build[part] = measure()
    with replacing(RESULTS) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
