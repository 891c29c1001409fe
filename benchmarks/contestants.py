"""Every search that is compared, and where its ends lie."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.networks import trained
from benchmarks.rivals import descent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.networks import Network

TOL_SLOW = 1e-3
"""The study's."""

TOL_UNIQUE = 1e-3
"""The front door's: an end this close to a known point is at it."""


@dataclass(frozen=True)
class Contestant:
    """A search, ours or another's.

    Parameters
    ----------
    run
        Called with the network, the starts and, to cut it short, `max_iterations`; returns the
        ends, shape (n, H).
    n_starts
        How many of the 500 starts it is given: a few where each takes its time.
    missing
        Why it cannot run here; None if it can.
    warms_up
        Whether its first call compiles, which is no part of a search.
    """

    run: Callable[..., NDArray[Any]]
    n_starts: int = 500
    missing: str | None = None
    warms_up: bool = False


def ours(
    method: str, network: Network, starts: NDArray[np.float64], **options: Any
) -> NDArray[Any]:
    """Search with one of our methods, to the study's tolerance."""
    return nc.find_fixed_points(
        network.cell, starts, method=method, **{"tol_slow": TOL_SLOW, **options}
    ).h


def _gradient(
    network: Network, starts: NDArray[np.float64], max_iterations: int = descent.MAX_ITERATIONS
) -> NDArray[Any]:
    """Stop where FixedPointFinder stops, which takes the mean of squares to half their sum."""
    tol_slow = 2 * descent.TOLERANCE / network.hidden_size
    return ours("gradient", network, starts, tol_slow=tol_slow, max_iterations=max_iterations)


def _of(module: str, function: str) -> Callable[..., NDArray[Any]]:
    def run(*arguments: Any, **options: Any) -> NDArray[Any]:
        rival = importlib.import_module(f"benchmarks.rivals.{module}")
        found: NDArray[Any] = getattr(rival, function)(*arguments, **options)
        return found

    return run


_NO_FINDER = (
    None if descent.FIXED_POINT_FINDER else "set FIXED_POINT_FINDER to the folder of a clone of it"
)
_NO_OPTIMISTIX = None if find_spec("optimistix") else "optimistix is not installed"

CONTESTANTS = {
    "nullcline, auto": Contestant(partial(ours, "auto")),
    "nullcline, krylov": Contestant(partial(ours, "krylov")),
    "nullcline, lm": Contestant(partial(ours, "lm")),
    "nullcline, newton": Contestant(partial(ours, "newton")),
    "nullcline, gradient": Contestant(_gradient),
    "autograd Adam": Contestant(descent.adam),
    "autograd Adam, one by one": Contestant(descent.adam_one_by_one, n_starts=5),
    "FixedPointFinder": Contestant(descent.fixed_point_finder, missing=_NO_FINDER),
    "FixedPointFinder, rate 0.01": Contestant(
        partial(descent.fixed_point_finder, learning_rate=0.01), missing=_NO_FINDER
    ),
    "torch.func LM": Contestant(_of("torch_func", "levenberg_marquardt"), n_starts=20),
    "optimistix LM": Contestant(
        _of("jax_optimistix", "levenberg_marquardt"),
        n_starts=10,
        missing=_NO_OPTIMISTIX,
        warms_up=True,
    ),
    "optimistix Newton": Contestant(
        _of("jax_optimistix", "newton"),
        n_starts=50,
        missing=_NO_OPTIMISTIX,
        warms_up=True,
    ),
    "scipy hybr": Contestant(_of("scipy_root", "hybrid"), n_starts=20),
}


@cache
def known_points(name: str) -> nc.FixedPoints:
    """Return the points of a fixture's network that `auto` or `lm` finds from all starts."""
    network = trained(name)
    found = [
        nc.find_fixed_points(network.cell, network.starts, method=method, tol_slow=TOL_SLOW)
        for method in ("auto", "lm")
    ]
    both = nc.find_fixed_points(  # classified again where they are, as one result
        network.cell, np.concatenate([points.h for points in found]), tol_slow=TOL_SLOW
    )
    return both.unique()


def places(known: nc.FixedPoints, h: NDArray[Any]) -> dict[str, int]:
    """Count the ends at fixed points, at ghosts, elsewhere in the cube, outside of it, and lost."""
    finite = np.isfinite(h).all(axis=1)
    inside = finite & (np.abs(np.where(finite[:, None], h, 0)).max(axis=1) < 1)

    def at(kind: str) -> NDArray[np.bool_]:
        points = known.select(kind).h
        near = np.zeros(len(h), np.bool_)
        for point in points:
            near |= np.abs(h - point).max(axis=1) <= TOL_UNIQUE
        return near

    fixed, ghost = inside & at("fixed"), inside & at("slow")
    return {
        "fixed": int(fixed.sum()),
        "ghost": int((ghost & ~fixed).sum()),
        "elsewhere": int((inside & ~fixed & ~ghost).sum()),
        "outside": int((finite & ~inside).sum()),
        "not finite": int((~finite).sum()),
    }
