"""What fibers beyond the box meet: points in the box alone and beyond it, in counts.

`python -m benchmarks.fibers` traces one random point of random networks of every kind whose outputs
are bounded, and writes `results/fibers.json` and the table of docs/fibers.md: states of the longest
curve, factorizations, fixed points that are met, and curves at fault, of which there should be
none. `--networks N` makes N of each kind, size and gain; `--margin X` saturates the map over
another margin, `--gain X` tries another gain, and both only print.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

import nullcline as nc
from benchmarks.curves import counted
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.continuation import extended_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.cells import Cell

RESULTS = ROOT / "benchmarks" / "results"
GATES: dict[str, tuple[Callable[..., Cell], int]] = {
    "RNN": (nc.RNN, 1),
    "GRU": (nc.GRU, 3),
    "LSTM": (nc.LSTM, 4),
    "UGRNN": (nc.UGRNN, 2),
    "MGU": (nc.MGU, 2),
    "OriginalGRU": (nc.OriginalGRU, 3),
}
SIZES = (8, 20, 40)
GAINS = (2.0, 4.0)
N_STARTS = 100
BIASES = 0.1


def random_cell(kind: str, size: int, gain: float, seed: int) -> Cell:
    """Return a network of independent Gaussian weights of variance gain² / H."""
    make, gates = GATES[kind]
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(gates * size, size)) * gain / np.sqrt(size)
    biases = rng.normal(size=gates * size) * BIASES
    return make(np.zeros((gates * size, 1)), weights, biases)


def row(kind: str, size: int, gain: float, seed: int) -> dict[str, Any] | None:
    """Return what a trace of one point costs and meets in and beyond the box."""
    cell = random_cell(kind, size, gain, seed)
    starts = np.random.default_rng(seed).uniform(-1, 1, (N_STARTS, size))
    points = nc.find_fixed_points(cell, cell.state_of(starts)).select("fixed")
    if len(points) == 0:
        return None
    found: dict[str, Any] = {"kind": kind, "size": size, "gain": gain, "seed": seed}
    for name, beyond in (("box", False), ("beyond", True)):
        counts: Counter[str] = Counter()
        with counted(counts):
            traced = nc.trace(cell, points[:1], beyond=beyond)
        (curve,) = traced.curves
        found[name] = {
            "states": len(curve),
            "factorizations": counts["factorizations"],
            "met": int(np.sum(traced.points.kind == "fixed")),
            "whole": curve.is_whole,
            "faults": traced.faults,
        }
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Return a line for each kind in Markdown."""
    lines = [
        "| cell | networks | met in the box | met beyond it | median states | most | "
        "factorizations a state | not whole | at fault |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for kind in GATES:
        own = [one for one in rows if one["kind"] == kind]
        beyond = [one["beyond"] for one in own]
        states = [one["states"] for one in beyond]
        cells = [
            f"`{kind}`",
            len(own),
            sum(one["box"]["met"] for one in own),
            sum(one["met"] for one in beyond),
            f"{statistics.median(states):.0f}",
            max(states),
            f"{sum(one['factorizations'] for one in beyond) / sum(states):.2f}",
            sum(not one["whole"] for one in beyond),
            sum(len(one["faults"]) for one in beyond),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--margin", type=float)
    parser.add_argument("--gain", type=float)
    options = parser.parse_args()
    gains = GAINS if options.gain is None else (options.gain,)
    margin = extended_map.MARGIN if options.margin is None else options.margin
    with patch.object(extended_map, "MARGIN", margin):
        every = [row(*case) for case in product(GATES, SIZES, gains, range(options.networks))]
    rows = [one for one in every if one is not None]
    print(table(rows))
    if options.margin is None and options.gain is None:
        write_json(RESULTS / "fibers.json", {"packages": versions(), "rows": rows})
        fill(ROOT / "docs" / "fibers.md", {"fibers": table(rows)})


if __name__ == "__main__":
    main()
