"""Bring sweeps over numbers of classes here: `python -m docs.classes FOLDER ...`.

A folder is one that `nullcline sweep --classes ...` wrote; what is done in it counts. The rows go
into docs/classes/results.json, pictures beside the others, and tables between the marks of
docs/classes.md. Without a folder tables and the picture of dimensions are made of the rows that are
there.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from math import comb
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nullcline._support.files import write_json
from nullcline._support.reading import read_json
from nullcline.plotting.theme import BLUE, GREY, VERMILION, style
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.class_claims import CLASS_CLAIMS
from nullcline.study.class_figures import class_figures
from nullcline.study.class_rows import GEOMETRY
from nullcline.study.figures import save_figure
from nullcline.study.network_rows import CLAIM
from nullcline.study.results import NetworkAnalysis
from nullcline.sweeps.statistics import wilson_interval
from testing.marked import fill_tables

Row = dict[str, Any]
Group = tuple[str, str, int]

CORPORA = ("synthetic-unordered", "synthetic-ordered", "synthetic", "sst")
KEPT = (
    "corpus", "cell", "classes", "seed", "hidden_size", "n_layers", "layer", "n_train", "epochs",
    "test_accuracy", "bag_of_words", "chance", "fixed", "slow", "degree", "beyond_search",
    "checkpoint_sha256",
)  # fmt: skip
DRAWN = (("synthetic-unordered", 3), ("synthetic-unordered", 4), ("synthetic-ordered", 5),
         ("sst", 5))  # fmt: skip
"""The corpora and classes of which the first seed's GRU is drawn."""

DIGITS = 6


def main(folders: list[Path], docs: Path) -> None:
    """Write rows, pictures and tables."""
    kept = docs / "classes" / "results.json"
    kept.parent.mkdir(exist_ok=True)
    if folders:
        write_json(kept, {"rows": sorted(rows_of(folders), key=order)})
        draw_networks(folders, docs / "images")
    rows: list[Row] = read_json(kept, "results")["rows"]
    draw_dimensions(rows, docs / "images" / "classes-dimensions.png")
    groups = grouped(rows)
    page = docs / "classes.md"
    tables = {"shape": shape_table(groups), "claims": claims_table(groups), "faces": faces(groups)}
    fill_tables(page, tables)


def rows_of(folders: list[Path]) -> list[Row]:
    """Return the rows of all networks that are done, without what this page does not say."""
    jobs = [
        read_json(path, "a job") for folder in folders for path in sorted(folder.rglob("job.json"))
    ]
    return [
        {name: rounded(value) for name, value in row.items() if is_kept(name)}
        for job in jobs
        if job["status"] == "done"
        for row in job["rows"]
        if f"{GEOMETRY}settled components" in row
    ]


def is_kept(name: str) -> bool:
    """Tell whether a column is of this page."""
    claims = {f"{CLAIM}{claim.name}" for claim in CLASS_CLAIMS}
    return name in KEPT or name in claims or name.startswith(GEOMETRY)


def rounded(value: Any) -> Any:
    """Return a number, or those of a list, with few digits."""
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def order(row: Row) -> tuple[Any, ...]:
    """Return what rows are sorted by."""
    corpus, cell = CORPORA.index(row["corpus"]), list(CELL_NAMES).index(row["cell"])
    return corpus, cell, row["classes"], row["seed"]


def grouped(rows: list[Row]) -> dict[Group, list[Row]]:
    """Return the rows of networks that differ in their seed alone."""
    groups: dict[Group, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["corpus"], row["cell"], row["classes"]].append(row)
    return groups


def shape_table(groups: dict[Group, list[Row]]) -> str:
    """Return what was measured, a line for each corpus, cell and number of classes."""
    lines = [
        "| corpus | cell | N | networks | accuracy | components after a review → 10 steps later "
        "| participation ratio | local, two-NN | points | slow modes (gap) "
        "| left along, across | regularity | largest angle |",
        "|---|---|--:|--:|--:|---|--:|--:|---|---|--:|--:|--:|",
    ]
    for (corpus, cell, n), rows in groups.items():
        lines.append(
            f"| {corpus} | {CELL_NAMES[cell]} | {n} | {len(rows)} "
            f"| {middle(rows, 'test_accuracy', plain=True):.1%} "
            f"| {each(rows, 'final components')} → {each(rows, 'settled components')} "
            f"| {middle(rows, 'settled participation_ratio'):.2f} "
            f"| {middle(rows, 'settled local'):.1f}, {middle(rows, 'settled two_nn'):.1f} "
            f"| {each(rows, 'points components')} "
            f"| {each(rows, 'slow modes')} ({each(rows, 'modes before the gap')}) "
            f"| {middle(rows, 'left along'):.0%}, {middle(rows, 'left across'):.0%} "
            f"| {middle(rows, 'regularity'):.2f} "
            f"| {median(row[GEOMETRY + 'readout angles'][-1] for row in rows):.0f}° |"
        )
    return "\n".join(lines)


def claims_table(groups: dict[Group, list[Row]]) -> str:
    """Return in how many networks each claim holds."""
    lines = [
        "| corpus | cell | N |" + "".join(f" {claim.name} |" for claim in CLASS_CLAIMS),
        "|---|---|--:|" + ":-:|" * len(CLASS_CLAIMS),
    ]
    for (corpus, cell, n), rows in groups.items():
        held = "".join(f" {share(rows, claim.name)} |" for claim in CLASS_CLAIMS)
        lines.append(f"| {corpus} | {CELL_NAMES[cell]} | {n} |{held}")
    rows = [row for own in groups.values() for row in own]
    total = "".join(f" {share(rows, claim.name, interval=True)} |" for claim in CLASS_CLAIMS)
    return "\n".join([*lines, f"| **all** | | |{total}"])


def faces(groups: dict[Group, list[Row]]) -> str:
    """Return the fixed points of all networks by how many of their modes grow."""
    lines = [
        "| corpus | cell | N | faces of a simplex with 1, 2, ... corners | fixed points with 0, 1, "
        "... growing modes, of each network | slow points |",
        "|---|---|--:|---|---|---|",
    ]
    for (corpus, cell, n), rows in groups.items():
        topics = corpus == "synthetic-unordered" or n == 2
        wanted = ", ".join(str(comb(n, k + 1)) for k in range(n)) if topics else "–"
        found = "; ".join(", ".join(map(str, row[f"{GEOMETRY}unstable modes"])) for row in rows)
        slow = ", ".join(str(row["slow"]) for row in rows)
        lines.append(f"| {corpus} | {CELL_NAMES[cell]} | {n} | {wanted} | {found} | {slow} |")
    return "\n".join(lines)


def share(rows: list[Row], claim: str, *, interval: bool = False) -> str:
    """Return in how many of the networks that it is about a claim holds."""
    held = [row[f"{CLAIM}{claim}"] for row in rows if row[f"{CLAIM}{claim}"] is not None]
    if not held:
        return "–"
    if not interval:
        return f"{sum(held)} of {len(held)}"
    low, high = wilson_interval(sum(held), len(held))
    return f"{sum(held)} of {len(held)} ({low:.0%} to {high:.0%})"


def values(rows: list[Row], name: str, *, plain: bool = False) -> list[float]:
    """Return a column's numbers, as far as there are any."""
    column = name if plain else GEOMETRY + name
    return [row[column] for row in rows if row[column] is not None]


def middle(rows: list[Row], name: str, *, plain: bool = False) -> float:
    """Return the median of a column, NaN of none."""
    found = values(rows, name, plain=plain)
    return median(found) if found else float("nan")


def each(rows: list[Row], name: str) -> str:
    """Return the numbers of all networks; one, where they are the same."""
    found = [str(value) for value in values(rows, name)] or ["–"]
    return found[0] if len(set(found)) == 1 else ", ".join(found)


def draw_dimensions(rows: list[Row], path: Path) -> None:
    """Draw dimensions and slow modes of the GRUs against the number of classes."""
    kinds = (("settled components", "components for 95%", "o"),
             ("settled participation_ratio", "participation ratio", "s"),
             ("slow modes", "slow modes at the middle", "^"))  # fmt: skip
    panels = (
        ("synthetic-unordered", "topics: no order"),
        ("synthetic-ordered", "grades by two numbers"),
        ("synthetic", "grades by one number"),
    )
    with style():
        figure = Figure(figsize=(9.5, 3.2), layout="constrained")
        for axes, (corpus, title) in zip(figure.subplots(1, 3, sharey=True), panels, strict=True):
            own = [row for row in rows if row["corpus"] == corpus and row["cell"] == "gru"]
            classes = np.array([row["classes"] for row in own], float)
            for shift, (name, label, marker) in zip((-0.12, 0, 0.12), kinds, strict=True):
                column = np.array([row[GEOMETRY + name] for row in own], float)
                colour = {"o": BLUE, "s": GREY, "^": VERMILION}[marker]
                axes.plot(classes + shift, column, marker, color=colour, label=label, alpha=0.7)
            ends = np.array([2, 5])
            axes.plot(ends, ends - 1, color=GREY, lw=0.8, ls=":", label="N − 1")
            axes.set_title(title)
            axes.set_xlabel("classes N")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_ylim(0, 6)
        figure.axes[0].set_ylabel("dimensions")
        figure.axes[0].legend(loc="upper left")
        save_figure(figure, path)


def draw_networks(folders: list[Path], images: Path) -> None:
    """Draw where the classes lie in the first network of each that is shown."""
    wanted = set(DRAWN)
    for path in sorted(path for folder in folders for path in folder.rglob("analysis*.npz")):
        network = NetworkAnalysis.load(path)
        key = network.corpus, len(network.classes)
        if key not in wanted or network.cell != "gru":
            continue
        wanted.remove(key)
        for plan in class_figures(network):
            with style():
                save_figure(plan.draw(network), images / f"classes-{key[0]}-{key[1]}.png")


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]], Path(__file__).parent)
