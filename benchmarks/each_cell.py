"""What a search of every cell costs, and of the same network as a function.

Networks are random, and starts are states that they visit. Searches take turns.
`python -m benchmarks.each_cell` writes `results/each-cell.json` and the table of docs/cells.md.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import available_threads
from nullcline.search import KINDS as ENDS
from testing.every_cell import EVERY_KIND, KINDS, random_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from testing.every_cell import Network

GAINS = {"relu": 0.6}
GAIN = 1.2
INPUTS = 8
STEPS = 10
"""Steps with random inputs from a random state to a start."""

Row = dict[str, Any]


def visited(network: Network, n: int) -> NDArray[np.float64]:
    """Return states (n, S) that a network visits as it reads noise."""
    rng = np.random.default_rng(0)
    cell = network.cell()
    states: NDArray[np.float64] = rng.uniform(-1, 1, (n, network.state_size))
    for _ in range(STEPS):
        states = cell.step(states, rng.normal(size=(n, INPUTS)))
    return states


def as_function(network: Network) -> Any:
    """Return the network as a function of PyTorch, in the box that its outputs keep to."""
    step = torch.func.vmap(lambda x, h: network.step(h, x))
    box = network.cell().box
    bounds = (box.low.min(), box.high.max()) if network.kind != "lstm" else None  # c has no box
    return nc.from_function(step, network.state_size, INPUTS, bounds=bounds)


def measure(size: int, n_starts: dict[str, int], rounds: int) -> list[Row]:
    """Search every kind of network of `size` units as a cell and as a function."""
    rows = []
    for kind in KINDS:
        network = random_network(kind, size, INPUTS, GAINS.get(kind, GAIN), seed=1)
        searched = {"cell": network.cell(), "function": as_function(network)}
        starts = {way: visited(network, n) for way, n in n_starts.items()}
        found: dict[str, list[Row]] = {way: [] for way in searched}
        for _ in range(rounds):
            for way, cell in searched.items():
                found[way].append(_search(cell, starts[way]))
        rows.append({"kind": kind, **{way: _summary(others) for way, others in found.items()}})
    return rows


def _search(cell: Any, starts: NDArray[np.float64]) -> Row:
    begin = time.perf_counter()
    points = nc.find_fixed_points(cell, starts)
    seconds = time.perf_counter() - begin
    return {
        "starts": len(starts),
        "seconds": seconds,
        **{kind: int((points.kind == kind).sum()) for kind in ENDS},
        "iterations": float(np.median(points.iterations)),
    }


def _summary(rounds: Sequence[Row]) -> Row:
    """Return what all rounds share, the median time of a start, and every round's seconds."""
    seconds = [row["seconds"] for row in rounds]
    ms = 1e3 * statistics.median(seconds) / rounds[0]["starts"]
    return {**rounds[0], "seconds": seconds, "ms_per_start": ms}


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of cells."""
    lines = [
        "| network | starts that are fixed | iterations | ms per start | as a function: fixed "
        "| ms per start | times as long |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cell, function = row["cell"], row["function"]
        fixed = [f"{way['fixed']} of {way['starts']}" for way in (cell, function)]
        ratio = function["ms_per_start"] / cell["ms_per_start"]
        lines.append(
            f"| {EVERY_KIND[row['kind']].name} | {fixed[0]} | {cell['iterations']:.0f} "
            f"| {cell['ms_per_start']:.3f} | {fixed[1]} | {function['ms_per_start']:.1f} "
            f"| {ratio:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure with 256 units and write what came of it."""
    rows = measure(256, {"cell": 500, "function": 200}, rounds=3)
    result = {"packages": versions(), "cores": available_threads(), "rows": rows}
    write_json(ROOT / "benchmarks" / "results" / "each-cell.json", result)
    fill(ROOT / "docs" / "cells.md", {"cells": table(rows)})


if __name__ == "__main__":
    main()
