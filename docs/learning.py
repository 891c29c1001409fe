"""Bring results of `nullcline learning` here: `python -m docs.learning [NAME=FOLDER ...]`.

The tables of a folder become `learning/NAME.json`, and pictures its figure of leads and those of
the last layer of its first network of each corpus, where learning.md shows them. The tables of all
that are here are written between that page's marks; without a folder, nothing else is done.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from docs.refresh import copy_picture
from nullcline._support.reading import read_json
from nullcline.study.cell_names import CELL_NAMES
from testing.marked import fill_tables

Row = dict[str, Any]

RULES = {
    "curve": "states lie along a line",
    "long_mode": "one mode outlasts the others",
    "line": "both",
    "words": "words move it as they count",
}
"""What each is called in a table, in its order."""

COMPARED = {
    "validation_loss": ("validation loss", "{:.3f}"),
    "validation_accuracy": ("validation accuracy", "{:.3f}"),
    "training_accuracy": ("training accuracy", "{:.3f}"),
    "fixed": ("fixed points", "{:g}"),
    "unstable": ("of them unstable", "{:g}"),
    "slow": ("slow points", "{:g}"),
    "spectral_radius": ("spectral radius", "{:.3f}"),
    "participation_ratio": ("participation ratio", "{:.2f}"),
    "line_aspect": ("line: length over width", "{:.2f}"),
    "line_variance": ("line: share of variance", "{:.2f}"),
    "words_rho": ("words' ρ", "{:.2f}"),
    "review_readout_r2": ("R² of the readout of a review", "{:.2f}"),
}
"""What numbers are called in a table, and how they are written."""


def main(words: list[str], docs: Path) -> None:
    """Bring folders here, and write the tables of all results."""
    (docs / "learning").mkdir(exist_ok=True)
    for word in words:
        name, _, folder = word.partition("=")
        bring(name, Path(folder), docs)
    results = [
        (path.stem, read_json(path, "results of learning"))
        for path in sorted((docs / "learning").glob("*.json"))
    ]
    fill_tables(docs / "learning.md", tables(results))


def bring(name: str, folder: Path, docs: Path) -> None:
    """Copy a sweep's tables, and of its pictures those that the page shows."""
    shutil.copyfile(folder / "results.json", docs / "learning" / f"{name}.json")
    found = {f"learning-{name}-leads.png": folder / "leads.png"}
    for corpus in sorted((folder / "learning").iterdir()):
        first = min(corpus.iterdir())
        for what in ("course", "points"):
            last = max(first.glob(f"layer-*-{what}.png"))
            found[f"learning-{name}-{corpus.name}-{what}.png"] = last
    page = (docs / "learning.md").read_text("utf-8")
    for picture, path in found.items():
        if f"images/{picture}" in page:
            copy_picture(path, docs / "images" / picture)


def tables(results: list[tuple[str, Row]]) -> dict[str, str]:
    """Return the tables of all results, by the names of their marks."""
    made = [f"- `{name}.json`: `{one['command']}`" for name, one in results]
    return {
        "commands": "\n".join(made),
        "leads": leads([row for _, one in results for row in one["leads"]]),
        "births": births([row for _, one in results for row in one["births"]]),
        "overfitting": overfitting([row for _, one in results for row in one["overfitting"]]),
    }


def leads(rows: list[Row]) -> str:
    """Return how often each appears before accuracy, and by how much."""
    lines = [
        "| network | what | before | together | after | never | there by then | lead in steps: "
        "median (quartiles) |",
        "|---|---|---:|---:|---:|---:|---|---|",
    ]
    order = list(RULES)
    for row in sorted(rows, key=lambda row: (*_group(row), order.index(row["what"]))):
        if row["share_by_then"] is None:
            continue
        counts = " | ".join(str(row[name]) for name in ("before", "together", "after", "never"))
        share = f"{row['share_by_then']:.0%} ({row['low']:.0%} to {row['high']:.0%})"
        spread = "–" if row["median"] is None else _spread(row, "{:.0f}")
        lines.append(f"| {_name(row)} | {RULES[row['what']]} | {counts} | {share} | {spread} |")
    return "\n".join(lines)


def births(rows: list[Row]) -> str:
    """Return how fixed points come and go."""
    lines = [
        "| network | networks | most fixed points: median (greatest) | pairs born | of a ghost | "
        "pairs that vanish | leaving a ghost |",
        "|---|---:|---|---:|---:|---:|---:|",
    ]
    for row in sorted(rows, key=_group):
        counted = ("pairs_born", "born_of_ghost", "pairs_vanished", "leaving_ghost")
        counts = " | ".join(str(row[name]) for name in counted)
        most = f"{row['median']:g} ({row['greatest']:g})"
        lines.append(f"| {_name(row)} | {row['networks']} | {most} | {counts} |")
    return "\n".join(lines)


def overfitting(rows: list[Row]) -> str:
    """Return what changes from the kept epoch to the last."""
    lines = [
        "| network | number | networks | kept | last | change: median (quartiles) | rises in |",
        "|---|---|---:|---:|---:|---|---:|",
    ]
    order = list(COMPARED)
    of_all = ("validation_loss", "validation_accuracy", "training_accuracy")  # of all layers one
    shown = [
        row
        for row in rows
        if row["number"] in COMPARED and not (row["layer"] > 1 and row["number"] in of_all)
    ]
    for row in sorted(shown, key=lambda row: (*_group(row), order.index(row["number"]))):
        title, form = COMPARED[row["number"]]
        kept, last = (_signed(form.format(row[name])) for name in ("kept", "last"))
        lines.append(
            f"| {_name(row)} | {title} | {row['networks']} | {kept} | {last} | "
            f"{_spread(row, form)} | {row['rises']} |"
        )
    return "\n".join(lines)


def _group(row: Row) -> tuple[Any, ...]:
    return row["corpus"], row["n_layers"], row["cell"], row["layer"]


def _name(row: Row) -> str:
    depth = "" if row["n_layers"] == 1 else f", layer {row['layer']} of {row['n_layers']}"
    return f"{CELL_NAMES[row['cell']]} on {row['corpus']}, {row['hidden_size']} units{depth}"


def _spread(row: Row, form: str) -> str:
    median, low, high = (_signed(form.format(row[name])) for name in ("median", "lower", "upper"))
    return f"{median} ({low} to {high})"


def _signed(written: str) -> str:
    return written.replace("-", "−")


if __name__ == "__main__":
    main(sys.argv[1:], Path(__file__).parent)
