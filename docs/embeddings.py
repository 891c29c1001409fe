"""What word vectors change, for embeddings.md: `python -m docs.embeddings FOLDER ...`.

A folder is that of `nullcline sweep` with several `--vectors`, and `--table parquet`. The numbers
of its networks are kept in `embeddings/CORPUS.json`, in place of those of an earlier sweep on that
corpus, and the tables of all corpora are written between the marks of embeddings.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs.embeddings_tables import with_results
from nullcline._support.files import write_json, write_text
from nullcline._support.reading import read_json
from nullcline.study.embeddings import ALSO_COMMON, COMMON, OBSERVATIONS
from nullcline.study.network_groups import rows_of_trained
from nullcline.study.network_rows import CLAIM

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

KEPT = {*COMMON, *ALSO_COMMON, *OBSERVATIONS, "vectors", "frozen_vectors", "seed", "bag_of_words"}
"""Columns that are kept, beside those of claims."""


def main(folders: Sequence[Path], docs: Path) -> None:
    """Keep the numbers of sweeps, and write the tables of all that are kept."""
    for folder in folders:
        keep(folder / "results.parquet", docs / "embeddings")
    results = [read_json(path, "numbers") for path in sorted((docs / "embeddings").glob("*.json"))]
    page = docs / "embeddings.md"
    write_text(page, with_results(page.read_text("utf-8"), results))


def keep(table: Path, folder: Path) -> None:
    """Keep the numbers of a sweep's networks that count as trained, a file a corpus."""
    import pyarrow.parquet as pq

    read = pq.read_table(table)
    words = read.schema.metadata[b"command"].decode().removesuffix(" --resume").split(" ")
    command = " ".join(["nullcline", *words[1:]])
    rows = [
        {name: value for name, value in row.items() if name in KEPT or name.startswith(CLAIM)}
        for row in rows_of_trained(read.to_pylist())
    ]
    folder.mkdir(exist_ok=True)
    for corpus in sorted({row["corpus"] for row in rows}):
        own = [rounded(row) for row in rows if row["corpus"] == corpus]
        write_json(folder / f"{corpus}.json", {"command": command, "rows": own})


def rounded(row: Row) -> Row:
    """Return a row with numbers of six digits, which is more than any table shows."""
    found: Row = json.loads(json.dumps(row), parse_float=lambda text: float(f"{float(text):.6g}"))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of sweeps")
    main(parser.parse_args().folders, Path(__file__).parent)
