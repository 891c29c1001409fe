"""Rows of a sweep of networks, put together by what networks have in common."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.study.network_rows import CLAIM, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.sweeps.rows import Row

GROUP = ("corpus", "cell", "n_layers", "hidden_size", "split")
"""What networks have in common that are summed up together; they differ in their seed."""

OF_TRAINING = tuple(name for name in SETTINGS if name not in {"seed", *GROUP})
"""Settings of the training in which networks may differ, beside these and the seed."""

SPREAD_BY = ("n_train", "classes", *OF_TRAINING, "snapshot")
"""What else sets groups apart, where it differs between networks of one corpus and cell."""

_NO_NUMBERS = {"seed", "layer", *GROUP, *SPREAD_BY}


def rows_of_networks(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that are of networks; a sweep may have those of other jobs, too."""
    return [row for row in rows if set(GROUP) <= row.keys() and row["layer"] is not None]


def rows_of_trained(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of networks that count as trained.

    The rule is that of `nullcline.study.trained.is_trained`, which was set down before. Rows that
    do not say are of trained networks.
    """
    return [row for row in rows_of_networks(rows) if row.get("trained") is not False]


def one_each(rows: Sequence[Row]) -> list[Row]:
    """Return one row for each network, that of its last layer."""
    return [row for row in rows if row["layer"] == row["n_layers"]]


def varied_settings(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return what networks of a group have in common in these rows: `GROUP`, and what differs.

    What differs between corpora or cells alone, such as numbers of reviews, these say.
    """
    return (*GROUP, *varying(rows, SPREAD_BY))


def varying(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Return which columns differ between rows of one corpus and cell."""
    values: defaultdict[tuple[str, Any, Any], set[Any]] = defaultdict(set)
    for row in rows:
        for name in names:
            values[name, row["corpus"], row["cell"]].add(row.get(name))
    varied = {name for (name, *_), found in values.items() if len(found) > 1}
    return [name for name in names if name in varied]


def grouped(rows: Sequence[Row], names: Sequence[str]) -> list[tuple[Row, list[Row]]]:
    """Return the rows that have the same values of some columns, after these values."""
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(name) for name in names)].append(row)
    return [(dict(zip(names, key, strict=True)), group) for key, group in groups.items()]


def claims_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of the claims that rows tell of."""
    return [name.removeprefix(CLAIM) for name in _columns(rows) if name.startswith(CLAIM)]


def verdicts_on(claim: str, rows: Sequence[Row]) -> list[bool]:
    """Return whether a claim holds, for each of the networks that it was evaluated on."""
    return [row[CLAIM + claim] for row in rows if row.get(CLAIM + claim) is not None]


def numbers_of(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Return the values of every column of numbers, of the rows that have one.

    A list stands for its first entry. Infinite numbers are left out, as are settings.
    """
    found = {
        name: [value for row in rows if (value := _number(row.get(name))) is not None]
        for name in _columns(rows)
        if name not in _NO_NUMBERS
    }
    return {name: values for name, values in found.items() if values}


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _number(value: Any) -> float | None:
    """Return a value as a number, if it is one or a list that begins with one."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return float(value)
