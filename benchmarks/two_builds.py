"""The speed of two builds, search by search, by turns in one run.

``python benchmarks/two_builds.py BEFORE AFTER``, each the folder of an environment that has a build
installed, or ``PYTHON:PATH`` for an interpreter and the folder of a package to put before its own.
Each build runs in a process of its own, which stays; the two take turns at every search, so that a
machine whose speed drifts slows both. It uses the public names alone, so that any build can run it,
and writes `results/two-builds.json`.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve()
FIXTURES = HERE.parent.parent / "tests" / "fixtures"
RESULT = HERE.parent / "results" / "two-builds.json"
ROUNDS = 15
SEARCHES = {  # iterations at most, where a method would take minutes
    "auto": None,
    "krylov": None,
    "lm": None,
    "newton": None,
    "gradient": 200,
}
GATES = {"GRU": 3, "OriginalGRU": 3, "LSTM": 4, "UGRNN": 2, "MGU": 2, "RNN": 1}


def problems() -> dict[str, tuple[Any, Any]]:
    """Return cells and starts: the trained networks of `make bench`, and one of every cell."""
    from safetensors.numpy import load_file

    import nullcline as nc

    found: dict[str, tuple[Any, Any]] = {}
    for name in ("imdb-1-layer", "synthetic-1-layer"):
        path = FIXTURES / f"{name}.safetensors"
        (cell,) = nc.from_safetensors(path)
        starts = next(a for key, a in load_file(path).items() if "starts" in key)
        found[name] = cell, starts.astype(np.float64)
    for name, gates in GATES.items():
        rng = np.random.default_rng(1)
        size = 128
        weights = (
            rng.normal(size=(gates * size, 8)),
            1.2 * rng.normal(size=(gates * size, size)) / size**0.5,
            0.3 * rng.normal(size=gates * size),
        )
        cell = getattr(nc, name)(*weights)
        found[name] = cell, rng.uniform(-1, 1, (200, cell.state_size))
    return found


def serve() -> None:
    """Search what a line on standard input names, and write how long it took."""
    import nullcline as nc

    cells = problems()
    for line in sys.stdin:
        name, method = line.rstrip("\n").split("\t")
        cell, starts = cells[name]
        begin = time.perf_counter()
        nc.find_fixed_points(cell, starts, method=method, max_iterations=SEARCHES[method])
        print(time.perf_counter() - begin, flush=True)


class Build:
    """A build in a process that answers searches."""

    def __init__(self, where: str) -> None:
        interpreter, _, path = where.partition(":")
        if not path:
            interpreter = str(Path(interpreter) / "bin" / "python")
        environment = {**os.environ, "PYTHONPATH": path}
        self._process = subprocess.Popen(
            [interpreter, str(HERE), "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
        )

    def seconds(self, name: str, method: str) -> float:
        """Return how long one search takes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\t{method}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def compare(before: Build, after: Build, name: str, method: str) -> dict[str, Any]:
    """Return both builds' times of one search, and their ratio pair by pair."""
    pairs = [(before.seconds(name, method), after.seconds(name, method)) for _ in range(ROUNDS + 1)]
    old, new = zip(*pairs[1:], strict=True)  # the first warms up
    ratios = [n / o for o, n in pairs[1:]]
    return {
        "network": name,
        "method": method,
        "before_ms": 1e3 * statistics.median(old),
        "after_ms": 1e3 * statistics.median(new),
        "ratio": statistics.median(ratios),
        "fastest_ratio": min(new) / min(old),
    }


def main(before: str, after: str) -> None:
    builds = Build(before), Build(after)
    rows = []
    for name in ("imdb-1-layer", "synthetic-1-layer", *GATES):
        for method in SEARCHES:
            rows.append(compare(*builds, name, method))
            row = rows[-1]
            print(
                f"{name:20} {method:10} {row['before_ms']:9.2f} {row['after_ms']:9.2f} ms  "
                f"{row['ratio']:.3f}  {row['fastest_ratio']:.3f}",
                flush=True,
            )
    ratio = statistics.median(row["ratio"] for row in rows)
    machine = {"machine": platform.machine(), "cores": os.cpu_count()}
    result = {"rounds": ROUNDS, "median_ratio": ratio, **machine, "searches": rows}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(f"median of the ratios after / before: {ratio:.3f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main(*sys.argv[1:])
