"""The page of a sweep: its table, what failed and why, and the command that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nullcline._support.files import write_text
from nullcline._support.versions import versions
from nullcline.sweeps.tables import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from nullcline.sweeps.results import SweepResult
    from nullcline.sweeps.rows import Row

PAGE = "index.html"

MOST_ROWS = 2000
"""Rows of the table that the page shows; its file has all."""


@dataclass(frozen=True)
class Section:
    """A table that sums up a sweep.

    Attributes
    ----------
    name
        Its file's, without a suffix.
    title, text
        What stands above it on the page.
    rows
        What it holds.
    """

    name: str
    title: str
    text: str
    rows: Sequence[Row]

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return columns_of(self.rows)


def write_page(
    result: SweepResult, *, command: str, seconds: float, sections: Sequence[Section] = ()
) -> None:
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
        Tables before that of all rows.
    """
    rows = result.rows
    page = environment("nullcline.sweeps").get_template("sweep.html")
    write_text(
        result.page,
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


def environment(*packages: str) -> Environment:
    """Return the templates of rooms, the first one's before those of the next, and the base."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [PackageLoader(name) for name in dict.fromkeys((*packages, "nullcline.sweeps"))]
    found = Environment(loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined)
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
