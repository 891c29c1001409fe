"""What a notebook shows of an object: a small table, in HTML that holds nothing but its text."""

from __future__ import annotations

import dataclasses
import html
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_ROWS = 20
"""Rows of a table that are shown; a last one says how many there are."""

LONGEST = 110
"""Characters of an object's short description, which is one line."""

_LONGEST_CELL = 200


class Table(NamedTuple):
    """A table's header, the rows that are shown, and how many there are in all."""

    header: Sequence[str]
    rows: Iterable[Sequence[object]]
    n_rows: int


class Shown:
    """An object that notebooks show as a table, by default one of its attributes."""

    def _table(self) -> Table:
        """Return what is shown beneath the object's `repr`."""
        fields: Any = dataclasses.fields(self)  # type: ignore[arg-type]
        names = [field.name for field in fields if not field.name.startswith("_")]
        rows = [(name, described(getattr(self, name))) for name in names]
        return Table(("attribute", ""), rows, len(rows))

    def _repr_html_(self) -> str:
        return html_table(repr(self), self._table())


def html_table(caption: str, table: Table) -> str:
    """Return a table in HTML, every text escaped."""
    head = "".join(f"<th>{_escaped(name)}</th>" for name in table.header)
    shown = list(table.rows)
    body = "".join(
        f"<tr>{''.join(f'<td>{_escaped(entry)}</td>' for entry in row)}</tr>" for row in shown
    )
    if len(shown) < table.n_rows:
        rest = f"… {len(shown)} of {table.n_rows} shown"
        body += f'<tr><td colspan="{len(table.header)}">{rest}</td></tr>'
    return (
        f"<table><caption>{_escaped(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def first_rows(n: int) -> range:
    """Return the numbers of the rows to show, of n."""
    return range(min(n, MOST_ROWS))


def described(value: object) -> str:
    """Return one attribute in a few words: an array as its shape and type."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape and dtype is not None:
        return f"{' × '.join(map(str, shape))}, {dtype}"
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(described, value))
    return "none" if value is None else str(value)


def in_one_line(text: str, longest: int = LONGEST) -> str:
    """Return a text without line breaks, cut to a length."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _escaped(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
    return html.escape(in_one_line(text, _LONGEST_CELL))
