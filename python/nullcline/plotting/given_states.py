"""States and trajectories as pictures are given them: arrays, or arrays by condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline._support import validation
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    States: TypeAlias = ArrayLike | Mapping[Any, ArrayLike]
    Trajectories: TypeAlias = (
        ArrayLike | Sequence[ArrayLike] | Mapping[Any, ArrayLike | Sequence[ArrayLike]]
    )


def _by_condition(given: Any) -> Iterator[tuple[Any, Any]]:
    """Yield labels and what is under them; None where there is no label."""
    if given is None:
        return
    if hasattr(given, "items"):
        yield from given.items()
    else:
        yield None, given


def clouds_of(states: States | None) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Yield each condition's states, shape (n, S), those that are finite."""
    for label, given in _by_condition(states):
        rows = validation.floats("states", given, finite=False)
        if rows.ndim not in {2, 3}:
            raise ValueError(f"states must have shape (n, S) or (n, T, S), not {rows.shape}")
        rows = rows.reshape(-1, rows.shape[-1])
        yield label, rows[np.isfinite(rows).all(axis=1)]


def paths_of(trajectories: Trajectories | None) -> Iterator[tuple[Any, list[NDArray[Any]]]]:
    """Yield each condition's trajectories, a list of shapes (T_i, S)."""
    for label, given in _by_condition(trajectories):
        several = isinstance(given, list | tuple) and any(np.ndim(part) > 1 for part in given)
        parts = given if several else [given]
        paths: list[NDArray[Any]] = []
        for part in parts:
            path = validation.floats("trajectories", part, finite=False)
            if path.ndim not in {2, 3}:
                raise ValueError(
                    "trajectories must have shape (n, T, S) or (T, S), or be a list of (T_i, S), "
                    f"not {path.shape}"
                )
            paths += list(path) if path.ndim == 3 else [path]
        yield label, paths


def no_points(widths: list[int]) -> FixedPoints:
    """Return no point, of states as long as those that are drawn."""
    if not widths:
        raise ValueError("there is nothing to draw: give points, states or trajectories")
    none, text = np.zeros((0, min(widths))), np.zeros(0, "U11")
    return FixedPoints(
        h=none,
        q=np.zeros(0),
        kind=text,
        reason=text,
        iterations=np.zeros(0, np.int32),
        starts=none,
        inputs=None,
        tol_unique=0.0,
        count=np.zeros(0, np.int64),
    )
