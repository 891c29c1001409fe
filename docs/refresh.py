"""Bring a finished reproduction's figures and numbers here: `python refresh.py FOLDER`.

FOLDER holds a reproduction on IMDB, or the widened study, whose tables are then written between the
marks of study.md.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image

COLOURS = 256

CELL_NAMES = {"gru": "GRU", "lstm": "LSTM", "ugrnn": "update-gate", "rnn": "vanilla"}

Row = dict[str, Any]


def main(reproduction: Path, docs: Path) -> None:
    """Copy results.json and pictures, and write the tables of a study."""
    is_study = (reproduction / "pages").is_dir()
    place = docs / ("study" if is_study else "imdb")
    place.mkdir(exist_ok=True)
    shutil.copyfile(reproduction / "results.json", place / "results.json")
    if not is_study:
        for path in sorted((reproduction / "figures").glob("*.png")):
            copy_picture(path, docs / "images" / path.name)
        return
    for path in sorted(reproduction.glob("pages/*/figures/figure-*-line-*.png")):
        page = path.parent.parent.name
        copy_picture(path, docs / "images" / f"study-{page}{path.stem.partition('layer')[2]}.png")
    results = json.loads((place / "results.json").read_text("utf-8"))
    text = (docs / "study.md").read_text("utf-8")
    for name, table in (("table", network_table(results)), ("claims", claims_table(results))):
        marked = rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)"
        text = re.sub(marked, table.replace("\\", r"\\"), text, flags=re.DOTALL)
    (docs / "study.md").write_text(text, "utf-8")


def copy_picture(path: Path, target: Path) -> None:
    """Copy a picture with a palette, which makes it a third of its size."""
    target.parent.mkdir(exist_ok=True)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        small.save(target, optimize=True)


def network_table(results: Row) -> str:
    """Return the study's table, a row for every layer, in Markdown."""
    head = (
        "| corpus | cell | accuracy | bag of words | dimensions | components (before) "
        "| fixed, slow points | slowest τ | line: length × width | its variance "
        "| to mode, readout | R² change, review | words' ρ |\n|---|---|" + "---:|" * 11 + "\n"
    )
    return head + "".join(f"| {' | '.join(_cells(row))} |\n" for row in results["rows"])


def _cells(row: Row) -> list[str]:
    depth = f", {row['layer']} of {row['n_layers']}" if row["n_layers"] > 1 else ""
    slowest = row["time_constants"] or []
    return [
        row["corpus"],
        CELL_NAMES[row["cell"]] + depth,
        f"{row['test_accuracy']:.1%}",
        f"{row['bag_of_words']:.1%}",
        f"{row['participation_ratio']:.2f}",
        f"{row['components_for_90']} ({row['components_for_90_untrained']})",
        f"{row['fixed']}, {row['slow']}",
        ", ".join("∞" if tau is None else f"{tau:.3g}" for tau in slowest[:2]) or "–",
        f"{_number(row['line_length'], 1)} × {_number(row['line_width'], 1)}",
        "–" if row["line_variance"] is None else f"{row['line_variance']:.0%}",
        f"{_number(row['line_to_mode'], 0)}°, {_number(row['line_to_readout'], 0)}°",
        f"{_number(row['next_change_r2'], 2)}, {_number(row['review_readout_r2'], 2)}",
        _number(row["words_rho"], 2),
    ]


def claims_table(results: Row) -> str:
    """Return which claim holds in which network, in Markdown."""
    claims = results["claims"]
    names = " | ".join(claim["name"] for claim in claims)
    lines = [f"| | {names} |", "|---|" + ":-:|" * len(claims)]
    for i, network in enumerate(claims[0]["networks"]):
        marks = " | ".join("✓" if claim["networks"][i]["holds"] else "✗" for claim in claims)
        lines.append(f"| {network['corpus']}, {CELL_NAMES[network['cell']]} | {marks} |")
    totals = " | ".join(f"{claim['holds']} of {claim['of']}" for claim in claims)
    return "\n".join([*lines, f"| **holds in** | {totals} |", ""])


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
