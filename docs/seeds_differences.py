"""How groups of networks over seeds differ, in tables and in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docs.seeds_formats import number, points, table
from docs.seeds_numbers import COLUMNS
from docs.seeds_selection import NAMED, claim_sentence, kind_name
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.group_differences import DISCOVERED
from nullcline.study.network_groups import grouped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, Any]


def _leaves_out_zero(row: Row) -> bool:
    return row["low"] is not None and (row["low"] > 0 or row["high"] < 0)


# Of a size there are few networks, of which hardly any rate is small, and a table shows more.
_SHOWN: dict[str, Callable[[Row], bool]] = {
    "layers": lambda row: row["rate"] <= DISCOVERED,
    "units": _leaves_out_zero,
}


def differing_claims(differences: Sequence[Row], axis: str) -> str:
    """Return where shares differ along an axis, of all that `share_differences` found.

    Of depths by the rate of false discoveries of all comparisons, of sizes by the interval.
    """
    found = [row for row in differences if row["axis"] == axis]
    shown = [row for row in found if row["difference"] != 0 and _SHOWN[axis](row)]
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


def differing_numbers(differences: Sequence[Row], axis: str) -> str:
    """Return where the numbers of the tables differ along an axis, by the same rules."""
    names = {name: heading for heading, name, _ in COLUMNS} | NAMED
    found = [row for row in differences if row["axis"] == axis]
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
        for row in found
        if row["number"] in names and _SHOWN[axis](row)
    ]
    return _counted_differences(found, "numbers") + _table_of_differences(head, lines)


def sizes_apart(claims: Sequence[Row], numbers: Sequence[Row]) -> list[str]:
    """Return how far networks of different sizes are apart, a sentence for each pair."""
    settings = ("there", "here", "corpus", "cell", "n_layers")
    sentences = []
    for pair, own in grouped([row for row in numbers if row["axis"] == "units"], settings):
        judged = [row for row in claims if row["axis"] == "units" and pair.items() <= row.items()]
        counts = [f"{sum(map(_leaves_out_zero, rows))} of {len(rows)}" for rows in (own, judged)]
        sentences.append(
            f"Networks of {pair['there']} units and of {pair['here']} ({kind_name(pair)}, "
            f"{_layers(pair)}): the interval of the difference leaves out zero for {counts[0]} "
            f"numbers and {counts[1]} claims; by chance it would for one in twenty or so."
        )
    return sentences


def _table_of_differences(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n\n" + table(head, lines, 3) if lines else ""


def _ends(row: Row) -> str:
    if row["low"] is None:
        return " (too few for an interval)"
    return f" ({number(row['low'])} to {number(row['high'])})"


def _what(row: Row) -> str:
    return f"{row['there']} {row['axis']}, not {row['here']}"


def _where(row: Row) -> str:
    words = [row["corpus"], CELL_NAMES[row["cell"]]]
    if row["axis"] != "layers":
        words.append(_layers(row))
        if row.get("layer") and row["n_layers"] > 1:
            words.append(f"layer {row['layer']}")
    if row["axis"] != "units":
        words.append(f"{row['hidden_size']} units")
    return ", ".join(words)


def _layers(row: Row) -> str:
    return "1 layer" if row["n_layers"] == 1 else f"{row['n_layers']} layers"


def _counted_differences(found: Sequence[Row], what: str) -> str:
    apart = sum(map(_leaves_out_zero, found))
    sure = sum(row["rate"] <= DISCOVERED for row in found)
    return (
        f"Comparisons of {what}: {len(found)}. Those whose interval leaves out zero: {apart} (by "
        f"chance about one in twenty would). At a rate of false discoveries of 5%: {sure}."
    )
