"""The tables of embeddings.md, of the numbers that `docs.embeddings` keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.embeddings import (
    CHANGES,
    OBSERVATIONS,
    SAME,
    UNKNOWN,
    compare_embeddings,
    summarize_by_embedding,
)
from nullcline.study.network_rows import CLAIM
from testing.marked import with_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

SHOWN = (
    "test_accuracy", "participation_ratio", "fixed", "spectral_radius", "time_constants",
    "line_aspect", "line_to_mode", "next_change_r2", "words_rho",
)  # fmt: skip
"""Numbers that have a column in the table of kinds."""


def with_results(page: str, results: Sequence[Row]) -> str:
    """Return the page with the tables of these sweeps."""
    rows = [row for result in results for row in result["rows"]]
    compared = compare_embeddings(rows)
    tables = {
        "commands": "\n".join(f"    {result['command']}" for result in results),
        "counts": counts_table(compared),
        "kinds": kinds_table(summarize_by_embedding(rows)),
        "numbers": numbers_table([row for row in compared if row["number"] in OBSERVATIONS]),
        "claims": numbers_table([row for row in compared if row["number"] not in OBSERVATIONS]),
    }
    return with_tables(page, tables)


def counts_table(compared: Sequence[Row]) -> str:
    """Return how many numbers and claims change."""
    lines = [f"| | of | {CHANGES} | {SAME} | {UNKNOWN} |", "|---|---|---:|---:|---:|"]
    for network in dict.fromkeys(map(network_of, compared)):
        own = [row for row in compared if network_of(row) == network]
        for what, is_claim in (("numbers", False), ("claims", True)):
            verdicts = [r["verdict"] for r in own if (r["number"] not in OBSERVATIONS) == is_claim]
            counts = " | ".join(str(verdicts.count(one)) for one in (CHANGES, SAME, UNKNOWN))
            lines.append(f"| {network} | {len(verdicts)} {what} | {counts} |")
    return "\n".join(lines)


def kinds_table(summed: Sequence[Row]) -> str:
    """Return the medians of what matters most, a line for each kind of vectors."""
    heads = " | ".join(OBSERVATIONS[name] for name in SHOWN)
    lines = [f"| | vectors | networks | {heads} |", "|---|---|---:|" + "---:|" * len(SHOWN)]
    cells: dict[tuple[str, str], dict[str, Row]] = {}
    for row in summed:
        cells.setdefault((network_of(row), row["embedding"]), {})[row["number"]] = row
    for (network, kind), numbers in cells.items():
        values = " | ".join(_with_quartiles(numbers.get(name)) for name in SHOWN)
        lines.append(f"| {network} | {kind} | {numbers['test_accuracy']['networks']} | {values} |")
    return "\n".join(lines)


def numbers_table(compared: Sequence[Row]) -> str:
    """Return the verdict on each number."""
    lines = [
        "| | | η² (its bounds) | adjusted p | | lowest | highest |",
        "|---|---|---|---:|---|---|---|",
    ]
    for row in compared:
        name = OBSERVATIONS.get(row["number"], row["number"].removeprefix(CLAIM))
        bounds = f"{row['between']:.2f} ({row['low']:.2f}–{row['high']:.2f})"
        ends = (
            "all alike | "
            if row["at_lowest"] == row["at_highest"] and row["high"] == 0
            else f"{_short(row['at_lowest'])}: {row['lowest']} | "
            f"{_short(row['at_highest'])}: {row['highest']}"
        )
        said = f"**{row['verdict']}**" if row["verdict"] == CHANGES else row["verdict"]
        p = f"{row['adjusted_p']:.4f}" if row["adjusted_p"] < 0.1 else f"{row['adjusted_p']:.2f}"
        lines.append(f"| {network_of(row)} | {name} | {bounds} | {p} | {said} | {ends} |")
    return "\n".join(lines)


def network_of(row: Row) -> str:
    """Return what the networks of a row are called."""
    depth = "" if row["n_layers"] == 1 else f" {row['layer']} of {row['n_layers']}"
    return f"{row['corpus']}, {CELL_NAMES[row['cell']]}{depth}"


def _with_quartiles(row: Row | None) -> str:
    if row is None:
        return "–"
    if row["lower"] == row["upper"]:
        return _short(row["median"])
    return f"{_short(row['median'])} ({_short(row['lower'])}–{_short(row['upper'])})"


def _short(value: float) -> str:
    """Return a number in three digits."""
    text = np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return text.replace("-", "−")
