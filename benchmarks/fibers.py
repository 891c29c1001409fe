"""What fibers beyond the box meet: points in the box alone and beyond it, in counts.

`python -m benchmarks.fibers` traces one random point of random networks of every kind whose outputs
are bounded, and writes `results/fibers.json`: states of the longest curve, factorizations, fixed
points that are met, and curves at fault, of which there should be none. `--networks N` makes N of
each kind, size and gain.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.curves import counted
from benchmarks.report import ROOT
from nullcline._support.files import write_json
from nullcline._support.versions import versions

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
            "ends": curve.ends,
            "faults": traced.faults,
        }
    return found


def main() -> None:
    """Write the results, and print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=4)
    n = parser.parse_args().networks
    every = [row(*case) for case in product(GATES, SIZES, GAINS, range(n))]
    rows = [one for one in every if one is not None]
    write_json(RESULTS / "fibers.json", {"packages": versions(), "rows": rows})
    for kind in GATES:
        own = [one for one in rows if one["kind"] == kind]
        met = [sum(one[where]["met"] for one in own) for where in ("box", "beyond")]
        longest = max(one["beyond"]["states"] for one in own)
        part = sum(not one["beyond"]["whole"] for one in own)
        faults = sum(len(one["beyond"]["faults"]) for one in own)
        print(
            f"{kind}: {len(own)} networks; {met[0]} points met in the box, {met[1]} beyond; "
            f"longest curve {longest} states; {part} not whole; {faults} at fault"
        )


if __name__ == "__main__":
    main()
