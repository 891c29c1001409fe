"""Curves and spectra of many hard networks against what is known of them; prints counts as JSON.

    python -m testing.curves_campaign 20

for twenty networks of each kind. Nothing in it depends on time.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from nullcline.continuation import CurveStop
from testing.every_cell import SMOOTH, random_network
from testing.hard_matrices import hard_matrices, linear_part
from testing.symmetric import ODD_KINDS, branch_points_of_zero, odd_network, random_weights

if TYPE_CHECKING:
    from collections.abc import Callable

SENTENCES = {stop.value: stop.name for stop in CurveStop}


def follow_odd(counts: Counter[str], seed: int) -> None:
    """Follow h = 0 of odd networks through all their pitchforks, whose inputs are known."""
    weights = random_weights(1 + seed % 6, seed)
    truth = branch_points_of_zero(weights)
    truth = truth[(truth > -4) & (truth < 3)]
    for kind in ODD_KINDS:
        cell = odd_network(kind, weights)
        zero, start = np.zeros(cell.state_size), np.full(1, -4.0)
        branch = nc.follow_input(cell, zero, np.ones(1), start, reach=7.0)
        counts[f"end {SENTENCES[branch.end]}"] += 1
        found = np.sort(branch.branch_s) - 4
        right = len(found) == len(truth) and bool(np.allclose(found, truth, atol=1e-7))
        counts["branch points, true"] += len(truth)
        counts["all found, and no other" if right else "WRONG"] += 1


def follow_broken(counts: Counter[str], seed: int) -> None:
    """Follow networks near odd ones in long and in short steps: to the same end, on one branch."""
    weights = random_weights(1 + seed % 6, seed)
    for kind in ODD_KINDS:
        for size in (1e-9, 1e-6, 1e-3):
            cell = odd_network(kind, weights, size, seed)
            starts = np.random.default_rng(seed).uniform(-1, 1, (4, cell.state_size))
            points = nc.find_fixed_points(cell, starts, np.full(1, 3.0)).select("fixed")
            if len(points) == 0:
                counts["no fixed point"] += 1
                continue
            long, short = (
                nc.follow_input(cell, points.select([0]), -np.ones(1), reach=6.0, largest_step=step,
                                max_points=5000)
                for step in (1.0, 0.1)
            )  # fmt: skip
            counts[f"end {SENTENCES[long.end]}"] += 1
            same = long.end == short.end and len(long.fold_s) == len(short.fold_s)
            same = same and bool(np.allclose(long.fold_s, short.fold_s, atol=1e-6))
            crossed = len(long.branch_s) + len(short.branch_s)
            counts["same in short steps" if same and not crossed else "WRONG"] += 1


def follow_any(counts: Counter[str], seed: int) -> None:
    """Follow and trace networks of every smooth kind, from each of two points."""
    for kind in SMOOTH:
        network = random_network(kind, 1 + seed % 6, 1, 3.0, seed)
        cell = network.cell()
        starts = np.random.default_rng(seed).uniform(-1, 1, (6, network.state_size))
        points = nc.find_fixed_points(cell, starts, np.zeros(1)).unique().select("fixed")
        for i in range(min(2, len(points))):
            point = points.select([i])
            branch = nc.follow_input(cell, point, np.ones(1), reach=2.0)
            counts[f"input: end {SENTENCES[branch.end]}"] += 1
            (curve,) = nc.trace(cell, point).curves
            for end in curve.ends:
                counts[f"trace: end {SENTENCES[end]}"] += 1


def linearize_hard(counts: Counter[str], seed: int) -> None:
    """Ask for some modes of hard matrices, and compare them with the first of all."""
    for size in (1, 2, 3, 5, 12, 24):
        for matrix in hard_matrices(size, seed).values():
            cell, origin = linear_part(matrix), np.zeros((1, len(matrix)))
            every = nc.linearize(cell, origin)
            counts[str(every.stability[0])] += 1
            for k in sorted({1, max(1, len(matrix) - 2), max(1, len(matrix) // 2)}):
                part = nc.linearize(cell, origin, k=k)
                ours, true = np.abs(part.eigenvalues[0]), np.abs(every.eigenvalues[0, :k])
                close = bool(np.allclose(ours, true, atol=1e-6 * max(1.0, float(true[0]))))
                counts["the first of all" if close else "WRONG"] += 1


CAMPAIGNS: dict[str, Callable[[Counter[str], int], None]] = {
    "odd networks, zero followed": follow_odd,
    "nearly odd networks": follow_broken,
    "networks of every kind": follow_any,
    "modes of hard matrices": linearize_hard,
}


def run(n: int) -> dict[str, Any]:
    """Return what became of `n` networks of each kind, exceptions among it."""
    results: dict[str, Any] = {}
    for name, campaign in CAMPAIGNS.items():
        counts: Counter[str] = Counter()
        for seed in range(n):
            _counted(campaign, counts, seed)
        results[name] = dict(sorted(counts.items()))
    return results


def _counted(
    campaign: Callable[[Counter[str], int], None], counts: Counter[str], seed: int
) -> None:
    try:
        with np.errstate(all="raise"):
            campaign(counts, seed)
    except Exception as error:  # noqa: BLE001 - to be counted
        counts[f"EXCEPTION {type(error).__name__}: {error}"[:120]] += 1


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1])), indent=1) + "\n")
