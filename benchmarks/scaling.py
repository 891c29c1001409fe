"""Time and memory against the hidden size, the number of starts and of threads, and the hardware.

`python -m benchmarks.scaling OUT` measures all, each search in a process of its own, and writes
what it found as JSON.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.contestants import CONTESTANTS, TOL_SLOW
from benchmarks.networks import NAMES, Network, trained, widened
from benchmarks.report import ROOT
from nullcline._native.blas import one_blas_thread
from nullcline.search import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
SIZE_STARTS = 64
BUDGET = 100.0
"""Seconds: a contestant is not taken to sizes where its next search would take longer."""

COUNTS = (1, 10, 100, 1000, 10_000, 100_000)
ROUNDS = 3

BY_SIZE = (
    "nullcline, krylov",
    "nullcline, auto",
    "nullcline, lm",
    "autograd Adam",
    "FixedPointFinder",
    "torch.func LM",
    "optimistix LM",
    "scipy hybr",
)

Row = dict[str, Any]


class PeakMemory:
    """The most resident memory of the process within the block, beyond what it had before."""

    def __enter__(self) -> PeakMemory:
        self._first = self.bytes = _resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.bytes = max(self.bytes, _resident()) - self._first

    def _watch(self) -> None:
        while not self._done.wait(0.002):
            self.bytes = max(self.bytes, _resident())


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def timed(search: Callable[[], NDArray[Any]]) -> Row:
    """Return the seconds and the peak memory of one search, its result included."""
    with PeakMemory() as peak:
        begin = time.perf_counter()
        search()
        seconds = time.perf_counter() - begin
    return {"seconds": seconds, "bytes": peak.bytes}


def by_size(name: str, hidden_size: int, n_starts: int = SIZE_STARTS) -> Row:
    """Search a network of one size."""
    network = widened("imdb-64-units", hidden_size, n_starts)
    return _one_search(name, network, n_starts)


def with_ghosts(name: str, hidden_size: int) -> Row:
    """Search a wide network that has a ghost."""
    return _one_search(name, widened("imdb-1-layer", hidden_size, SIZE_STARTS), SIZE_STARTS)


def _one_search(name: str, network: Network, n_starts: int) -> Row:
    contestant = CONTESTANTS[name]
    network.cell.step(network.starts[:1])
    if contestant.warms_up:
        contestant.run(network, network.starts)
    row = timed(lambda: contestant.run(network, network.starts))
    if name.startswith("nullcline"):
        method = name.removeprefix("nullcline, ")
        row |= _kinds(network, network.starts, method)
    return {"contestant": name, "hidden_size": network.hidden_size, "n_starts": n_starts, **row}


def _kinds(network: Network, starts: NDArray[np.float64], method: str) -> Row:
    if network.hidden_size > 1024:  # not twice
        return {}
    points = nc.find_fixed_points(network.cell, starts, method=method, tol_slow=TOL_SLOW)
    return {kind: int(np.sum(points.kind == kind)) for kind in KINDS}


def by_count(n_starts: int, n_threads: int) -> Row:
    """Search the IMDB network from many states, between pairs of visited ones."""
    network = trained("imdb-1-layer")
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 500, (2, n_starts))
    share = rng.uniform(size=(n_starts, 1))
    starts = share * network.starts[first] + (1 - share) * network.starts[second]
    network.cell.step(starts[:1])

    def search() -> NDArray[Any]:
        return nc.find_fixed_points(network.cell, starts, tol_slow=TOL_SLOW, n_threads=n_threads).h

    return {"n_starts": n_starts, "n_threads": n_threads, **timed(search)}


def hardware() -> Row:
    """Return what one core does: a 256 x 256 LU, and products of the core's shape."""
    from scipy.linalg.lapack import dgetrf

    rng = np.random.default_rng(0)
    matrix = np.asfortranarray(rng.normal(size=(256, 256)))
    states, weights = rng.normal(size=(500, 256)), rng.normal(size=(256, 512))
    flop = 2 * states.size * weights.shape[1]
    with one_blas_thread():
        row: Row = {"getrf_seconds": _median_seconds(lambda: dgetrf(matrix))}
        for dtype in (np.float64, np.float32):
            a, b = states.astype(dtype), weights.astype(dtype)
            seconds = _median_seconds(lambda a=a, b=b: _product(a, b))  # type: ignore[misc]
            row[f"gemm_gflops_{np.dtype(dtype).name}"] = flop / seconds / 1e9
        row["products_a_start"] = {name: _products(name) for name in NAMES}
    return row


def _products(name: str) -> float:
    """Return how often `auto` multiplies a state by W and by its transpose."""
    network = trained(name)
    found = network.cell.compiled.search(network.starts, tol_slow=TOL_SLOW)
    return float(found.n_products / len(network.starts))


def _product(a: NDArray[Any], b: NDArray[Any]) -> Any:
    from scipy.linalg import blas

    gemm = blas.dgemm if a.dtype == np.float64 else blas.sgemm
    return gemm(1.0, b.T, a.T)


def _median_seconds(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(200):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def in_own_process(measure: str, *arguments: object) -> Row:
    """Call a function of this file in a new process: nothing else is in its memory."""
    module = ["-m", "benchmarks.scaling"]
    done = subprocess.run(
        [sys.executable, *module, "--measure", json.dumps([measure, *arguments])],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    row: Row = json.loads(done.stdout.splitlines()[-1])
    print(measure, row, flush=True)
    return row


def median_rows(rows: list[Row]) -> Row:
    """Return the row of median time, with all times in it."""
    ordered = sorted(rows, key=lambda row: float(row["seconds"]))
    middle = ordered[len(ordered) // 2]
    return {**middle, "all_seconds": [row["seconds"] for row in rows]}


def sizes() -> list[Row]:
    """Take every contestant from size to size until it is too slow."""
    rows = []
    names = [name for name in BY_SIZE if CONTESTANTS[name].missing is None]
    growth = dict.fromkeys(names, 0.0)
    for hidden_size in SIZES:
        alive = [name for name in names if growth[name] <= BUDGET]
        quick = [name for name in alive if growth[name] < BUDGET / 20]
        found: dict[str, list[Row]] = {name: [] for name in alive}
        for round_ in range(ROUNDS):
            for name in alive if round_ == 0 else quick:
                found[name].append(in_own_process("by_size", name, hidden_size))
        for name in alive:
            row = median_rows(found[name])
            rows.append(row)
            growth[name] = 8 * row["seconds"] if row["seconds"] > 1 else 0.0
            if name == "nullcline, krylov":  # quadratic, and to be seen at every size
                growth[name] /= 8
    return rows


def main(out: Path) -> None:
    """Measure all and write it."""
    counts = [
        median_rows([in_own_process("by_count", n, 2) for _ in range(ROUNDS if n < 1e5 else 1)])
        for n in COUNTS
    ]
    result = {
        "hardware": in_own_process("hardware"),
        "threads": threads(),
        "counts": counts,
        "sizes": sizes(),
        "ghosts": [
            in_own_process("with_ghosts", "nullcline, krylov", size) for size in (1024, 4096)
        ],
    }
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def threads() -> list[Row]:
    rounds = [[in_own_process("by_count", 5000, n) for n in (1, 2)] for _ in range(ROUNDS)]
    return [median_rows([pair[i] for pair in rounds]) for i in range(2)]


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        function, *given = json.loads(sys.argv[2])
        print(json.dumps(globals()[function](*given)))
    else:
        main(Path(sys.argv[1]))
