"""A cell of a function, once its arguments are checked and it has been examined."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells.box import Box
from nullcline.cells.function import FunctionCell

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.interop._examination import Examined

    Examine = Callable[[Any, Box, int, np.dtype[Any]], Examined]


class FunctionWarning(UserWarning):
    """A function is slow to differentiate, coarse, or has derivatives that are not its own."""


def function_cell(
    examine: Examine,
    f: Any,
    n_states: int,
    n_inputs: int,
    *,
    bounds: tuple[float, float] | None,
    smooth: bool | None,
    dtype: Any,
) -> FunctionCell:
    """Return the cell of a function, as `from_function` documents it, for its caller's caller."""
    cell, doubts = examined_cell(
        examine, f, n_states, n_inputs, bounds=bounds, smooth=smooth, dtype=dtype
    )
    for doubt in doubts:
        warnings.warn(doubt, FunctionWarning, stacklevel=3)
    return cell


def examined_cell(
    examine: Examine,
    f: Any,
    n_states: int,
    n_inputs: int,
    *,
    bounds: tuple[float, float] | None,
    smooth: bool | None,
    dtype: Any,
) -> tuple[FunctionCell, list[str]]:
    """Return the cell of a function, and the sentences that its owner should read.

    `examine` says what the function is found to be, whose states are in a box.
    """
    if not callable(f):
        raise TypeError(f"f must be a function of inputs and states, not {type(f).__name__}")
    n_states = validation.whole_number("n_states", n_states, 1)
    n_inputs = validation.whole_number("n_inputs", n_inputs, 0)
    target = validation.float_type(dtype)
    if not (smooth is None or isinstance(smooth, bool)):
        raise TypeError(f"smooth must be True, False or None, not {smooth!r}")
    box = Box.uniform(n_states, *_checked_bounds(bounds))
    examined = examine(f, box, n_inputs, target)
    cell = FunctionCell(
        examined.derivatives,
        n_states,
        n_inputs,
        target,
        box,
        precision=examined.precision,
        is_smooth=examined.is_smooth if smooth is None else smooth,
    )
    return cell, examined.doubts


def _checked_bounds(bounds: tuple[float, float] | None) -> tuple[float, float]:
    if bounds is None:
        return -np.inf, np.inf
    try:
        low, high = map(float, bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(f"bounds must be two numbers, (low, high), not {bounds!r}") from error
    if not low < high:
        raise ValueError(f"bounds must be two numbers, the first below the second, not {bounds}")
    return low, high
