"""Labelled conditions: inputs that have names, under each of which every start is searched."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


def read_conditions(cell: Cell, inputs: Mapping[Any, ArrayLike]) -> tuple[NDArray[Any], Floats]:
    """Return the labels, shape (c,), and the input under each, shape (c, D), checked.

    Labels are strings, or numbers that stay numbers: of strings 10 would come before 9.
    """
    labels = _labels(inputs)
    return labels, np.stack([_one_input(cell, label, inputs[label]) for label in inputs])


def _labels(inputs: Mapping[Any, ArrayLike]) -> NDArray[Any]:
    if not inputs:
        raise ValueError("inputs must name at least one condition; for zero input pass None")
    if {_kind(label) for label in inputs} not in ({"string"}, {"number"}):
        raise TypeError(
            "inputs must have strings for labels, or numbers, and not both, not "
            f"{list(inputs)}; of anything else pass str(label)"
        )
    labels = np.array(list(inputs))
    if labels.dtype.kind not in "Uiuf" or (labels.dtype.kind == "f" and np.isnan(labels).any()):
        raise TypeError(
            "inputs must have numbers for labels that NumPy holds, and no NaN, not "
            f"{list(inputs)}; pass str(label)"
        )
    if len(np.unique(labels)) < len(inputs):  # NumPy drops NULs at the end of a string
        raise ValueError(f"inputs must not hold a label twice, as NumPy sees it: {labels.tolist()}")
    return labels


def _kind(label: object) -> str | None:
    if isinstance(label, bool):
        return None
    return "string" if isinstance(label, str) else "number" if isinstance(label, Real) else None


def _one_input(cell: Cell, label: object, value: ArrayLike) -> Floats:
    name = f"inputs[{label!r}]"
    array = validation.floats(name, value, cell.dtype)
    if array.shape != (cell.input_size,):
        raise ValueError(
            f"{name} must have shape ({cell.input_size},), one input per condition, "
            f"not {array.shape}"
        )
    return array
