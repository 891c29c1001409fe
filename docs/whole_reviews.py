"""Put networks of whole reviews beside the study's: `python -m docs.whole_reviews FOLDER ...`.

A folder is one that `nullcline train` wrote, finished. What it says of itself goes into
docs/imdb/whole-reviews.json, and the comparison with docs/imdb/results.json, whose networks read
the last tokens of a review, between the marks of docs/imdb.md.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nullcline._support.files import write_json
from testing.marked import with_tables

Row = dict[str, Any]


def network(folder: Path) -> Row:
    """Return what a finished run says of itself."""
    record: Row = json.loads((folder / "settings.json").read_text("utf-8"))
    best = record["history"][record["best_epoch"] - 1]
    return {
        "layers": record["settings"]["layers"],
        "max_tokens": record["settings"]["max_tokens"],
        "epochs": len(record["history"]),
        "best_epoch": record["best_epoch"],
        "validation_loss": best["validation_loss"],
        "test_accuracy": record["test_accuracy"],
        "seconds": sum(epoch["seconds"] for epoch in record["history"]),
        "settings": record["settings"],
        "versions": record.get("versions"),
    }


def table(whole: list[Row], study: Row) -> str:
    """Return both kinds of networks as a table, those with as many layers one below the other."""
    capped = study["settings"]["training"]["max_tokens"]
    lines = [
        "| layers | tokens read | epoch kept | validation loss | test accuracy | training |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for own in whole:
        lines += [
            f"| {own['layers']} | the last {capped} | {theirs['best_epoch']} | "
            f"{theirs['validation_loss']:.3f} | {theirs['test_accuracy']:.2%} | "
            f"{theirs['seconds']['training'] / 60:.0f} min |"
            for theirs in study["networks"]
            if theirs["n_layers"] == own["layers"]
        ]
        lines.append(
            f"| {own['layers']} | all | {own['best_epoch']} of {own['epochs']} | "
            f"{own['validation_loss']:.3f} | {own['test_accuracy']:.2%} | "
            f"{own['seconds'] / 60:.0f} min |"
        )
    return "\n".join(lines)


def main(folders: list[Path], docs: Path) -> None:
    """Write the record and the table."""
    whole = sorted((network(folder) for folder in folders), key=lambda row: row["layers"])
    write_json(docs / "imdb" / "whole-reviews.json", {"networks": whole})
    study = json.loads((docs / "imdb" / "results.json").read_text("utf-8"))
    page = docs / "imdb.md"
    tables = {"whole-reviews": table(whole, study)}
    page.write_text(with_tables(page.read_text("utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]], Path(__file__).absolute().parent)
