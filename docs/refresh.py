"""Bring finished reproductions' figures and numbers here: `python -m docs.refresh FOLDER ...`.

A folder holds a reproduction on IMDB, or a widened study. The tables of all studies that are here
are written between the marks of study.md.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from nullcline._support.files import write_text
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.table import say_time_constants
from testing.marked import fill_tables

COLOURS = 256

# In the order of tables.
CORPORA = ("synthetic", "sst", "imdb")
VARIED = ("train-sizes", "classes", "splits")

PICTURES = {
    "line-1": "The slow manifold among the visited states, its width, and the angles along it",
    "words": "What words do to the mode of longest τ, against their weights in a bag of words",
    "effects": "What words do at once, and what of it lasts",
    "prediction": "How well the linear map predicts, by distance from the nearest point; what is "
    "below the axis, with its number",
}
"""The last part of a picture's name, and what it shows."""

Row = dict[str, Any]


def main(folders: list[Path], docs: Path) -> None:
    """Copy results.json and pictures, and write the pages and tables of all studies."""
    for folder in folders:
        if (folder / "pages").is_dir():
            copy_study(folder, docs)
        else:
            copy_reproduction(folder, docs)
    studies = sorted((docs / "study").glob("*.json"))
    results = [json.loads(path.read_text("utf-8")) for path in studies]
    for result in plain(results):
        for row in result["rows"]:
            write_network(result, row, docs)
    write_study(results, docs / "study.md")


def copy_reproduction(folder: Path, docs: Path) -> None:
    """Bring a reproduction on IMDB here."""
    (docs / "imdb").mkdir(exist_ok=True)
    shutil.copyfile(folder / "results.json", docs / "imdb" / "results.json")
    for path in sorted((folder / "figures").glob("*.png")):
        copy_picture(path, docs / "images" / path.name)


def copy_study(folder: Path, docs: Path) -> None:
    """Bring a study here, its numbers in a file named after what it varies or is of."""
    (docs / "study").mkdir(exist_ok=True)
    results: Row = json.loads((folder / "results.json").read_text("utf-8"))
    if {"seeds", "hidden_sizes"} & results["settings"].keys():
        sys.exit(f"{folder} varies seeds or units: sweep them, and see docs/over_seeds.py")
    name = varied(results) or "-".join(results["settings"]["corpora"] + some_cells(results))
    shutil.copyfile(folder / "results.json", docs / "study" / f"{name}.json")
    if varied(results):
        return
    for row in results["rows"]:
        copy_pictures(folder, page_of(row), docs)


def some_cells(results: Row) -> list[str]:
    """Return the cells of a study, where they are not all."""
    cells: list[str] = results["settings"]["cells"]
    return cells if set(cells) < set(CELL_NAMES) else []


def copy_pictures(folder: Path, name: str, docs: Path) -> None:
    """Bring the pictures of a network's page here."""
    for part in PICTURES:
        picture = folder / "pages" / name / "figures" / f"figure-1-layer-{part}.png"
        copy_picture(picture, docs / "images" / f"study-{name}-{part}.png")


def write_network(results: Row, row: Row, docs: Path) -> None:
    """Write the page of a one-layer network: what was measured for each claim, and pictures."""
    name = page_of(row)
    lines = [
        f"# {CELL_NAMES[row['cell']]} network on {row['corpus']}\n",
        "One row of [the study](../study.md), which says what is measured and how.\n",
        network_table([row], ""),
        "| claim | measured | holds |\n|---|---|:-:|",
    ]
    for claim in results["claims"]:
        own = next(n for n in claim["networks"] if page_of(n) == name)
        measured = re.sub(r"(?<!\w)-(?=\d)", "−", own["measured"])  # early results have hyphens
        lines.append(f"| {claim['claim']} | {measured} | {'✓' if own['holds'] else '✗'} |")
    for part, caption in PICTURES.items():
        lines.append(f"\n![{caption}](../images/study-{name}-{part}.png)")
    write_text(docs / "study" / f"{name}.md", "\n".join(lines) + "\n")


def page_of(network: Row) -> str:
    """Return the name of a network's page."""
    return f"{network['corpus']}-{network['cell']}"


def varied(results: Row) -> str | None:
    """Return which of the flags beside cells and corpora a study varies, if any."""
    settings = results["settings"]
    usual = {"train_sizes": [None], "splits": ["test"]}
    for name, value in usual.items():
        if settings[name] != value:
            return name.replace("_", "-")
    return "classes" if settings["training"]["classes"] not in {None, 2} else None


def plain(results: list[Row]) -> list[Row]:
    """Return the studies that vary nothing else, those last that know the degree.

    Of a network that is in two of them the last is shown.
    """
    return sorted((r for r in results if not varied(r)), key=lambda r: "degree" in r["rows"][0])


def write_study(results: list[Row], page: Path) -> None:
    """Write the tables between their marks."""
    others = sorted(filter(varied, results), key=lambda r: VARIED.index(varied(r)))
    shown = plain(results)
    claims = [joined(parts) for parts in zip(*(r["claims"] for r in shown), strict=True)]
    rows = {page_of(row): row for result in shown for row in result["rows"]}
    tables = {
        "table": network_table(sorted(rows.values(), key=place)),
        "claims": claims_table(claims),
        "varied": varied_table([row for result in others for row in result["rows"]]),
    }
    fill_tables(page, tables)


def joined(parts: tuple[Row, ...]) -> Row:
    """Return one claim, evaluated in several studies, over all of their networks."""
    networks = {page_of(n): n for part in parts for n in part["networks"]}
    return {
        "holds": sum(n["holds"] for n in networks.values()),
        "of": len(networks),
        "networks": sorted(networks.values(), key=place),
    }


def place(network: Row) -> tuple[int, int]:
    """Return where a network stands in tables."""
    return CORPORA.index(network["corpus"]), list(CELL_NAMES).index(network["cell"])


def copy_picture(path: Path, target: Path) -> None:
    """Copy a picture with a palette, which makes it a third of its size."""
    target.parent.mkdir(exist_ok=True)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        small.save(target, optimize=True)


def network_table(rows: list[Row], pages: str = "study/") -> str:
    """Return the study's table, a row for every layer, in Markdown; `pages` is where they lie."""
    head = (
        "| corpus | cell | accuracy | bag of words | dimensions | components (before) "
        "| fixed, slow points | index sum | longest τ | line: length × width | its variance "
        "| to mode, readout | R² change, review | words' ρ |\n|---|---|" + "---:|" * 12 + "\n"
    )
    return head + "".join(f"| {' | '.join(_cells(row, pages))} |\n" for row in rows)


def _cells(row: Row, pages: str) -> list[str]:
    depth = f", {row['layer']} of {row['n_layers']}" if row["n_layers"] > 1 else ""
    return [
        row["corpus"],
        f"[{CELL_NAMES[row['cell']]}]({pages}{page_of(row)}.md){depth}",
        f"{row['test_accuracy']:.1%}",
        f"{row['bag_of_words']:.1%}",
        f"{row['participation_ratio']:.2f}",
        f"{row['components_for_90']} ({row['components_for_90_untrained']})",
        f"{_fixed(row)}, {row['slow']}",
        _index_sum(row),
        ", ".join(say_time_constants(row)[:2]) or "–",
        f"{_number(row['line_length'], 1)} × {_number(row['line_width'], 1)}",
        "–" if row["line_variance"] is None else f"{row['line_variance']:.0%}",
        f"{_number(row['line_to_mode'], 0)}°, {_number(row['line_to_readout'], 0)}°",
        f"{_number(row['next_change_r2'], 2)}, {_number(row['review_readout_r2'], 2)}",
        _number(row["words_rho"], 2),
    ]


def _fixed(row: Row) -> str:
    """Return the number of fixed points, with a word where no start ended in some of them.

    Results that do not know the degree tell by the number alone whether these can be all: unless
    one is degenerate, it is odd, as the indices, each +1 or -1, sum to 1.
    """
    is_short = "degree" not in row and row["fixed"] % 2 == 0
    said = "incomplete" if is_short else row.get("beyond_search")
    return f"{row['fixed']} ({said})" if said else str(row["fixed"])


def _index_sum(row: Row) -> str:
    """Return the sum of the indices, with what it says unless it is 1."""
    known: str | None = row.get("degree")
    return "–" if known is None else known.removeprefix("index sum ").replace("-", "−")


def varied_table(rows: list[Row]) -> str:
    """Return the table of studies that vary something else, in Markdown."""
    head = (
        "| corpus | reviews trained on | states of | classes | accuracy: test, train "
        "| bag of words | chance | dimensions | fixed, slow points | index sum | longest τ "
        "| the line's variance | words' ρ |\n|---|---:|---|" + "---:|" * 10 + "\n"
    )
    return head + "".join(f"| {' | '.join(_varied_cells(row))} |\n" for row in rows)


def _varied_cells(row: Row) -> list[str]:
    return [
        row["corpus"],
        f"{row['n_train']:,}",
        row["split"],
        str(row["classes"]),
        f"{row['test_accuracy']:.1%}, {row['train_accuracy']:.1%}",
        f"{row['bag_of_words']:.1%}",
        f"{row['chance']:.1%}",
        f"{row['participation_ratio']:.2f}",
        f"{_fixed(row)}, {row['slow']}",
        _index_sum(row),
        ", ".join(say_time_constants(row)[:1]) or "–",
        "–" if row["line_variance"] is None else f"{row['line_variance']:.0%}",
        _number(row["words_rho"], 2),
    ]


def claims_table(claims: list[Row]) -> str:
    """Return which claim holds in which network, in Markdown."""
    names = " | ".join(claim.name for claim in LINE_ATTRACTOR_CLAIMS)  # early results had others
    lines = [f"| | {names} |", "|---|" + ":-:|" * len(claims)]
    for i, network in enumerate(claims[0]["networks"]):
        marks = " | ".join("✓" if claim["networks"][i]["holds"] else "✗" for claim in claims)
        lines.append(f"| {network['corpus']}, {CELL_NAMES[network['cell']]} | {marks} |")
    totals = " | ".join(f"{claim['holds']} of {claim['of']}" for claim in claims)
    return "\n".join([*lines, f"| **holds in** | {totals} |", ""])


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


if __name__ == "__main__":
    main([Path(folder) for folder in sys.argv[1:]], Path(__file__).parent)
