"""Rows of a CSV file, as long as they are sound and not too long."""

from __future__ import annotations

import csv
import io
import re
from typing import IO, TYPE_CHECKING, TextIO

from nullcline._support.reading import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["csv_rows"]

_LONGEST_FIELD = 1 << 24
_ESCAPED_QUOTE = re.compile(r'\\"(?!")')


def csv_rows(
    name: str, file: IO[bytes], columns: Sequence[str] | None = None
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line of each row, and its columns; empty lines are left out.

    Parameters
    ----------
    name
        What the file is called in messages.
    file
        In UTF-8, with or without a byte order mark. It is read row by row, and closed.
    columns
        What the columns are called; None has the first row, which is yielded as well, say it.

    Raises
    ------
    ValueError
        It is not UTF-8, a row has more or fewer columns, a quote is not closed or a column goes on
        after it, or a line has 16 MiB or more.
    """
    # The limit is the process's. It is raised only, so that no thread lowers another's.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text_file:
        lines = _Lines(name, text_file)
        reader = csv.reader(lines, strict=True)
        known = "the header has" if columns is None else f"there must be {', '.join(columns)}:"
        n_columns = None if columns is None else len(columns)
        try:
            for row in filter(None, reader):
                n_columns = n_columns or len(row)
                if len(row) != n_columns:
                    raise FileError(
                        f"{name}, line {reader.line_num}: {len(row)} columns, where {known} "
                        f"{n_columns}; quote texts that hold commas{lines.hint}"
                    )
                yield reader.line_num, row
        except csv.Error as error:
            raise FileError(f"{name}, line {reader.line_num}: {error}{lines.hint}") from error
        except UnicodeDecodeError as error:
            raise FileError(f"{name} is not UTF-8 text; convert it") from error


class _Lines:
    """The lines of a file, none too long, and what is to be said of quotes in them."""

    def __init__(self, name: str, file: TextIO) -> None:
        self._name = name
        self._file = file
        self._number = 0
        self.hint = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(_LONGEST_FIELD)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) == _LONGEST_FIELD:
            raise FileError(f"{self._name}, line {self._number}: more than {_LONGEST_FIELD:,} long")
        if not self.hint and '\\"' in line and _ESCAPED_QUOTE.search(line):
            self.hint = (
                f' (line {self._number} has \\", but in CSV a quote within quotes is doubled: '
                'write "" in its place)'
            )
        return line
