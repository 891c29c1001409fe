"""The results over seeds that are committed: in docs/seeds, `networks.csv.gz` and `made.json`.

The first has a row for each layer of each network: its settings, every number, and whether each
claim holds. The second says which commands made it, which networks are in no share, how long all
took, and which edition of the analysis the rows are of: rows of two editions are not mixed.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any

from nullcline._support.files import write_bytes, write_json
from nullcline.study.network_groups import GROUP, SPREAD_BY, one_each, rows_of_networks
from nullcline.study.network_rows import MEASURED
from nullcline.study.networks import EDITION, ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Row = dict[str, Any]

NETWORKS, MADE = "networks.csv.gz", "made.json"

DIGITS = 5
"""Of numbers, as many as tables and figures can show and more."""

_NOT_KEPT = ("corpus_hash", "beyond_search", "completeness")


def results_of(
    folders: Sequence[Path], known: tuple[list[Row], Row] | None = None
) -> tuple[list[Row], Row]:
    """Return the rows of finished sweeps, and how they were made.

    Parameters
    ----------
    folders
        Those of the sweeps.
    known
        Results that these are added to, such as those of other seeds, from another machine.
        Networks that they already have are not taken again.

    Raises
    ------
    SystemExit
        A folder holds no table of a sweep, there is no row of a network in any, or what is known
        is of another edition.
    """
    edition = f"{EDITION}.{ROWS}"
    rows, made = known or ([], {"edition": edition, "sweeps": [], "left_out": []})
    if made["edition"] != edition:
        sys.exit(
            f"the results are of edition {made['edition']}, and these sweeps of {edition}: sweep "
            "all networks anew (`nullcline sweep --runs` takes those that are trained)"
        )
    for folder in folders:
        there = {_identity(row) for row in rows}
        own = rows_of_networks(read_table(folder, "results"))
        own = [_kept(row) for row in own if _identity(row) not in there]
        left_out = [row for row in read_table(folder, "untrained") if row not in made["left_out"]]
        rows = rows + own
        made = {
            **made,
            "sweeps": [*made["sweeps"], _sweep(folder, own)],
            "left_out": made["left_out"] + left_out,
        }
    if not rows:
        sys.exit(f"{', '.join(map(str, folders))}: no row is of a network")
    return rows, made


def _identity(row: Row) -> tuple[Any, ...]:
    """Return what no two networks have in common; trained anew, one has the same."""
    return tuple(row.get(name) for name in (*GROUP, *SPREAD_BY, "seed", "layer"))


def _sweep(folder: Path, rows: list[Row]) -> Row:
    """Return how long these rows took: seconds of processors, and of training as the runs say."""
    jobs = read_table(folder, "jobs")
    own = {row["job"] for row in rows}
    return {
        "name": folder.name,
        "networks": len(one_each(rows)),
        "analysis_cpu_seconds": round(sum(job["cpu_seconds"] for job in jobs if job["job"] in own)),
        "training_seconds": round(sum(map(_training_seconds, _runs(folder, own)))),
        "machines": sorted({job["machine"] for job in jobs if job["machine"]}),
    }


def _runs(folder: Path, jobs: set[str]) -> list[Path]:
    """Return the runs that these jobs have analysed: an analysis is called as its network is."""
    analysed = [
        path.parent.relative_to(folder / "analyses")
        for path in folder.glob("analyses/*/*/job.json")
        if json.loads(path.read_text("utf-8"))["key"].startswith(tuple(jobs))
    ]
    return [
        path.parent
        for path in folder.glob("networks/*/*/settings.json")
        if path.parent.relative_to(folder / "networks") in analysed
    ]


def _training_seconds(run: Path) -> float:
    history = json.loads((run / "settings.json").read_text("utf-8"))["history"]
    return float(sum(epoch["seconds"] for epoch in history))


def read_table(folder: Path, name: str) -> list[Row]:
    """Return a table of a sweep, in whichever format it is there; nothing if it has no rows.

    Raises
    ------
    SystemExit
        There is no such table.
    """
    parquet, text = folder / f"{name}.parquet", folder / f"{name}.csv"
    if parquet.is_file():
        import pyarrow.parquet as pq

        found: list[Row] = pq.read_table(parquet).to_pylist()
        return found
    if not text.is_file():
        sys.exit(f"{folder} holds no table {name}: is it the folder of a finished sweep?")
    with text.open(newline="", encoding="utf-8") as file:
        return [_parsed(row) for row in csv.DictReader(file)]


def _parsed(row: dict[str, str]) -> Row:
    return {name: _value(name, text) for name, text in row.items()}


_TEXTS = {"corpus", "cell", "split", "job", "label", "reason", "machine", "status", "vectors",
          "checkpoint_sha256", "degree", "why", "corpus_hash"}  # fmt: skip


def _value(name: str, text: str) -> Any:
    if text == "":
        return None
    if name in _TEXTS or name.startswith(MEASURED):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _kept(row: Row) -> Row:
    """Return what is committed of a row: no texts but names, numbers as far as they are shown."""
    return {
        name: _rounded(value)
        for name, value in row.items()
        if not name.startswith(MEASURED) and name not in _NOT_KEPT
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def save(rows: Sequence[Row], made: Row, folder: Path) -> None:
    """Write the results, byte for byte the same for the same rows."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _text(row.get(name)) for name in names} for row in rows)
    folder.mkdir(exist_ok=True)
    write_bytes(folder / NETWORKS, gzip.compress(text.getvalue().encode(), mtime=0))
    write_json(folder / MADE, made)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def load(folder: Path) -> tuple[list[Row], Row]:
    """Return the results that are committed.

    Raises
    ------
    SystemExit
        There are none.
    """
    path = folder / NETWORKS
    if not path.is_file():
        sys.exit(f"{path} is not there: name the folders of finished sweeps")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = [_parsed(row) for row in csv.DictReader(file)]
    return rows, json.loads((folder / MADE).read_text("utf-8"))
