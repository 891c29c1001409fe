"""The page of a sweep: its table, what failed and why, and the command that made it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.extras import install
from nullcline._support.files import write_text
from nullcline._support.versions import versions
from nullcline.sweeps.tables import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from nullcline.sweeps.results import SweepResult

PAGE = "index.html"

MOST_ROWS = 2000
"""Rows of the table that the page shows; its file has all."""


def write_page(
    result: SweepResult, *, command: str, seconds: float, sections: Sequence[Any] = ()
) -> Path:
    """Write the page, which needs no other file.

    Parameters
    ----------
    result
        The sweep.
    command
        How it was made.
    seconds
        How long it took, this time.
    sections
        Tables before that of all rows, each with `title`, `text`, `columns` and `rows`.

    Raises
    ------
    ModuleNotFoundError
        jinja2 is not installed.
    """
    rows = result.rows
    page = environment("nullcline.sweeps").get_template("sweep.html")
    path = result.folder / PAGE
    write_text(
        path,
        page.render(
            result=result,
            columns=columns_of(rows),
            rows=rows[:MOST_ROWS],
            n_rows=len(rows),
            sections=sections,
            command=command,
            seconds=seconds,
            versions=versions(),
        ),
    )
    return path


def environment(*packages: str) -> Environment:
    """Return the templates of rooms, the first one's before those of the next, and the base."""
    try:
        from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(install("jinja2", "sweep"), name="jinja2") from error
    loaders = [PackageLoader(name) for name in dict.fromkeys((*packages, "nullcline.sweeps"))]
    found = Environment(
        loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined
    )
    found.filters["duration"] = _duration
    found.filters["entry"] = _entry
    return found


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _entry(value: Any) -> str:
    """Return a table's entry for readers; the table's file has all digits."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−")
    if isinstance(value, list | tuple):
        return ", ".join(map(_entry, value))
    return str(value).replace("-", "−") if isinstance(value, int) else str(value)
