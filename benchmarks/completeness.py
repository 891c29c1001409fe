"""What completeness costs: the degree beside the search, and a search for all fixed points.

`python -m benchmarks.completeness` searches every trained layer from its 500 visited states, tells
the indices of the distinct points, and then looks for all points, from 200 of those states; so it
does with sums of uncoupled units, of which all 3^n points are known, and with flip-flops of low
rank, whose points are enumerated and proved to be all. It writes `results/completeness.json` and
the table of docs/completeness.md. Times are the processor's, of one thread, medians of `ROUNDS`.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.members import fixtures
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from testing.flip_flops import flip_flop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nullcline._support.validation import Floats

ROUNDS = 3
N_STARTS = 200
"""As many as `find_all_fixed_points` draws."""

UNCOUPLED = (1, 2, 3, 4)
"""Numbers of uncoupled units; each has three fixed points."""

BITS = (1, 2, 3, 4)
FLIP_FLOP = 40
"""Units of a flip-flop."""

Row = dict[str, Any]


def networks() -> Iterator[tuple[str, Any, Floats, int | None]]:
    """Yield names, cells, starts, and how many fixed points there are where that is known."""
    for member in fixtures():
        yield member.name, member.cell(), member.starts, None
    for size in UNCOUPLED:
        cell = nc.RNN(np.zeros((size, 1)), 2 * np.eye(size), np.full(size, 0.1))
        starts = np.random.default_rng(0).uniform(-1, 1, (500, size))
        yield f"{size} uncoupled units", cell, starts, 3**size
    for bits in BITS:
        flops = flip_flop(bits, FLIP_FLOP)
        every = nc.enumerate_fixed_points(flops)
        starts = np.random.default_rng(0).uniform(-1, 1, (500, FLIP_FLOP))
        name = f"flip-flop of {bits} bit{'s' * (bits > 1)}, {FLIP_FLOP} units"
        yield name, flops, starts, len(every) if every.complete else None


def measure(name: str, cell: Any, starts: Floats, n_known: int | None) -> Row:
    """Return what the degree and a search for all points cost on one network."""
    ends, search = timed(lambda: nc.find_fixed_points(cell, starts, n_threads=1))
    distinct = ends.unique()
    _, degree = timed(lambda: replace(distinct).index)  # of a copy, which knows no index yet
    every, complete = timed(
        lambda: nc.find_all_fixed_points(cell, starts=starts[:N_STARTS], n_threads=1)
    )
    fixed = distinct.select("fixed")
    return {
        "network": name,
        "units": cell.hidden_size,
        "search": search,
        "degree": degree,
        "all": complete,
        "found": len(fixed),
        "sum": int(fixed.index.sum()),
        "found of all": len(every),
        "sum of all": int(every.points.index.sum()),
        "settled": bool(every.settled.all()),
        "known": n_known,
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what came of some work, and the median of the processor's seconds that it took."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        found = work()
        seconds.append(time.process_time() - begin)
    return found, statistics.median(seconds)


def table(rows: list[Row]) -> str:
    """Return a Markdown table, a row for each network."""
    lines = [
        "| network | search, ms | its indices, ms (share) | found (sum) | all of them, s "
        "| found (sum) | there are |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['network']} | {1e3 * row['search']:.0f} "
        f"| {1e3 * row['degree']:.1f} ({row['degree'] / row['search']:.1%}) "
        f"| {row['found']} ({row['sum']}) | {row['all']:.2f} "
        f"| {row['found of all']} ({row['sum of all']}{'' if row['settled'] else ', not settled'}) "
        f"| {'' if row['known'] is None else row['known']} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure every network, and write what came of it."""
    rows = [measure(*network) for network in networks()]
    write_json(
        ROOT / "benchmarks" / "results" / "completeness.json",
        {"packages": versions(), "rows": rows},
    )
    fill(ROOT / "docs" / "completeness.md", {"completeness": table(rows)})
    print(table(rows))


if __name__ == "__main__":
    main()
