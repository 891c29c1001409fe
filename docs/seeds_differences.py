"""How groups of networks over seeds differ, in tables and in sentences."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from docs.seeds_formats import number, points, spread, table
from docs.seeds_numbers import COLUMNS
from docs.seeds_selection import NAMED, claim_sentence
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.group_differences import DISCOVERED, number_differences, share_differences
from nullcline.study.network_groups import one_each, rows_of_trained

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]


def differing_claims(rows: Sequence[Row], *axes: str) -> str:
    """Return where shares differ along axes, by the rate of false discoveries of all.

    Of whole reviews, which few networks have read, all are shown that differ at all.
    """
    found = [row for row in share_differences(rows) if row["axis"] in axes]
    shown = [row for row in found if row["rate"] <= DISCOVERED
             or (row["axis"] == "reading" and row["difference"] != 0)]  # fmt: skip
    head = ["what differs", "corpus, cell", "claim", "there", "here", "difference, 95%", "rate"]
    lines = [
        [
            _what(row),
            _where(row),
            claim_sentence(row["claim"]),
            f"{row['holds_there']} of {row['of_there']}",
            f"{row['holds_here']} of {row['of_here']}",
            f"{points(row['difference'])} ({points(row['low'])} to {points(row['high'])})",
            number(row["rate"], 2),
        ]
        for row in shown
    ]
    return _counted_differences(found, "claims") + _table_of_differences(head, lines)


def differing_numbers(rows: Sequence[Row], *axes: str) -> str:
    """Return where the numbers of the tables differ along axes.

    Of whole reviews, which few networks have read, all are shown, of the last layers.
    """
    of_tables = {name: heading for heading, name, _ in COLUMNS}
    names = of_tables | NAMED
    found = [row for row in number_differences(rows) if row["axis"] in axes]
    shown = [
        row
        for row in found
        if (row["number"] in names and row["rate"] <= DISCOVERED)
        or (
            row["axis"] == "reading"
            and row["number"] in of_tables
            and row["layer"] == row["n_layers"]
        )
    ]
    head = ["what differs", "corpus, cell", "number", "median there", "here", "shift, 95%", "rate"]
    lines = [
        [
            _what(row),
            _where(row),
            names[row["number"]],
            number(row["median_there"]),
            number(row["median_here"]),
            number(row["shift"]) + _ends(row),
            number(row["rate"], 2),
        ]
        for row in shown
    ]
    return _counted_differences(found, "numbers") + _table_of_differences(head, lines)


def _table_of_differences(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n\n" + table(head, lines, 3) if lines else ""


def _ends(row: Row) -> str:
    if row["low"] is None:
        return " (too few for an interval)"
    return f" ({number(row['low'])} to {number(row['high'])})"


def _what(row: Row) -> str:
    unit = {"units": " units", "layers": " layers", "reading": ""}[row["axis"]]
    return f"{row['there']}{unit}, not {row['here']}"


def _where(row: Row) -> str:
    words = [row["corpus"], CELL_NAMES[row["cell"]]]
    if row["axis"] != "layers":
        words.append(f"{row['n_layers']} layers" if row["n_layers"] > 1 else "1 layer")
        if row.get("layer") and row["n_layers"] > 1:
            words.append(f"layer {row['layer']}")
    if row["axis"] != "units":
        words.append(f"{row['hidden_size']} units")
    return ", ".join(words)


def _counted_differences(found: Sequence[Row], what: str) -> str:
    apart = sum(row["low"] is not None and (row["low"] > 0 or row["high"] < 0) for row in found)
    sure = sum(row["rate"] <= DISCOVERED for row in found)
    return (
        f"Comparisons of {what}: {len(found)}. With an interval that leaves out zero, as one in "
        f"twenty has by chance alone: {apart}. At a rate of false discoveries of 5%: {sure}."
    )


def whole_reviews(rows: Sequence[Row]) -> str:
    """Return networks that read whole reviews beside those that read the last tokens."""
    imdb = [row for row in one_each(rows_of_trained(rows)) if row["corpus"] == "imdb"]
    kind = itemgetter("cell", "hidden_size", "n_layers")
    of_whole = {kind(row) for row in imdb if row["max_tokens"] is None}
    head = ["cell", "layers", "units", "tokens read", "networks", "epoch kept", "validation loss",
            "test accuracy"]  # fmt: skip
    lines = []
    for cell, units, depth in sorted(of_whole):
        own = [row for row in imdb if kind(row) == (cell, units, depth)]
        for cap in sorted({row["max_tokens"] for row in own}, key=lambda cap: cap is None):
            group = [row for row in own if row["max_tokens"] == cap]
            lines.append(
                [
                    CELL_NAMES[cell],
                    str(depth),
                    str(units),
                    "all" if cap is None else f"the last {cap}",
                    str(len(group)),
                    spread([row["best_epoch"] for row in group]),
                    spread([row["validation_loss"] for row in group]),
                    spread([row["test_accuracy"] for row in group], lambda value: f"{value:.2%}"),
                ]
            )
    return table(head, lines)
