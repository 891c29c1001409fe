"""Rows of results: what a job may return, and how JSON holds it without loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Row = dict[str, Any]

_FLOAT = "float"
"""The only key of what stands for a number that JSON has no word for."""


def as_rows(returned: Any) -> tuple[Row, ...]:
    """Return what a job's function returned as rows of plain values.

    Raises
    ------
    TypeError
        It is neither None, a dictionary, nor several, or a value is neither a number, a text, a
        truth value, None, nor a list of these.
    """
    if returned is None:
        return ()
    several = [returned] if isinstance(returned, Mapping) else returned
    if not isinstance(several, list | tuple) or not all(isinstance(r, Mapping) for r in several):
        raise TypeError(
            "a job's function must return a dictionary, a list of dictionaries, or None, not a "
            f"{type(returned).__name__}; what is no row of a table goes into files in its folder"
        )
    return tuple(
        {_name(name): _plain(value, name) for name, value in row.items()} for row in several
    )


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a row's columns must have texts as names, not {name!r}")
    return name


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item, name) for item in value]
    raise TypeError(
        f"{name} of a row must be a number, a text, a truth value, None or a list of these, not a "
        f"{type(value).__name__}"
    )


def packed(value: Any) -> Any:
    """Return rows as JSON can hold them: infinite numbers and NaN by their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(value)}
    if isinstance(value, Mapping):
        return {name: packed(item) for name, item in value.items()}
    return [packed(item) for item in value] if isinstance(value, list | tuple) else value


def unpacked(value: Any) -> Any:
    """Return what `packed` made these of."""
    if isinstance(value, Mapping):
        if value.keys() == {_FLOAT}:
            return float(value[_FLOAT])
        return {name: unpacked(item) for name, item in value.items()}
    return [unpacked(item) for item in value] if isinstance(value, list) else value
