"""Where searches of random networks end, by `auto` and by the homotopy, and what a path takes.

Counts of starts, of distinct fixed points and of solutions mean the same on every machine;
milliseconds are of one thread. `python -m benchmarks.homotopy` writes `results/homotopy.json` and
the table of docs/search.md.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from testing.every_cell import EVERY_KIND, random_network

SIZES = ((16, 2), (32, 2), (32, 5), (64, 2), (64, 5), (64, 10))
"""Units, and the gain of the recurrent weights."""

BOUNDED = tuple(kind for kind in EVERY_KIND if kind not in {"relu", "leaky"})
NETWORKS = 2
STARTS = 8

Row = dict[str, Any]


def measure(sizes: tuple[tuple[int, float], ...], n_networks: int, n_starts: int) -> list[Row]:
    """Search random networks of every kind whose outputs are bounded, by both."""
    rows = []
    for kind in BOUNDED:
        for size, gain in sizes:
            searches = [_search(kind, size, gain, seed, n_starts) for seed in range(n_networks)]
            rows.append({"kind": kind, "size": size, "gain": gain, "networks": searches})
    return rows


def _search(kind: str, size: int, gain: float, seed: int, n_starts: int) -> Row:
    cell = random_network(kind, size, 1, gain=gain, seed=seed).cell()
    rng = np.random.default_rng(seed)
    outputs = rng.uniform(0.9 * cell.box.low, 0.9 * cell.box.high, (n_starts, size))
    starts = np.hstack([outputs, rng.normal(size=(n_starts, cell.state_size - size))])
    auto = nc.find_fixed_points(cell, starts, n_threads=1)
    begin = time.process_time()
    paths = nc.find_fixed_points(cell, starts, method="homotopy", n_threads=1)
    seconds = time.process_time() - begin
    return {
        "starts": n_starts,
        "auto": _found(auto),
        "homotopy": _found(paths),
        "solutions": paths.iterations.tolist(),
        "ms_per_start": 1e3 * seconds / n_starts,
    }


def _found(points: nc.FixedPoints) -> Row:
    fixed = points.select("fixed")
    return {"fixed": len(fixed), "distinct": len(fixed.unique())}


def table(rows: list[Row]) -> str:
    """Return a Markdown table of networks."""
    lines = [
        "| network | units | gain | fixed by `auto` | distinct | fixed by `homotopy` | distinct "
        "| solutions, median | most | ms per start |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        networks = row["networks"]
        n = sum(network["starts"] for network in networks)
        auto, paths = (_summary(networks, method, n) for method in ("auto", "homotopy"))
        solutions = [count for network in networks for count in network["solutions"]]
        ms = float(np.mean([network["ms_per_start"] for network in networks]))
        lines.append(
            f"| {EVERY_KIND[row['kind']].name} | {row['size']} | {row['gain']} | {auto} | {paths} "
            f"| {np.median(solutions):.0f} | {max(solutions)} | {ms:.1f} |"
        )
    return "\n".join(lines)


def _summary(networks: list[Row], method: str, n: int) -> str:
    fixed = sum(network[method]["fixed"] for network in networks)
    distinct = ", ".join(str(network[method]["distinct"]) for network in networks)
    return f"{fixed} of {n} | {distinct}"


def main() -> None:
    """Measure and write what came of it."""
    rows = measure(SIZES, NETWORKS, STARTS)
    result = {"packages": versions(), "rows": rows}
    write_json(ROOT / "benchmarks" / "results" / "homotopy.json", result)
    fill(ROOT / "docs" / "search.md", {"homotopy": table(rows)})


if __name__ == "__main__":
    main()
