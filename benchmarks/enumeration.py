"""What it takes to enumerate all fixed points: boxes, which any machine has alike, and seconds.

Networks are random, with one thread. `python -m benchmarks.enumeration` writes
`results/enumeration.json` and the table of docs/enumeration.md.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from testing.every_cell import random_network

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(5)
FULL = {
    ("tanh", 2.0): (6, 8, 10, 12, 15),
    ("gru", 2.0): (4, 6, 8),
    ("lstm", 2.0): (3, 4, 5),
    ("mgu", 2.0): (4, 6, 8),
    ("original_gru", 2.0): (4, 6),
    ("ugrnn", 2.0): (6, 8, 10, 12),
    ("rate", 2.0): (4, 6, 8),
}
"""Kinds of cells and the gain of their weights, and numbers of units."""
LATENT = ((1000, 2), (1000, 3), (100, 4))
"""Units and ranks."""
RELU = (10, 15, 20)


def networks() -> Iterator[tuple[str, int, Any]]:
    """Yield a name, a size, and a cell."""
    for (kind, gain), sizes in FULL.items():
        for size in sizes:
            for seed in SEEDS:
                yield kind, size, random_network(kind, size, 1, gain, seed).cell()
    for size, rank in LATENT:
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            m = rng.normal(size=(size, rank))
            n = (2 * m + 1.6 * rng.normal(size=(size, rank))) / size
            bias = 0.1 * rng.normal(size=size)
            low_rank = nc.RateRNN(np.zeros((size, 1)), (m, n), bias, alpha=0.1)
            yield f"rank {rank}", size, low_rank
    for size in RELU:
        for seed in SEEDS:
            rng = np.random.default_rng(seed)
            weight = 1.2 * rng.normal(size=(size, size)) / np.sqrt(size)
            np.fill_diagonal(weight, 0)
            bias = 0.5 * rng.normal(size=size)
            relu = nc.LeakyRNN(np.zeros((size, 1)), weight, bias, alpha=0.5, activation="relu")
            yield "relu", size, relu


def measure() -> list[dict[str, Any]]:
    """Enumerate each network once."""
    rows = []
    for name, size, cell in networks():
        begin = time.process_time()
        found = nc.enumerate_fixed_points(cell, n_threads=1, max_boxes=2_000_000)
        seconds = time.process_time() - begin
        rows.append(
            {
                "network": name,
                "units": size,
                "points": len(found),
                "complete": found.complete,
                "boxes": found.n_boxes,
                "seconds": round(seconds, 4),
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return a line for each kind and size: medians and the largest over the seeds."""
    lines = [
        "| network | units | fixed points | complete | boxes, median | most "
        "| seconds, median | most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((row["network"], row["units"]) for row in rows):
        own = [row for row in rows if (row["network"], row["units"]) == key]
        points = [row["points"] for row in own]
        boxes, seconds = ([row[name] for row in own] for name in ("boxes", "seconds"))
        complete = sum(row["complete"] for row in own)
        lines.append(
            f"| {key[0]} | {key[1]} | {min(points)} to {max(points)} | {complete} of {len(own)} "
            f"| {np.median(boxes):,.0f} | {max(boxes):,} | {np.median(seconds):.3f} "
            f"| {max(seconds):.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    rows = measure()
    result = {"packages": versions(), "rows": rows}
    write_json(ROOT / "benchmarks" / "results" / "enumeration.json", result)
    fill(ROOT / "docs" / "enumeration.md", {"boxes": table(rows)})


if __name__ == "__main__":
    main()
