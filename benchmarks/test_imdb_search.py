"""The search of the IMDB 1-layer network from 500 states: ours against autograd, in one run.

Every round runs every contestant once before the next round begins, so that a drift of the
machine's speed falls on all alike. `summarize.py` makes the table of medians and ratios.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from imdb_fixture import trained_layer
from rivals import (
    FIXED_POINT_FINDER,
    MAX_ITERATIONS,
    adam_batched,
    adam_one_by_one,
    fixed_point_finder,
    tolerance,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 3
ONE_BY_ONE_STARTS = 5
"""One start at a time takes seconds a start: a few tell, and the table is per start."""

LAYER = trained_layer(1, 1)
LAYER.starts.flags.writeable = False  # all contestants start alike
CELL = LAYER.cell()
CELL.step(LAYER.starts[:1])  # BLAS is loaded on first use, which is no part of a search


def torch_cell() -> torch.nn.GRUCell:
    """Return the network as PyTorch holds it, in float32."""
    cell = torch.nn.GRUCell(CELL.input_size, CELL.hidden_size)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({name: torch.from_numpy(getattr(LAYER, name)) for name in names})
    return cell


def ours(method: str, **options: Any) -> tuple[Any, dict[str, Any]]:
    """Search with one of our methods."""
    points = nc.find_fixed_points(CELL, LAYER.starts, method=method, **options)
    kinds = {kind: int(np.sum(points.kind == kind)) for kind in ("fixed", "slow", "unconverged")}
    converged = len(points) - kinds["unconverged"]
    return points.q, {"converged": converged, "outside": outside(points.h), **kinds}


def autograd(search: Any, starts: Any) -> tuple[Any, dict[str, Any]]:
    """Descend with autograd; converged means below FixedPointFinder's own tolerance."""
    end = search(torch_cell(), starts)
    converged = int(np.sum(end.q < tolerance(CELL.hidden_size)))
    return end.q, {
        "converged": converged,
        "outside": outside(end.h),
        "iterations": end.iterations,
    }


def outside(h: Any) -> int:
    """Return how many ends lie outside of the cube, where there is no fixed point."""
    return int(np.sum(np.abs(h).max(axis=1) >= 1))


CONTESTANTS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "nullcline, auto": lambda: ours("auto"),
    "nullcline, lm": lambda: ours("lm"),
    "nullcline, newton": lambda: ours("newton"),
    "nullcline, gradient": lambda: ours(
        "gradient", tol_slow=tolerance(CELL.hidden_size), max_iterations=MAX_ITERATIONS
    ),
    "autograd Adam, batched": lambda: autograd(adam_batched, LAYER.starts),
    "autograd Adam, one by one": lambda: autograd(
        adam_one_by_one, LAYER.starts[:ONE_BY_ONE_STARTS]
    ),
    "FixedPointFinder": lambda: autograd(fixed_point_finder, LAYER.starts),
    "FixedPointFinder, rate 0.01": lambda: autograd(
        partial(fixed_point_finder, learning_rate=0.01), LAYER.starts
    ),
}


@pytest.mark.parametrize("contestant", CONTESTANTS)
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_search(benchmark: BenchmarkFixture, contestant: str, round_: int) -> None:
    if "FixedPointFinder" in contestant and not FIXED_POINT_FINDER:
        pytest.skip("set FIXED_POINT_FINDER to the folder of a clone of it")
    q, ends = benchmark.pedantic(CONTESTANTS[contestant], rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info.update(
        contestant=contestant,
        round=round_,
        n_starts=len(q),
        q_median=float(np.median(q)),
        q_max=float(np.max(q)),
        **ends,
    )
    assert np.isfinite(q).all()
