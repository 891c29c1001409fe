"""What the constants of `nullcline.continuation` that are prices were chosen by.

`python -m benchmarks.curve_constants` writes `results/curve-constants.json` and prints it, for a
trained GRU at growing widths and with one BLAS thread; times are of the processor. `--largest H`
leaves out wider networks.

- `SINGLE_PRECISION_FROM`: a bordered Jacobian factored in float32, with its tangent refined to
  float64's rounding, and in float64.
- `LARGEST_WRITTEN_OUT`: a step along a curve by factors and by products.
- `LARGEST_DENSE_POLISH`: the search from what a curve has met, by "lm" and by "auto".
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

import nullcline as nc
from benchmarks.networks import widened
from benchmarks.report import ROOT
from nullcline._native.blas import one_blas_thread
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.continuation import fiber_problem, fibers, one_fiber
from nullcline.continuation.curve_problem import MapWithColumn
from nullcline.continuation.factored import factor
from nullcline.continuation.pseudo_arclength import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.cells import Cell
    from nullcline.continuation.pseudo_arclength import Branch
    from nullcline.search.fixed_points import FixedPoints

RESULTS = ROOT / "benchmarks" / "results"
WIDTHS = (256, 512, 1024, 2048, 4096)
N_STARTS = 20
N_POINTS = 8
"""Of a curve, to either side: enough for the price of a step."""

ROUNDS = 5

Row = dict[str, Any]


def processor_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def by_turns(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median of how many ms each way takes, the ways by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            seconds[name].append(processor_seconds(work))
    return {name: 1e3 * statistics.median(taken) for name, taken in seconds.items()}


def factoring(cell: Cell, point: FixedPoints) -> dict[str, float]:
    """Return how long one factorization takes in either precision, tangents included."""
    jacobian = np.column_stack([cell.residual_jacobian(point.h)[0], np.ones(cell.hidden_size)])
    row = np.random.default_rng(0).normal(size=cell.hidden_size + 1)
    return by_turns(
        {
            "factors in float32, ms": partial(factor, jacobian, row, single=True),
            "factors in float64, ms": partial(factor, jacobian, row, single=False),
        }
    )


def stepping(cell: Cell, point: FixedPoints) -> Row:
    """Return how long a step along a curve takes by factors and by products, and how many."""
    size = cell.hidden_size
    by_factors, by_products = (Followed(cell, point, largest) for largest in (size, size - 1))
    return {
        "a step by factors, ms": by_factors.ms_per_step,
        "a step by products, ms": by_products.ms_per_step,
        "products a step": by_products.n_products / by_products.n_steps,
    }


class Followed:
    """One curve, followed by products if its cell has more units than `largest`."""

    def __init__(self, cell: Cell, point: FixedPoints, largest: int) -> None:
        self.seconds = 0.0
        self.n_steps = self.n_products = 0
        with (
            patch.object(fibers, "LARGEST_WRITTEN_OUT", largest),
            patch.object(fiber_problem, "LARGEST_WRITTEN_OUT", largest),
            patch.object(fibers, "find_fixed_points", lambda *_, **__: point),
            patch.object(one_fiber, "follow", self._followed),
        ):
            nc.trace(cell, point, max_points=N_POINTS, n_threads=1)

    @property
    def ms_per_step(self) -> float:
        return 1e3 * self.seconds / self.n_steps

    def _followed(self, *args: Any, **options: Any) -> Branch:
        multiply = MapWithColumn.jvp

        def counted(own: MapWithColumn, v: Any) -> Any:
            self.n_products += 1
            return multiply(own, v)

        begin = time.process_time()
        with patch.object(MapWithColumn, "jvp", counted):
            branch = follow(*args, **options)
        self.seconds += time.process_time() - begin
        self.n_steps += len(branch.points) - 1
        return branch


def polishing(cell: Cell, point: FixedPoints) -> dict[str, float]:
    """Return how long the points that a curve has met take to be found by either method."""
    met: list[Any] = []

    def noted(_: Cell, starts: Any, *__: Any, **___: Any) -> FixedPoints:
        met.append(starts)
        return point

    with patch.object(fibers, "find_fixed_points", noted):
        nc.trace(cell, point, n_threads=1)
    search = partial(nc.find_fixed_points, cell, met[-1], n_threads=1)
    return by_turns({f"polishing by {m}, ms": partial(search, method=m) for m in ("lm", "auto")})


@one_blas_thread()
def measure(hidden_size: int) -> Row:
    """Return all of it at one width."""
    network = widened("imdb-1-layer", hidden_size, N_STARTS)
    cell = network.cell
    points = nc.find_fixed_points(cell, network.starts, n_threads=1).unique()
    fixed = points.select("fixed")
    point = (fixed if len(fixed) else points).select([0])
    row = {"hidden_size": hidden_size, **factoring(cell, point), **stepping(cell, point)}
    return row | polishing(cell, point) if hidden_size <= 1024 else row


def main() -> None:
    """Measure and write what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--largest", type=int, default=max(WIDTHS))
    options = parser.parse_args()
    rows = []
    for hidden_size in WIDTHS:
        if hidden_size <= options.largest:
            rows.append(measure(hidden_size))
            print(json.dumps(rows[-1]), flush=True)
    write_json(RESULTS / "curve-constants.json", {"packages": versions(), "rows": rows})


if __name__ == "__main__":
    main()
