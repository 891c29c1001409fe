"""Labelled conditions: every start under every one of several inputs that have names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.gpu.arrays import below_itself, view

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell


def under_conditions(
    cell: Cell, starts: ArrayLike, inputs: ArrayLike | Mapping[str, ArrayLike] | None
) -> tuple[Any, Any, NDArray[np.str_] | None]:
    """Return starts, inputs and labels, one row for every start under every condition.

    All starts come under the first condition, then all under the second, and so on. Inputs that
    are no mapping have no labels, and nothing is changed. Starts on a GPU stay there.
    """
    if not isinstance(inputs, Mapping):
        return starts, inputs, None
    labels = _labels(inputs)
    each = np.stack([_one_input(cell, label, inputs[label]) for label in inputs])
    there = view("starts", starts)
    if there is None:
        host = validation.rows("starts", starts, cell.state_size, cell.dtype)
        n, every = len(host), np.tile(host, (len(labels), 1))
    else:
        validation.require_rows("starts", there.shape, cell.state_size)
        n, every = there.shape[0], below_itself("starts", starts, len(labels))
    return every, np.repeat(each, n, axis=0), np.repeat(labels, n)


def _labels(inputs: Mapping[str, ArrayLike]) -> NDArray[np.str_]:
    if not inputs:
        raise ValueError("inputs must name at least one condition; for zero input pass None")
    for label in inputs:
        if not isinstance(label, str):
            raise TypeError(f"inputs must have strings for labels, not {label!r}")
    labels = np.array(list(inputs))
    if len(np.unique(labels)) < len(inputs):  # NumPy drops NULs at the end of a string
        raise ValueError(f"inputs must not hold a label twice, as NumPy sees it: {labels.tolist()}")
    return labels


def _one_input(cell: Cell, label: str, value: ArrayLike) -> Floats:
    name = f"inputs[{label!r}]"
    array = validation.floats(name, value, cell.dtype)
    if array.shape != (cell.input_size,):
        raise ValueError(
            f"{name} must have shape ({cell.input_size},), one input a condition, not {array.shape}"
        )
    return array
