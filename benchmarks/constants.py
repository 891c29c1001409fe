"""What the constants of the search, of curves, completeness and cycles were chosen by: counts.

`python -m benchmarks.constants` tries every constant at values around its own, over a population of
networks, and writes `results/constants.json`; names after it are the constants that are tried
anew. Counts are the same on every machine with the same arithmetic, so that any will do, however
busy; no time is measured. A constant is flat where a half and a double of it give the same counts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT
from nullcline._support.files import write_json
from nullcline.completeness import rounds, ways
from nullcline.continuation import curves, last_turn, pseudo_arclength
from nullcline.cycles import find, frequency, observing
from nullcline.search import confirm, merging
from testing.every_cell import random_network
from testing.flip_flops import flip_flop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import ModuleType

    from nullcline.cells import Cell

RESULT = ROOT / "benchmarks" / "results" / "constants.json"

Counts = dict[str, int]


class Trial(NamedTuple):
    """A constant, the values that it is tried at, and what counts what becomes of them."""

    module: ModuleType
    name: str
    values: Sequence[Any]
    measure: Callable[[], Counts]


def population(kinds: Sequence[str], gains: Sequence[float], n: int, size: int) -> list[Cell]:
    """Return n random networks of each kind and gain."""
    return [
        random_network(kind, size, 2, gain, seed=100 * i + int(10 * gain)).cell()
        for kind in kinds
        for gain in gains
        for i in range(n)
    ]


def starts_of(cell: Cell, n: int) -> Any:
    """Return n states whose outputs are drawn from the cube."""
    return cell.state_of(np.random.default_rng(0).uniform(-1, 1, (n, cell.hidden_size)))


# Curves


def curves_beyond_the_box() -> Counts:
    """Count what the curves through a point of each of 24 networks meet, and their states."""
    counts: Counter[str] = Counter()
    for cell in population(("gru", "tanh", "lstm"), (1.5, 3.0), 4, 12):
        point = nc.find_fixed_points(cell, starts_of(cell, 40)).unique().select("fixed")[:1]
        traced = nc.trace(cell, point, beyond=True, n_threads=1)
        counts["states"] += sum(map(len, traced.curves))
        for curve in traced.curves:
            counts["fixed points"] += len(curve.fixed_h)
            residual = cell.residual(cell.outputs_of(curve.fixed_h)) if len(curve.fixed_h) else 0.0
            counts["crossings off by more than 1e-13"] += int(np.sum(np.abs(residual) > 1e-13))
            counts.update(f"end: {end}" for end in curve.ends)
    return dict(counts)


# Completeness


def all_points() -> Counts:
    """Count what the search for all fixed points finds of 12 strong networks, by which ways.

    Of networks of up to gain 4 200 starts find nearly all of it: what the other ways add shows with
    few starts.
    """
    counts: Counter[str] = Counter()
    for cell in population(("gru", "tanh"), (2.0, 3.0, 4.0), 2, 16):
        found = nc.find_all_fixed_points(cell, effort=4, n_threads=1)
        counts["points"] += len(found)
        counts["settled"] += int(found.settled.sum())
        counts["rounds"] += int(found.rounds.sum())
        counts.update(f"by {way}" for way in found.how.tolist())
    return dict(counts)


def all_points_from_few_starts() -> Counts:
    """Count the same with 32 starts in place of 200, which leave something to the other ways."""
    with patch.object(rounds, "N_STARTS", 32):
        return all_points()


def points_without_bounds() -> Counts:
    """Count what it finds of 12 networks whose outputs have no bounds, of softplus and ReLU."""
    counts: Counter[str] = Counter()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        weights = 1.5 * rng.normal(size=(8, 8)) / 8**0.5
        bias = rng.normal(size=8)
        for activation in ("softplus", "relu"):
            cell = nc.LeakyRNN(np.zeros((8, 1)), weights, bias, alpha=0.5, activation=activation)
            counts["points"] += len(nc.find_all_fixed_points(cell, effort=2, n_threads=1))
    return dict(counts)


def points_on_a_line() -> Counts:
    """Count what is spent on three networks with a ring of fixed points, nearly."""
    counts: Counter[str] = Counter()
    for n in (32, 40, 48):
        angles = 2 * np.pi * np.arange(n) / n
        weights = 1.8 * 2 / n * np.cos(angles[:, None] - angles)
        cell = nc.LeakyRNN(np.zeros((n, 1)), weights, np.zeros(n), alpha=0.2)
        found = nc.find_all_fixed_points(cell, effort=2, n_threads=1)
        counts["points"] += len(found)
        counts["followed"] += int(found.directions.sum())
        counts["rounds"] += int(found.rounds.sum())
    return dict(counts)


# The search


def rings() -> Counts:
    """Count the kinds of 120 ends on six rings of 40 to 100 sigmoid units."""
    counts: Counter[str] = Counter()
    for n in (40, 60, 100):
        for seed in (0, 1):
            rng = np.random.default_rng(seed)
            angles = 2 * np.pi * np.arange(n) / n
            weights = (16 * np.cos(angles[:, None] - angles) - 4) / n
            cell = nc.LeakyRNN(
                np.zeros((n, 1)), weights, np.zeros(n), alpha=0.2, activation="logistic"
            )
            peaks = rng.uniform(0, 2 * np.pi, (20, 1))
            starts = 1 / (1 + np.exp(-4 * np.cos(angles - peaks)))
            counts.update(nc.find_fixed_points(cell, starts, n_threads=1).kind.tolist())
    return dict(counts)


def merged_ends() -> Counts:
    """Count the points that a flip-flop's 2,000 ends are, and how many were compared with each."""
    cell = flip_flop(4, 40)
    ends = nc.find_fixed_points(cell, starts_of(cell, 2000), n_threads=1).select("fixed")
    counts: Counter[str] = Counter()
    neighbours = merging._neighbours

    def counted(shadows: Any, radius: float) -> Callable[[int], Any]:
        named = neighbours(shadows, radius)

        def count(i: int) -> Any:
            near = named(i)
            counts["compared"] += len(near)
            return near

        return count

    with patch.object(merging, "_neighbours", counted):
        counts["points"] = len(np.unique(merging.merge(ends.h, 1e-3)))
    return dict(counts)


# Cycles


def sought_cycles() -> Counts:
    """Count how 1,152 searches for cycles of two and five states end."""
    counts: Counter[str] = Counter()
    for cell in population(("tanh", "gru", "lstm", "ugrnn"), (1.5, 2.0, 5.0), 4, 12):
        found = nc.find_cycles(cell, starts_of(cell, 12), [2, 5])
        counts.update(np.asarray(found.ends).tolist())
        counts["cycles"] += len(found)
    return dict(counts)


def attractors() -> Counts:
    """Count what 128 orbits of strong networks settle on."""
    counts: Counter[str] = Counter()
    for cell in population(("tanh", "gru"), (2.0, 3.0, 5.0, 10.0), 2, 12):
        found = nc.find_attractors(cell, starts_of(cell, 8), patience=observing.PATIENCE)
        counts.update(found.kind.tolist())
    return dict(counts)


def frequencies() -> Counts:
    """Count the lines of 50 spectra that are off by more than 1e-11 turns a step."""
    rng, t = np.random.default_rng(0), np.arange(1000)
    off = 0
    for turns in rng.uniform(0.01, 0.49, 50):
        other = 0.3 * np.cos(2 * np.pi * (turns * 0.37 + 0.1) * t)
        wave = 2 * np.pi * turns * t
        orbit = np.stack([np.cos(wave) + other, np.sin(wave), other], axis=1)
        off += abs(frequency.rotation_number(orbit) - turns) > 1e-11
    return {"off": int(off)}


TRIALS = (
    Trial(pseudo_arclength, "FIRST_STEP", (0.0125, 0.025, 0.05, 0.1, 0.2), curves_beyond_the_box),
    Trial(pseudo_arclength, "SMALLEST_STEP", (1e-4, 1e-5, 1e-6, 1e-7), curves_beyond_the_box),
    Trial(last_turn, "FIRST", (0.25, 1.0, 4.0, 16.0), curves_beyond_the_box),
    Trial(curves, "POLISHES", (0, 1, 2, 3, 6), curves_beyond_the_box),
    Trial(rounds, "N_STARTS", (50, 100, 200, 400), all_points),
    Trial(rounds, "N_HOMOTOPIES", (0, 8, 16, 32), all_points),
    Trial(rounds, "N_DEFLATED", (0, 16, 32), all_points_from_few_starts),
    Trial(rounds, "MOST_DEFLATED", (4, 256), all_points_from_few_starts),
    Trial(rounds, "MOST_SINGULAR", (1, 2, 4, 8), points_on_a_line),
    Trial(ways, "FAR", (1.5, 3.0, 6.0, 12.0), points_without_bounds),
    Trial(confirm, "_FULL_STEPS", (0, 8, 16, 32), rings),
    Trial(confirm, "_REACH", (0.1, 0.3, 1.0), rings),
    Trial(merging, "_TELLING_COORDINATES", (2, 4, 8, 16, 32), merged_ends),
    Trial(find, "FIRST", (15, 30, 60), sought_cycles),
    Trial(find, "RETURNS", (0, 1, 2, 4), sought_cycles),
    Trial(observing, "PATIENCE", (0, 1, 2, 3), attractors),
    Trial(frequency, "NEWTON_STEPS", (0, 1, 2, 3, 5, 20), frequencies),
)


@contextmanager
def at(trial: Trial, value: Any) -> Iterator[None]:
    """Give a constant a value, and arguments that have it by default."""
    before = getattr(trial.module, trial.name)
    functions = [of for of in vars(trial.module).values() if getattr(of, "__kwdefaults__", None)]
    with patch.object(trial.module, trial.name, value):
        bound = [(of, key) for of in functions for key, own in of.__kwdefaults__.items()
                 if own is before]  # fmt: skip
        for of, key in bound:
            of.__kwdefaults__[key] = value
        try:
            yield
        finally:
            for of, key in bound:
                of.__kwdefaults__[key] = before


def main(names: list[str]) -> None:
    """Try some constants, or all, and write what came of it."""
    results: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    for trial in TRIALS:
        if names and trial.name not in names:
            continue
        name = f"{trial.module.__name__.removeprefix('nullcline.')}.{trial.name}"
        rows = {}
        for value in trial.values:
            with at(trial, value):
                rows[f"{value:g}"] = dict(sorted(trial.measure().items()))
            print(name, f"{value:g}", json.dumps(rows[f"{value:g}"]), flush=True)
        results[name] = {"chosen": getattr(trial.module, trial.name), "counts": rows}
        write_json(RESULT, results)


if __name__ == "__main__":
    main(sys.argv[1:])
