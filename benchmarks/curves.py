"""What a curve costs: one trace of trained, widened and random networks, in time and in counts.

`python -m benchmarks.curves` writes `results/curves.json` and the table of docs/line_attractor.md.
`--largest H` leaves out wider networks. `--before` writes `results/curves-before.json` instead: it
is for a checkout of an earlier commit with this file in it, and what it wrote is then read here.
Times are of the processor, which on a quiet machine is the clock's: a trace has one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from scipy.linalg import lapack

import nullcline as nc
from benchmarks.networks import widened
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells.compiled import CompiledCell
from nullcline.continuation import fiber_problem, fibers
from testing.every_cell import EVERY_KIND, SMOOTH, random_network
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nullcline.cells import Cell

RESULTS = ROOT / "benchmarks" / "results"
WIDE = (512, 1024, 2048, 4096)
GAIN = 1.2
N_STARTS = 20
ROUNDS = 5
LONGEST = 4.0
"""Seconds of one trace from which on it is made once."""

Row = dict[str, Any]


def networks(largest: int) -> Iterator[tuple[str, Cell, Any]]:
    """Yield names, cells and states to start from."""
    for name, layer in LAYERS:
        trained = trained_layer(name, layer)
        yield f"{name}, layer {layer}", trained.cell(), trained.starts.astype(float)
    for kind in SMOOTH:
        for size in (64, 256):
            network = random_network(kind, size, 1, GAIN, 0)
            starts = np.random.default_rng(0).uniform(-1, 1, (N_STARTS, network.state_size))
            yield f"random, {EVERY_KIND[kind].name}", network.cell(), starts
    for size in WIDE:
        if size <= largest:
            wide = widened("imdb-1-layer", size, 2)
            yield "imdb-1-layer, widened", wide.cell, wide.starts


@contextmanager
def counted(counts: Counter[str]) -> Iterator[None]:
    """Count factorizations, residuals and products made of one state at a time, and searches."""

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted_function(*args: Any, **options: Any) -> Any:
            counts[name] += 1
            return function(*args, **options)

        return counted_function

    places: list[tuple[Any, str, str]] = [
        *((lapack, routine, "factorizations") for routine in ("dgetrf", "sgetrf", "dgesv")),
        (np.linalg, "svd", "decompositions"),
        (CompiledCell, "residual", "residuals"),
        (CompiledCell, "residual_jacobian", "jacobians"),
        (fiber_problem, "residual_map", "residuals"),
    ]
    with ExitStack() as stack:
        for owner, name, counter in places:
            if hasattr(owner, name):  # an earlier commit has not all of them
                replaced = counting(counter, getattr(owner, name))
                stack.enter_context(patch.object(owner, name, replaced))
        stack.enter_context(_searches_timed(counts))
        yield


@contextmanager
def _searches_timed(counts: Counter[str]) -> Iterator[None]:
    def timed(*args: Any, **options: Any) -> Any:
        begin = time.process_time()
        found = nc.find_fixed_points(*args, **options)
        counts["microseconds of polishing"] += round(1e6 * (time.process_time() - begin))
        return found

    with patch.object(fibers, "find_fixed_points", timed):
        yield


def measure(name: str, cell: Cell, starts: Any) -> Row:
    """Trace one network from a point that its starts lead to, the first that is fixed if one is."""
    points = nc.find_fixed_points(cell, starts[:N_STARTS], n_threads=1).unique()
    fixed = points.select("fixed")
    point = (fixed if len(fixed) else points).select([0])
    counts: Counter[str] = Counter()
    with counted(counts):
        begin = time.process_time()
        found = nc.trace(cell, point, n_threads=1)
        seconds = [time.process_time() - begin]
    while seconds[0] < LONGEST and len(seconds) < ROUNDS:
        begin = time.process_time()
        nc.trace(cell, point, n_threads=1)
        seconds.append(time.process_time() - begin)
    (curve,) = found.curves
    return {
        "network": name,
        "hidden_size": cell.hidden_size,
        "states": len(curve),
        "length": float(curve.arclength[-1] - curve.arclength[0]),
        "ends": list(curve.ends),
        "points": found.points.kind.tolist(),
        "branch_points": len(curve.branch_h),
        "seconds": statistics.median(seconds),
        **counts,
    }


def table(rows: list[Row], before: list[Row]) -> str:
    """Return the rows in Markdown, beside what an earlier commit took."""
    earlier = {(row["network"], row["hidden_size"]): row for row in before}
    lines = [
        "| network | H | states | factorizations | before | residuals | ms a trace "
        "| of it polishing | before | times as fast |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        was = earlier.get((row["network"], row["hidden_size"]), {})
        seconds = was.get("seconds")
        cells = [
            row["network"],
            row["hidden_size"],
            row["states"],
            row.get("factorizations", 0),
            was.get("factorizations", ""),
            row.get("residuals", 0),
            f"{1e3 * row['seconds']:.0f}",
            f"{row['microseconds of polishing'] / 1e3:.0f}",
            f"{1e3 * seconds:.0f}" if seconds else "",
            f"{seconds / row['seconds']:.1f}" if seconds else "",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=max(WIDE))
    parser.add_argument("--before", action="store_true")
    options = parser.parse_args()
    rows = []
    for name, cell, starts in networks(options.largest):
        rows.append(measure(name, cell, starts))
        print(json.dumps(rows[-1]), flush=True)
    earlier = RESULTS / "curves-before.json"
    result = {"packages": versions(), "rows": rows}
    if options.before:
        write_json(earlier, result)
        return
    write_json(RESULTS / "curves.json", result)
    before = json.loads(earlier.read_text("utf-8"))["rows"] if earlier.exists() else []
    fill(ROOT / "docs" / "line_attractor.md", {"curves": table(rows, before)})


if __name__ == "__main__":
    main()
