"""Claims about depth: what several networks say together that differ in their layers alone."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nullcline.study.claims import Finding
from nullcline.study.network_groups import grouped, rows_of_trained, varied_settings
from nullcline.study.network_rows import SETTINGS
from nullcline.study.point_claims import SLOWER
from nullcline.study.point_results import JOINT
from nullcline.study.verdicts import verdict_on
from nullcline.sweeps.statistics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nullcline.sweeps.rows import Row

    Depths = dict[int, list[Row]]
    """The rows of each network, layer by layer, by depth in rising order."""

SAME_BUT_FOR_DEPTH = ("corpus", "cell", "split", "n_train", "classes", "snapshot", *SETTINGS)
"""What networks that are compared have in common, as far as their rows say."""

IN_ROWS = ("corpus", "cell", "hidden_size", "split", "n_train", "classes", "vectors", "epochs",
           "max_tokens", "snapshot")  # fmt: skip
"""What the rows of claims about depth always say of the networks, beside the seed."""

GAIN = 0.01
"""Accuracy that depth must add to matter: 3.6 standard errors of the difference of two networks
on 25,000 test reviews at 89%."""


@dataclass(frozen=True)
class DepthClaim:
    """A claim about networks of several depths.

    Attributes
    ----------
    name
        A short name for tables.
    claim
        What is claimed.
    rule
        When we say that networks agree.
    source
        Who says so, and where.
    evaluate
        The function that applies the rule to the rows of networks of at least two depths.
    """

    name: str
    claim: str
    rule: str
    source: str
    evaluate: Callable[[Depths], Finding]


def depth_claims(rows: Sequence[Row]) -> list[Row]:
    """Evaluate every claim about depth on networks that differ in their layers alone.

    Parameters
    ----------
    rows
        Those of a sweep (`nullcline.study.network_rows.network_rows`), of any networks. Those that
        do not count as trained are left out.

    Returns
    -------
    list of dict
        For every group of networks and claim a row: what the networks have in common (`IN_ROWS`,
        and what else differs between networks of one corpus and cell), `depths`, `claim`, `holds`
        (None where the claim says nothing of these depths) and `measured`. Groups with networks of
        one depth have none, and neither has a depth of which not every layer is among the rows.
    """
    trained = rows_of_trained(rows)
    said = _said_of_networks(trained)
    return [row for depths in _comparable(trained) for row in _evaluate(depths, said)]


def _comparable(trained: Sequence[Row]) -> list[Depths]:
    """Return the networks that differ in their layers alone, group by group, of several depths."""
    groups: defaultdict[tuple[Any, ...], Depths] = defaultdict(dict)
    for row in trained:
        key = tuple(row.get(name) for name in SAME_BUT_FOR_DEPTH)
        groups[key].setdefault(row["n_layers"], []).append(row)
    found = []
    for group in groups.values():
        whole = {depth: _in_order(layers) for depth, layers in sorted(group.items())}
        depths = {depth: layers for depth, layers in whole.items() if _is_whole(layers)}
        if len(depths) > 1:
            found.append(depths)
    return found


def _said_of_networks(rows: Sequence[Row]) -> list[str]:
    """Return the settings that are said of networks, by which those of several seeds are one group.

    Depths are what is compared.
    """
    varied = [name for name in varied_settings(rows) if name != "n_layers"]
    return list(dict.fromkeys((*IN_ROWS, *varied)))


def depth_shares(rows: Sequence[Row]) -> list[Row]:
    """Return in what share of the seeds each claim about depth holds.

    Parameters
    ----------
    rows
        As in `depth_claims`.

    Returns
    -------
    list of dict
        What the networks have in common, `depths`, the `claim`, in how many seeds it `holds`, `of`
        how many, the `share` with Wilson's interval of 95% (`low`, `high`), and the `verdict`
        (`nullcline.study.verdicts.verdict_on`). A seed with more depths than another counts with
        it, too, by those that both have.
    """
    found = []
    trained = rows_of_trained(rows)
    names = _said_of_networks(trained)
    judged = [
        {**row, "depths": ", ".join(map(str, row["depths"]))}
        for depths in _by_shared_depths(_comparable(trained), names)
        for row in _evaluate(depths, names)
        if row["holds"] is not None
    ]
    for common, seeds in grouped(judged, [*names, "depths", "claim"]):
        holds, of = sum(row["holds"] for row in seeds), len(seeds)
        low, high = wilson_interval(holds, of)
        shares = {"holds": holds, "of": of, "share": holds / of, "low": low, "high": high}
        found.append({**common, **shares, "verdict": verdict_on(holds, of)})
    return found


def _by_shared_depths(groups: Sequence[Depths], names: Sequence[str]) -> list[Depths]:
    """Return each seed's networks by every set of depths that some seed of its kind has.

    That is its own set, and those of others as far as it has all of their depths.
    """

    def kind(depths: Depths) -> tuple[Any, ...]:
        first = next(iter(depths.values()))[0]
        return tuple(first.get(name) for name in names)

    sets: defaultdict[tuple[Any, ...], set[tuple[int, ...]]] = defaultdict(set)
    for depths in groups:
        sets[kind(depths)].add(tuple(depths))
    return [
        {depth: depths[depth] for depth in wanted}
        for depths in groups
        for wanted in sorted(sets[kind(depths)])
        if depths.keys() >= set(wanted)
    ]


def _in_order(layers: Sequence[Row]) -> list[Row]:
    return sorted(layers, key=lambda row: int(row["layer"]))


def _is_whole(layers: Sequence[Row]) -> bool:
    """Whether there is one row of each layer; networks not told apart by settings have more."""
    return [row["layer"] for row in layers] == list(range(1, layers[0]["n_layers"] + 1))


def _evaluate(depths: Depths, said: Sequence[str]) -> list[Row]:
    first = next(iter(depths.values()))[0]
    common = {name: first.get(name) for name in (*said, "seed")}
    findings = [(claim, claim.evaluate(depths)) for claim in DEPTH_CLAIMS]
    return [
        {
            **common,
            "depths": list(depths),
            "claim": claim.name,
            "holds": finding.agrees,
            "measured": finding.measured or None,
        }
        for claim, finding in findings
    ]


def _accuracy(depths: Depths) -> Finding:
    accuracies = {depth: layers[0]["test_accuracy"] for depth, layers in depths.items()}
    shallow, *deep = accuracies.values()
    return Finding(
        "; ".join(f"{_depth(depth)}: {share:.2%}" for depth, share in accuracies.items()),
        max(deep) < shallow + GAIN,
    )


def _higher_first(depths: Depths) -> Finding:
    """Compare the first layer of deeper networks with the only one of the shallowest."""
    ratios = {depth: layers[0]["participation_ratio"] for depth, layers in depths.items()}
    if 1 not in ratios:
        return Finding("", None)
    return Finding(_first_layers(ratios, ".2f"), min(list(ratios.values())[1:]) > ratios[1])


def _lower_last(depths: Depths) -> Finding:
    ratios = {
        depth: (layers[0]["participation_ratio"], layers[-1]["participation_ratio"])
        for depth, layers in depths.items()
        if depth > 1
    }
    return Finding(
        "; ".join(f"{_depth(d)}: {first:.2f}, {last:.2f}" for d, (first, last) in ratios.items()),
        all(last < first for first, last in ratios.values()),
    )


def _as_many_points(depths: Depths) -> Finding:
    counts = {depth: _points(layers[0]) for depth, layers in depths.items()}
    return Finding(_first_layers(counts, "d"), len(set(counts.values())) == 1)


def _more_points_below(depths: Depths) -> Finding:
    """Ask of every deeper network whether its first layer has more points than any above."""
    counts = {d: [_points(row) for row in layers] for d, layers in depths.items() if d > 1}
    return Finding(
        "; ".join(f"{_depth(d)}: {', '.join(map(str, n))}" for d, n in counts.items()),
        all(n[0] > max(n[1:]) for n in counts.values()),
    )


def _slower_above(depths: Depths, *, outlasts: Callable[[float, float], bool]) -> Finding:
    """Compare time constants where all layers rest, last with first, in the deepest network."""
    depth, layers = list(depths.items())[-1]
    taus = [longest_time_constant(row, JOINT) for row in layers]
    first, last = taus[0], taus[-1]
    if first is None or last is None:
        return Finding("", None)
    said = ", ".join(
        "–" if tau is None else f"{tau:.3g}" if math.isfinite(tau) else "∞" for tau in taus
    )
    return Finding(
        f"{_depth(depth)}: τ {said} steps", outlasts(last, first) and math.isfinite(first)
    )


def longest_time_constant(row: Row, at: str) -> float | None:
    """Return the longest time constant of a layer at an input, of which rows leave out infinity.

    None where there is no fixed point.
    """
    tau: float | None = row.get(f"{at}: longest_time_constant")
    return math.inf if tau is None and row.get(f"{at}: fixed") else tau


def _rotations_with_depth(depths: Depths) -> Finding:
    """Ask of every deeper network whether rotations leave where its layers are driven."""
    name = "joint: rotating_outside"
    upper = {depth: layers[1:] for depth, layers in depths.items() if depth > 1}
    if any(row.get(name) is None for rows in upper.values() for row in rows):
        return Finding("", None)
    leaving = {depth: [sum(row[name]) for row in rows] for depth, rows in upper.items()}
    return Finding(
        "; ".join(f"{_depth(d)}: {', '.join(map(str, n))}" for d, n in leaving.items()),
        all(sum(n) > 0 for n in leaving.values()),
    )


def _points(row: Row) -> int:
    return int(row["fixed"]) + int(row["slow"])


def _first_layers(values: dict[int, Any], form: str) -> str:
    return "; ".join(f"{_depth(depth)}: {value:{form}}" for depth, value in values.items())


def _depth(depth: int) -> str:
    return f"{depth} layer" + ("s" if depth > 1 else "")


DEPTH_CLAIMS: tuple[DepthClaim, ...] = (
    DepthClaim(
        "depth buys no accuracy",
        "deeper networks are no more accurate",
        f"no deeper network's test accuracy is {100 * GAIN:.0f} point or more above that of the "
        "shallowest",
        "this study of GRUs on IMDB",
        _accuracy,
    ),
    DepthClaim(
        "the first layer fills more dimensions",
        "in deeper networks the first layer is higher-dimensional than the layer of one layer",
        "participation ratio of the visited states, in every deeper network",
        "this study of GRUs on IMDB, and the paper's figures 2, 7 and 11",
        _higher_first,
    ),
    DepthClaim(
        "the last layer fills fewer dimensions",
        "in deeper networks the last layer is lower-dimensional than the first",
        "participation ratio of the visited states, in every deeper network",
        "this study of GRUs on IMDB, and the paper's figures 2, 7 and 11",
        _lower_last,
    ),
    DepthClaim(
        "the first layer has as many points",
        "the first layer has the same number of points whatever is above it",
        "fixed and slow points at zero input, counted",
        "this study",
        _as_many_points,
    ),
    DepthClaim(
        "points are in the first layer",
        "in deeper networks the first layer has more points than any above it",
        "fixed and slow points at zero input, counted, in every deeper network",
        "the paper, figures 4, 9 and 13",
        _more_points_below,
    ),
    DepthClaim(
        "the last layer is the slowest",
        f"where all layers rest, the last remembers at least {SLOWER} times as long as the first",
        f"the longest time constant at its fixed points is at least {SLOWER} times the first "
        "layer's, in the deepest network",
        "docs/stacks.md, of one network of three layers on IMDB",
        partial(_slower_above, outlasts=lambda last, first: last >= SLOWER * first),
    ),
    DepthClaim(
        "the last layer outlasts the first",
        "where all layers rest, the last one remembers longer than the first",
        "the longest time constant at its fixed points is above the first layer's, in the deepest "
        "network",
        "docs/stacks.md, of one network of three layers on IMDB",
        partial(_slower_above, outlasts=lambda last, first: last > first),
    ),
    DepthClaim(
        "slingshots come with depth",
        "in every deeper network, rotations leave a point of an upper layer",
        "complex eigenvalues with |λ| > 1, beyond their errors, where the layers below rest",
        "the paper, figures 6, 10 and 14",
        _rotations_with_depth,
    ),
)
"""Claims about networks of several depths, of any cell."""
