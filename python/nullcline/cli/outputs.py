"""Files that commands write on request: one each, never over another unless told to."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.files import write_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def add_output(parser: argparse._ActionsContainer, what: str) -> None:
    """Add the file to write."""
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"file to write: {what}")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")


def require_writable(path: Path | None, options: argparse.Namespace) -> None:
    """Raise FileExistsError if a file is there, and is not to be replaced."""
    if path is not None and path.exists() and not options.overwrite:
        raise FileExistsError(
            f"{path} exists already; replace it (--overwrite), or choose another by --out"
        )


def require_suffix(path: Path | None, suffixes: Sequence[str]) -> None:
    """Raise ValueError if a path ends in none of these."""
    if path is not None and path.suffix.lower() not in suffixes:
        raise ValueError(f"out must end in {' or '.join(suffixes)}, not {path.name!r}")


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows under the names of the first one's keys, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
