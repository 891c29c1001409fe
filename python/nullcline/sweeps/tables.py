"""The table of a sweep's results, as Parquet or CSV."""

from __future__ import annotations

import csv
import io
import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nullcline._support.extras import install
from nullcline._support.files import replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nullcline.sweeps.rows import Row

FORMATS = ("parquet", "csv")

STEM = "results"

JOBS = "jobs"
"""The table of how jobs ended."""


def chosen_format(wanted: str | None) -> str:
    """Return the format of the table: Parquet by default, if pyarrow is there, else CSV.

    Raises
    ------
    ModuleNotFoundError
        Parquet is wanted, and pyarrow is not installed.
    ValueError
        It is none of `FORMATS`.
    """
    has_arrow = find_spec("pyarrow") is not None
    if wanted is None:
        return "parquet" if has_arrow else "csv"
    if wanted not in FORMATS:
        raise ValueError(f"table must be None or one of {', '.join(FORMATS)}, not {wanted!r}")
    if wanted == "parquet" and not has_arrow:
        raise ModuleNotFoundError(install("pyarrow", "sweep"), name="pyarrow")
    return wanted


def write_table(path: Path, rows: Sequence[Row], about: Mapping[str, str]) -> None:
    """Write the table, whole or not at all, in place of one in the other format.

    Parameters
    ----------
    path
        Where to; the suffix is one of `FORMATS`.
    rows
        What it holds; columns that a row lacks are empty there.
    about
        What a Parquet file says of itself, beside its columns.
    """
    if path.suffix == ".parquet":
        _write_parquet(path, rows, about)
    else:
        _write_csv(path, rows)
    for other in FORMATS:
        if path.suffix != f".{other}":
            path.with_suffix(f".{other}").unlink(missing_ok=True)


def columns_of(rows: Sequence[Row]) -> list[str]:
    """Return the names of all columns, in the order in which rows bring them."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _write_parquet(path: Path, rows: Sequence[Row], about: Mapping[str, str]) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    names = columns_of(rows)
    arrays = [_as_arrow(pa, [row.get(name) for row in rows]) for name in names]
    table = pa.Table.from_arrays(arrays, names=names).replace_schema_metadata(dict(about))
    with replacing(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


def _as_arrow(pa: Any, values: list[Any]) -> Any:
    """Return a column; one whose values are of several kinds as texts."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    try:
        return pa.array(values, from_pandas=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else _as_text(value) for value in values])


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns_of(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _as_text(value) for name, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
