"""Labelled conditions: inputs that have names, under each of which every start is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


def read_conditions(cell: Cell, inputs: Mapping[str, ArrayLike]) -> tuple[NDArray[np.str_], Floats]:
    """Return the labels, shape (c,), and the input under each, shape (c, D), checked."""
    labels = _labels(inputs)
    return labels, np.stack([_one_input(cell, label, inputs[label]) for label in inputs])


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
            f"{name} must have shape ({cell.input_size},), one input per condition, "
            f"not {array.shape}"
        )
    return array
