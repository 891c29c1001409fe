"""What commands say: a table on a terminal, plain text elsewhere, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cli.running import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

MOST_ROWS = 20
"""A longer table is cut, with a word on what is left out; JSON and files have all of it."""

_STYLES = {
    "fixed": "bold",
    "slow": "yellow",
    "minimum": "magenta",
    "unconverged": "dim",
    "stable": "green",
    "unstable": "red",
}
"""Colours repeat what words say."""


@dataclass(frozen=True)
class Table:
    """Rows under a title.

    Attributes
    ----------
    title
        One line on what it shows.
    columns
        Names, which are the keys in JSON.
    rows
        Numbers, truth values, texts, or None where there is nothing to say.
    note
        A line beneath, if any.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the switch to JSON."""
    parser.add_argument(
        "--json", action="store_true", help="print JSON, in which null stands for no number or ∞"
    )


def show(tables: Sequence[Table]) -> None:
    """Print tables: with lines and colours where the output is a terminal and rich is there."""
    console = _console()
    for table in tables:
        say(_plain(table) if console is None else _drawn(console, table))


def show_json(value: object) -> None:
    """Print a value as JSON, with escapes where the output's encoding lacks a letter."""
    text = json.dumps(_as_json(value), indent=1, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(_as_json(value), indent=1, allow_nan=False)
    say(text)


def records(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table as mappings."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_as_json(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)


def shown(value: Any) -> str:
    """Return a cell of a table as text, without anything that would steer a terminal."""
    if value is None:
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return "∞" if math.isinf(value) else f"{value:.4g}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def _cut(table: Table) -> tuple[list[list[str]], list[str]]:
    """Return what is shown of a table, and the lines beneath: what is said of the rest, notes."""
    rows = [[shown(value) for value in row] for row in table.rows[:MOST_ROWS]]
    left_out = len(table.rows) - len(rows)
    more = [f"… {left_out} more"] if left_out else []
    return rows, more + [shown(line) for line in table.note.splitlines()]


def _numeric(table: Table) -> list[bool]:
    """Whether each column is of numbers, which stand to the right."""
    return [
        all(row[i] is None or isinstance(row[i], int | float | np.number) for row in table.rows)
        for i in range(len(table.columns))
    ]


def _plain(table: Table) -> str:
    rows, more = _cut(table)
    lines = [list(table.columns), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    to_the_right = _numeric(table)
    text = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, to_the_right, strict=True)
        ).rstrip()
        for line in lines
    ]
    beneath = [*(text if rows else []), *more]
    return "\n".join([shown(table.title), *(f"  {line}" for line in beneath)])


def _console() -> Any:
    """Return rich's console if the output is a terminal and rich is installed."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    return Console()  # which minds NO_COLOR and TERM


def _drawn(console: Any, table: Table) -> str:
    from rich import box
    from rich.table import Table as Drawn
    from rich.text import Text

    rows, more = _cut(table)
    drawn = Drawn(
        title=Text(shown(table.title)),
        caption=Text("\n".join(more)) if more else None,
        box=box.SIMPLE_HEAD,
        title_justify="left",
        caption_justify="left",
        show_header=bool(rows),
    )
    for name, right in zip(table.columns, _numeric(table), strict=True):
        drawn.add_column(Text(name), justify="right" if right else "left")
    for row in rows:
        drawn.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    with console.capture() as captured:
        console.print(drawn)
    return str(captured.get()).rstrip("\n")
