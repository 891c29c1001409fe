"""Write what holds over seeds: `python -m docs.over_seeds [--add] FOLDER ...`.

A folder is that of a finished `nullcline sweep docs/seeds/NAME.toml`, and is called NAME. What they
hold is brought to docs/seeds, in place of what is there or, with --add, beside it; from there are
made the figures, and the tables and sentences between the marks of the pages in `PAGES`.
Without folders, these are made anew from docs/seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from docs import seeds_results, seeds_tables
from docs.seeds_figures import draw_all
from docs.seeds_selection import capped
from testing.marked import fill_tables

Row = dict[str, Any]

PAGES = ("claims.md", "study.md", "imdb.md", "study/claims-by-cell.md")


def main(folders: list[Path], docs: Path, *, add: bool = False) -> None:
    """Bring the results of sweeps here, if any are given, and write figures and pages."""
    kept = docs / "seeds"
    if folders:
        known = seeds_results.load(kept) if add else None
        seeds_results.save(*seeds_results.results_of(folders, known), kept)
    rows, made = seeds_results.load(kept)
    main = capped(rows)  # of those that read whole reviews there are few, and a section
    figures = draw_all(main, docs / "images")
    tables = {**tables_of(rows, made, docs), **figures}
    for name in PAGES:
        fill_tables(docs / name, tables)


def tables_of(rows: list[Row], made: Row, docs: Path) -> dict[str, str]:
    """Return every table over seeds, beside what the pages of single networks say."""
    page = _of_imdb(docs)["networks"]
    return seeds_tables.every_table(rows, made, single_networks(docs), page)


def _of_imdb(docs: Path) -> Row:
    found: Row = json.loads((docs / "imdb" / "results.json").read_text("utf-8"))
    return found


def single_networks(docs: Path) -> list[Row]:
    """Return what the pages of single networks say of each claim: network, claim and whether."""
    found = []
    for path in sorted((docs / "study").glob("*.json")):
        results = json.loads(path.read_text("utf-8"))
        settings = results["settings"]
        usual = settings["train_sizes"] == [None] and settings["splits"] == ["test"]
        if usual and settings["training"]["classes"] == 2:
            found += [
                {
                    "corpus": network["corpus"],
                    "cell": network["cell"],
                    "n_layers": network["n_layers"],
                    "claim": claim["name"],
                    "holds": network["holds"],
                }
                for claim in results["claims"]
                for network in claim["networks"]
            ]
    found += [
        {
            "corpus": "imdb",
            "cell": "gru",
            "n_layers": int(claim["claim"][0]),
            "claim": claim["claim"],
            "holds": claim["agrees"],
        }
        for claim in _of_imdb(docs)["claims"]
        if claim["agrees"] is not None
    ]
    # Of a network that is in two studies the last is shown, as docs/refresh.py does.
    names = ("corpus", "cell", "n_layers", "claim")
    return list({tuple(row[name] for name in names): row for row in found}.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write what holds over seeds.")
    parser.add_argument("folders", nargs="*", type=Path, help="those of finished sweeps")
    parser.add_argument("--add", action="store_true", help="keep the results that are there")
    given = parser.parse_args()
    main(given.folders, Path(__file__).absolute().parent, add=given.add)
