"""How groups of networks differ: by units, by depth, and by how much of a review they read."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import inf, isfinite
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import fisher_exact, mannwhitneyu

from nullcline.study.network_groups import (
    claims_of,
    grouped,
    numbers_of,
    one_each,
    rows_of_trained,
    varied_settings,
    verdicts_on,
)
from nullcline.sweeps.statistics import false_discovery_rates, newcombe_interval, shift_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nullcline.sweeps.rows import Row

DISCOVERED = 0.05
"""Largest rate of false discoveries of differences that are called such."""


@dataclass(frozen=True)
class Axis:
    """What two groups differ in that are compared.

    Attributes
    ----------
    name
        What it is called.
    settings
        The columns that differ; in all others the groups agree.
    value
        Which side a group is on: a number, infinite for whole reviews.
    """

    name: str
    settings: tuple[str, ...]
    value: Callable[[Row], float]


def _tokens_read(row: Row) -> float:
    cap: int | None = row.get("max_tokens")
    return inf if cap is None else cap


AXES = (
    Axis("units", ("hidden_size",), lambda row: row["hidden_size"]),
    Axis("layers", ("n_layers",), lambda row: row["n_layers"]),
    # Runs that read whole reviews train for all epochs, too.
    Axis("reading", ("max_tokens", "patience", "epochs"), _tokens_read),
)


def share_differences(rows: Sequence[Row]) -> list[Row]:
    """Return how shares of networks in which a claim holds differ between groups.

    Returns
    -------
    list of dict
        `axis`, the two sides (`here`, `there`), what the groups have in common, the claim, in how
        many it holds here and there and of how many; `difference` (there minus here) with the ends
        of Newcombe's interval of 95%, `low` and `high`; `p` of Fisher's exact test, and `rate`, the
        least rate of false discoveries at which this is one, of all comparisons in this list.
    """
    found = []
    for common, here, there in _pairs(one_each(rows_of_trained(rows))):
        for claim in claims_of([*here, *there]):
            verdicts = [verdicts_on(claim, side) for side in (here, there)]
            if all(verdicts):
                found.append({**common, "claim": claim, **_compared_shares(*verdicts)})
    return _with_rates(found)


def _compared_shares(here: Sequence[bool], there: Sequence[bool]) -> Row:
    counts = [(sum(side), len(side)) for side in (here, there)]
    low, high = newcombe_interval(*counts[1], *counts[0])
    table = np.array([[holds, of - holds] for holds, of in counts])
    return {
        "holds_here": counts[0][0],
        "of_here": counts[0][1],
        "holds_there": counts[1][0],
        "of_there": counts[1][1],
        "difference": counts[1][0] / counts[1][1] - counts[0][0] / counts[0][1],
        "low": low,
        "high": high,
        "p": float(fisher_exact(table)[1]),
    }


def number_differences(rows: Sequence[Row]) -> list[Row]:
    """Return how numbers of networks differ between groups.

    Networks of different depths are compared by their last layers, which the readout reads, and all
    others layer by layer.

    Returns
    -------
    list of dict
        As of `share_differences`, with the layer and the `number`; how many networks have it here
        and there, its medians, and the `shift` from here to there with the ends of its interval of
        95% (`nullcline.sweeps.statistics.shift_interval`; None where networks are too few for any),
        and `p` of Mann's and Whitney's test.
    """
    found = []
    trained = rows_of_trained(rows)
    for common, here, there in _pairs(trained, by_layer=True):
        ours, theirs = numbers_of(here), numbers_of(there)
        found += [
            {**common, "number": name, **_compared_numbers(ours[name], theirs[name])}
            for name in ours
            if name in theirs
        ]
    return _with_rates(found)


def _compared_numbers(here: Sequence[float], there: Sequence[float]) -> Row:
    shift, low, high = shift_interval(there, here)
    return {
        "known_here": len(here),
        "known_there": len(there),
        "median_here": median(here),
        "median_there": median(there),
        "shift": shift,
        "low": low,
        "high": high,
        "p": float(mannwhitneyu(there, here).pvalue),
    }


def _pairs(
    rows: Sequence[Row], *, by_layer: bool = False
) -> Iterator[tuple[Row, list[Row], list[Row]]]:
    """Yield groups that differ along one axis alone, after what they have in common."""
    names = varied_settings(rows)
    for axis in AXES:
        depth = axis.name == "layers"
        shown = one_each(rows) if depth and by_layer else rows
        same = [name for name in names if name not in axis.settings]
        if by_layer and not depth:
            same.append("layer")
        for common, group in grouped(shown, same):
            sides: dict[float, list[Row]] = {}
            for row in group:
                sides.setdefault(axis.value(row), []).append(row)
            for here, there in combinations(sorted(sides), 2):
                both = {"here": _called(axis, here), "there": _called(axis, there)}
                yield {"axis": axis.name, **both, **common}, sides[here], sides[there]


def _called(axis: Axis, side: float) -> str:
    if axis.name != "reading":
        return str(side)
    return f"the last {side} tokens" if isfinite(side) else "whole reviews"


def _with_rates(found: list[Row]) -> list[Row]:
    rates = false_discovery_rates([row["p"] for row in found]) if found else []
    return [{**row, "rate": rate} for row, rate in zip(found, rates, strict=True)]
