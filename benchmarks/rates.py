"""What a leak costs: networks of rates beside the vanilla network with their fixed points.

h = tanh(W h + b) is where the vanilla and the leaky network rest, and W h + b where the network of
rates does. All search from the same states, by turns. `python -m benchmarks.rates` writes
`results/rates.json`.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import available_threads

N_STARTS = 500
ROUNDS = 7
GAINS = (0.8, 1.2, 1.6)

Row = dict[str, Any]


def problems(size: int, gain: float) -> dict[str, tuple[Any, Any]]:
    """Return cells and their starts, the vanilla network first."""
    rng = np.random.default_rng(size)
    u, b = np.zeros((size, 1)), 0.3 * rng.normal(size=size)
    w = gain * rng.normal(size=(size, size)) / size**0.5
    h = np.tanh(rng.normal(size=(N_STARTS, size)))
    left, right = rng.normal(size=(2, size, 2)) / size**0.5
    return {
        "RNN": (nc.RNN(u, w, b), h),
        "LeakyRNN": (nc.LeakyRNN(u, w, b, alpha=0.1), h),
        "RateRNN": (nc.RateRNN(u, w, b, alpha=0.1), h @ w.T + b),
        "LeakyRNN of rank 2": (nc.LeakyRNN(u, (left, right), b, alpha=0.1), h),
    }


def measure(size: int, gain: float) -> list[Row]:
    """Search with every cell, by turns."""
    cells = problems(size, gain)
    seconds: dict[str, list[float]] = {name: [] for name in cells}
    rows = {name: _row(name, size, gain, *problem) for name, problem in cells.items()}  # warms up
    for _ in range(ROUNDS):
        for name, (cell, starts) in cells.items():
            begin = time.perf_counter()
            nc.find_fixed_points(cell, starts)
            seconds[name].append(time.perf_counter() - begin)
    for name, row in rows.items():
        row["ms_per_start"] = 1e3 * statistics.median(seconds[name]) / N_STARTS
    return list(rows.values())


def _row(name: str, size: int, gain: float, cell: Any, starts: Any) -> Row:
    found = nc.find_fixed_points(cell, starts)
    return {
        "cell": name,
        "hidden_size": size,
        "gain": gain,
        "fixed": int((found.kind == "fixed").sum()),
        "iterations": float(np.median(found.iterations)),
    }


def main() -> None:
    """Measure and write what came of it."""
    rows = [row for size in (128, 256) for gain in GAINS for row in measure(size, gain)]
    for row in rows:
        print(
            f"{row['cell']:20} H = {row['hidden_size']}  gain {row['gain']}  {row['fixed']} fixed  "
            f"{row['iterations']:4.0f} iterations  {row['ms_per_start']:.3f} ms per start"
        )
    result = {"packages": versions(), "cores": available_threads(), "rows": rows}
    write_json(ROOT / "benchmarks" / "results" / "rates.json", result)


if __name__ == "__main__":
    main()
