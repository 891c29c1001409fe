"""Our methods and FixedPointFinder on the population of networks of `benchmarks/members.py`.

``python -m benchmarks.population`` measures every member that `results/population.json` does not
have yet, writes it after each, and puts the tables into docs/speed.md; ``--again`` measures all
anew, ``--only`` some. With the environment's `FIXED_POINT_FINDER` naming a clone of it, it searches
the half that is reported from the same starts.

Whatever is slow is measured on less, so that all of it takes minutes: a method of ours that a tenth
of the starts shows to be more than `HOPELESS` times slower than `auto` goes no further.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.members import Member, TorchNetwork, members
from benchmarks.rivals import descent
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from testing.marked import fill_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

ROOT = Path(__file__).absolute().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "population.json"
PAGE = ROOT / "docs" / "speed.md"

METHODS = ("auto", "krylov", "lm", "newton")
ROUNDS = 5
PATIENCE = 3.0
"""Seconds for the rounds of one method on one member, after which there are no more of them."""

HOPELESS = 5.0
FINDER_STARTS = 500
"""As many as it is mostly given: with fewer, each costs it more."""

HALVES = {"chosen_by": "constants chosen by", "reported": "the other half"}

Row = dict[str, Any]


# Measuring.


def factorization_ms(size: int) -> float:
    """Return how long LAPACK's `getrf` takes for a matrix of this size, on one thread."""
    from scipy.linalg import lapack

    matrix = np.random.default_rng(0).normal(size=(size, size))
    times = []
    for _ in range(9):
        begin = time.process_time()
        for _ in range(1 + 256 // size):
            lapack.dgetrf(matrix)
        times.append((time.process_time() - begin) / (1 + 256 // size))
    return 1e3 * statistics.median(times)


class Trials:
    """The searches of one member by one method, on one thread; times are the processor's."""

    def __init__(self, member: Member, method: str) -> None:
        self.compiled = member.cell().compiled
        self.starts = member.starts
        self.method = method
        self.times: list[float] = []
        self.found: Any = None

    def search(self) -> None:
        begin = time.process_time()
        self.found = self.compiled.search(self.starts, method=self.method, n_threads=1)
        self.times.append(time.process_time() - begin)

    def search_a_tenth(self) -> None:
        """Search from a tenth of the starts, and forget it: the first search warms up."""
        whole, self.starts = self.starts, self.starts[: max(len(self.starts) // 10, 1)]
        self.search()
        self.search()
        self.times, self.starts = self.times[1:], whole

    @property
    def ms_per_start(self) -> float:
        return 1e3 * statistics.median(self.times) / len(self.found.h)

    @property
    def row(self) -> Row:
        kinds = np.bincount(self.found.kind, minlength=len(nc.search.KINDS))
        return {
            "starts": len(self.found.h),
            "ms_per_start": self.ms_per_start,
            "iterations": float(np.median(self.found.iterations)),
            "most_iterations": int(np.max(self.found.iterations)),
            "products": self.found.n_products / len(self.found.h),
            "kinds": dict(zip(nc.search.KINDS, kinds.tolist(), strict=True)),
        }


def measure(member: Member, methods: tuple[str, ...] = METHODS, rounds: int = ROUNDS) -> Row:
    """Search a member by every method in turn."""
    trials = {method: Trials(member, method) for method in methods}
    for trial in trials.values():
        trial.search_a_tenth()
    longest = HOPELESS * trials["auto"].ms_per_start
    in_turn = [trial for trial in trials.values() if trial.ms_per_start <= longest]
    for trial in in_turn:
        trial.times = []
    for _ in range(rounds):
        for trial in in_turn:
            if sum(trial.times) < PATIENCE:
                trial.search()
    return {
        "half": member.half,
        "group": member.group,
        "units": member.size,
        "getrf_ms": factorization_ms(member.size),
        **{method: trial.row for method, trial in trials.items()},
    }


def measure_alone(member: Member) -> Row:
    """Measure in a process whose BLAS has one thread: idle threads that spin would count too."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.population", "--one", member.name],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    row: Row = json.loads(done.stdout)
    return row


def more_starts(starts: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return starts, and states between pairs of them until there are `n`."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(len(starts), size=(2, n - len(starts)))
    part = rng.random((n - len(starts), 1))
    return np.concatenate([starts, part * starts[a] + (1 - part) * starts[b]])


def measure_finder(member: Member, n_starts: int = FINDER_STARTS) -> Row:
    """Search by `auto` and by FixedPointFinder as it comes, both on all threads."""
    cell, starts = member.cell(), more_starts(member.starts, n_starts)
    nc.find_fixed_points(cell, starts[:10])
    ours: list[float] = []
    while len(ours) < ROUNDS and sum(ours) < PATIENCE:
        begin = time.perf_counter()
        nc.find_fixed_points(cell, starts)
        ours.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    ends = descent.find_with_finder(TorchNetwork(member), starts, 1).xstar
    seconds = time.perf_counter() - begin
    return {
        "starts": n_starts,
        "auto_ms_per_start": 1e3 * statistics.median(ours) / n_starts,
        "ms_per_start": 1e3 * seconds / n_starts,
        "ratio": seconds / statistics.median(ours),
        "median_q": float(np.median(cell.speed(ends.astype(np.float64)))),
    }


# What the measurements say.


def succeeds(row: Row, method: str) -> bool:
    """Whether a method brought as large a share to an end with a label as `auto`, to a tenth."""
    lost = {n: row[n]["kinds"]["unconverged"] / row[n]["starts"] for n in ("auto", method)}
    return bool(lost[method] <= lost["auto"] + 0.1)


def against_the_fastest(row: Row) -> float:
    """Return how much longer `auto` takes than the fastest method that succeeds."""
    times = [row[method]["ms_per_start"] for method in METHODS if succeeds(row, method)]
    return float(row["auto"]["ms_per_start"] / min(times))


def factorizations(row: Row) -> float:
    """Return what a start costs `auto` in the time of LU factorizations."""
    return float(row["auto"]["ms_per_start"] / row["getrf_ms"])


def against_finder(row: Row) -> float | None:
    """Return how much longer FixedPointFinder takes, where it was run."""
    return float(row["finder"]["ratio"]) if "finder" in row else None


def _summary(
    rows: Mapping[str, Row], value: Callable[[Row], float | None], worst: Callable[..., str]
) -> str:
    """Return the median, the worst value and whose it is."""
    values = {name: found for name, row in rows.items() if (found := value(row)) is not None}
    if not values:
        return "—"
    where = worst(values, key=lambda name: values[name])
    return f"{statistics.median(values.values()):.3g}, {values[where]:.3g} ({where})"


def groups(rows: Mapping[str, Row]) -> Iterator[tuple[str, dict[str, Row]]]:
    """Yield either half, and what the reported one consists of."""
    halves = {half: {n: r for n, r in rows.items() if r["half"] == half} for half in HALVES}
    for half, words in HALVES.items():
        if halves[half]:
            yield f"**{words}**", halves[half]
    reported = halves["reported"]
    for group in dict.fromkeys(row["group"] for row in reported.values()):
        yield group, {name: row for name, row in reported.items() if row["group"] == group}


def summary_table(rows: Mapping[str, Row]) -> str:
    """Return medians and worst cases as Markdown."""
    lines = [
        "| networks | number | `auto` ÷ fastest: median, worst | `getrf` a start: median, worst "
        "| FixedPointFinder ÷ `auto`: median, least |",
        "|---|---:|---|---|---|",
    ]
    for name, some in groups(rows):
        cells = (
            _summary(some, against_the_fastest, max),
            _summary(some, factorizations, max),
            _summary(some, against_finder, min),
        )
        lines.append(f"| {name} | {len(some)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def member_table(rows: Mapping[str, Row]) -> str:
    """Return a line on every member as Markdown."""
    lines = [
        "| network | `auto`, ms a start | iterations | products | `krylov` | `lm` | `newton` "
        "| `auto` ÷ fastest | `getrf` | FixedPointFinder ÷ `auto` |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows.items():
        auto, finder = row["auto"], against_finder(row)
        others = (row[method]["ms_per_start"] for method in METHODS[1:])
        cells = (
            f"{auto['ms_per_start']:.3g}",
            f"{auto['iterations']:.0f}",
            f"{auto['products']:.0f}",
            *(f"{ms:.3g}" for ms in others),
            f"{against_the_fastest(row):.2f}",
            f"{factorizations(row):.1f}",
            "" if finder is None else f"{finder:.0f}",
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tables(rows: Mapping[str, Row]) -> dict[str, str]:
    """Return the tables by the names of their marks in docs/speed.md."""
    found = {"population": summary_table(rows)}
    for half in HALVES:
        of_half = {name: row for name, row in rows.items() if row["half"] == half}
        found[f"population-{half}"] = member_table(of_half)
    return found


def main() -> None:
    """Measure what is missing, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--again", action="store_true", help="measure what is there already too")
    parser.add_argument("--out", type=Path, default=RESULT, help="elsewhere, no page is written")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(measure(next(m for m in members() if m.name == arguments.one))))
        return
    rows: dict[str, Row] = {}
    if arguments.out.exists() and not arguments.again:
        rows = json.loads(arguments.out.read_text(encoding="utf-8"))["members"]
    for member in filter(partial(_is_wanted, arguments.only, rows), members()):
        rows[member.name] = measure_alone(member)
        if _finder_is_due(member):
            rows[member.name]["finder"] = measure_finder(member)
        print(member.name, json.dumps(rows[member.name]), flush=True)
        write_json(arguments.out, {"versions": versions(), "members": rows})
    found = tables(rows)
    if arguments.out == RESULT:
        fill_tables(PAGE, found)
    print("\n\n".join(found.values()))


def _finder_is_due(member: Member) -> bool:
    return member.half == "reported" and bool(descent.FIXED_POINT_FINDER)


def _is_wanted(pattern: str, rows: dict[str, Row], member: Member) -> bool:
    row = rows.get(member.name)
    missing = row is None or (_finder_is_due(member) and "finder" not in row)
    return missing and re.search(pattern, member.name) is not None


if __name__ == "__main__":
    main()
