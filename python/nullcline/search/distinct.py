"""Which fixed points are distinct, whatever tolerance merges them: what their indices sum over.

Two points that are closer than `tol_unique`, as by a fold, count as two where both are regular and
known to be apart. And a state that is not at its fixed point but near it, such as one that was
rounded or changed after the search, counts as the point that Newton's method would lead it to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.certify.index import Located
from nullcline.search.merging import merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats

    Rows = NDArray[np.intp]


def distinct_rows(
    h: Floats,
    outputs: Floats,
    groups: list[Rows],
    tol_unique: float,
    locate: Callable[[Rows], Located],
) -> tuple[list[Rows], NDArray[np.int8]]:
    """Return the distinct rows of each group, and the index of each of n rows, 0 where not asked.

    Parameters
    ----------
    h, outputs
        States and their outputs, shapes (n, S) and (n, H).
    groups
        The rows of fixed points at each input, the best first.
    tol_unique
        Points without an index are told apart by this distance, as nothing else does.
    locate
        Returns the indices of rows, and within what distance the points lie.
    """
    same = float(np.sqrt(np.finfo(h.dtype).eps))
    owners = [rows[merge(h[rows], tol_unique)] for rows in groups]
    first = [rows[owner == rows] for rows, owner in zip(groups, owners, strict=True)]
    known = Located(np.zeros(len(h), np.int8), np.zeros(len(h)))
    _fill(known, first, locate)
    others = []
    for rows, owner in zip(groups, owners, strict=True):
        away = np.abs(outputs[rows] - outputs[owner]).max(axis=1, initial=0) > same
        rest = rows[away & (known.sign[owner] != 0)]
        others.append(rest[merge(outputs[rest], same) == np.arange(len(rest))])
    _fill(known, others, locate)
    distinct = []
    for kept, rest in zip(first, others, strict=True):
        rows = np.concatenate([kept, rest[known.sign[rest] != 0]])
        rows = rows[merge(outputs[rows], same) == np.arange(len(rows))]
        distinct.append(_apart(outputs, known.reach, rows, same))
    return distinct, known.sign


def _fill(known: Located, groups: list[Rows], locate: Callable[[Rows], Located]) -> None:
    rows = np.concatenate([*groups, np.zeros(0, np.intp)])
    if len(rows) > 0:
        known.sign[rows], known.reach[rows] = locate(rows)


def _apart(outputs: Floats, reach: NDArray[np.float64], rows: Rows, same: float) -> Rows:
    """Leave out rows whose point may be that of another row that stays."""
    stays = np.ones(len(rows), np.bool_)
    for i in np.flatnonzero(reach[rows] > same / 2)[::-1]:
        away = np.abs(outputs[rows] - outputs[rows[i]]).max(axis=1)
        stays[i] = (away > reach[rows] + reach[rows[i]])[stays & (np.arange(len(rows)) != i)].all()
    return rows[stays]
