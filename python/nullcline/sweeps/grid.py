"""Jobs for every combination of parameters."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from nullcline.sweeps.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def job_grid(
    function: Callable[..., Any],
    axes: Mapping[str, Iterable[Any]],
    parameters: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Job]:
    """Return a job for every combination of the axes' values.

    Parameters
    ----------
    function
        As in `Job`.
    axes
        The values of each parameter that varies, such as ``{"cell": ["gru", "lstm"],
        "seed": range(20)}``. The last one varies fastest.
    parameters
        Parameters that all jobs have.
    options
        Whatever else `Job` takes: `version`, `environment`, `threads`.

    Returns
    -------
    list of Job

    Raises
    ------
    TypeError
        An axis is a single value, or a text.
    ValueError
        An axis is empty, or is among `parameters`, too.
    """
    values = {name: _values(name, axis) for name, axis in axes.items()}
    fixed = dict(parameters or {})
    if twice := sorted(fixed.keys() & values.keys()):
        raise ValueError(f"parameters must not hold {', '.join(twice)}, which axes hold")
    return [
        Job(function, {**fixed, **dict(zip(values, chosen, strict=True))}, **options)
        for chosen in product(*values.values())
    ]


def _values(name: str, axis: Iterable[Any]) -> list[Any]:
    if isinstance(axis, str | bytes) or not hasattr(axis, "__iter__"):
        raise TypeError(f"axes must hold a list of values for {name}, not {axis!r}")
    values = list(axis)
    if not values:
        raise ValueError(f"axes must hold at least one value for {name}")
    return values
