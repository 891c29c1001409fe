"""Tables in Markdown pages, each between `<!-- its name -->` and `<!-- end -->`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.files import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

END = "<!-- end -->"


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with tables between the marks of their names; without marks, they are left out.

    Parameters
    ----------
    page
        The text of the page.
    tables
        Tables in Markdown, by the names of their marks.
    """
    for name, table in tables.items():
        start = f"<!-- {name} -->\n"
        before, mark, rest = page.partition(start)
        if mark:
            lines = table.rstrip("\n") + "\n" if table else ""
            page = before + start + lines + END + rest.partition(END)[2]
    return page


def fill_tables(path: Path, tables: Mapping[str, str]) -> None:
    """Put tables into the page in a file, as `with_tables` does."""
    write_text(path, with_tables(path.read_text("utf-8"), tables))
