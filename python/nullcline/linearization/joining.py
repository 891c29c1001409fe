"""Results of searches, or linearizations, of one cell joined to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from nullcline.linearization.linear_map import Linearization
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from collections.abc import Iterable

_T = TypeVar("_T", FixedPoints, Linearization)


def concatenate(parts: Iterable[_T]) -> _T:
    """Join the rows of several results, such as those of searches in several processes.

    Parameters
    ----------
    parts
        `FixedPoints`, or `Linearization` with equally many modes; at least one, all of one cell.
        The cells of parts that come from other processes are other objects with the same weights.

    Returns
    -------
    FixedPoints or Linearization
        The rows of all parts, in order; nothing is merged (`FixedPoints.unique` does). Each row has
        the input that it had, zeros where a part has None and another an input. `cell` is None
        where a part does not know its cell.

    Raises
    ------
    TypeError
        If `parts` is no sequence of these, or has both.
    ValueError
        If there is no part, or their cells, sizes, types, modes or `tol_unique` differ, or some
        have conditions and others not, or strings beside numbers for them.

    Examples
    --------
    >>> points = nc.concatenate([first, second]).unique()  # doctest: +SKIP
    """
    if isinstance(parts, FixedPoints | Linearization):
        raise TypeError(f"parts must be a list of results, not one: pass [{type(parts).__name__}]")
    try:
        listed: list[Any] = list(parts)
    except TypeError as error:
        raise TypeError(f"parts must be a list of results, not {type(parts).__name__}") from error
    if not listed:
        raise ValueError("parts must hold at least one result")
    kinds = {type(part) for part in listed}
    joined: Any
    for kind in (FixedPoints, Linearization):
        if all(issubclass(found, kind) for found in kinds):
            joined = kind._joined(listed)
            return joined  # type: ignore[no-any-return]
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise TypeError(f"parts must all be FixedPoints, or all Linearization, not {names}")
