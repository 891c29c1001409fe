"""Shares and numbers of networks over seeds, kind by kind, in tables."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from docs.seeds_formats import SIGNS, number, percent, share, spread, table
from docs.seeds_selection import kinds_first
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.depth_claims import longest_time_constant
from nullcline.study.network_groups import numbers_of, rows_of_trained
from nullcline.study.over_seeds import claim_shares
from nullcline.study.point_results import INPUTS, MEAN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Row = dict[str, Any]


def shares_by_kind(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Return in how many networks each claim holds, of one layer, by corpus, cell and units."""
    shares = [row for row in claim_shares(rows) if row["n_layers"] == 1]
    lines = []
    for kind in kinds_first(shares):
        own = {row["claim"]: row for row in shares if _kind(row) == kind}
        cells = [
            f"{SIGNS[own[name]['verdict']]} {share(own[name]['holds'], own[name]['of'])}".strip()
            if name in own
            else "–"
            for name in names
        ]
        lines.append([kind[0], CELL_NAMES[kind[1]], str(kind[2]), *cells])
    return table(["corpus", "cell", "units", *names], lines, 2)


def _kind(row: Row) -> tuple[str, str, int]:
    return row["corpus"], row["cell"], row["hidden_size"]


COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("accuracy", "test_accuracy", percent),
    ("dimensions", "participation_ratio", number),
    ("fixed points", "fixed", number),
    ("slow points", "slow", number),
    ("τ at the first point", "time_constants", number),
    ("the line's variance", "line_variance", lambda value: f"{value:.0%}"),
    ("R²: a step's change", "next_change_r2", lambda value: f"{value:.2f}".replace("-", "−")),
    ("a review's readout", "review_readout_r2", lambda value: f"{value:.2f}".replace("-", "−")),
    ("words' ρ", "words_rho", lambda value: f"{value:.2f}".replace("-", "−")),
)
"""Numbers of the tables: heading, column, and how one is written."""


def numbers_by_kind(rows: Sequence[Row]) -> str:
    """Return how numbers are spread in networks of one layer, by corpus, cell and units."""
    trained = [row for row in rows_of_trained(rows) if row["n_layers"] == 1]
    lines = []
    for kind in kinds_first(trained):
        own = [row for row in trained if _kind(row) == kind]
        cells = [_spread_of(own, name, shown) for _, name, shown in COLUMNS]
        lines.append([kind[0], CELL_NAMES[kind[1]], str(kind[2]), str(len(own)), *cells])
    return table(["corpus", "cell", "units", "networks", *(one[0] for one in COLUMNS)], lines, 2)


def _spread_of(rows: Sequence[Row], name: str, shown: Callable[[float], str]) -> str:
    """Return how a number is spread; a list that begins with None begins with an infinite one."""
    finite = numbers_of(rows).get(name, [])
    infinite = sum(row.get(name) is not None and row[name] != [] for row in rows) - len(finite)
    return _else_infinite(finite, len(finite) + infinite, shown)


def _else_infinite(finite: Sequence[float], of: int, shown: Callable[[float], str] = number) -> str:
    if len(finite) == of:
        return spread(finite, shown)
    return f"{spread(finite, shown)} in {len(finite)} of {of}, else ∞" if finite else "∞"


def numbers_by_depth(rows: Sequence[Row]) -> str:
    """Return how accuracy and dimensions are spread on IMDB, by cell, units and depth."""
    head = ["cell", "units", "layers", "networks", "accuracy", "two components explain, by layer",
            "dimensions, by layer"]  # fmt: skip
    lines = [
        [
            *kind,
            spread([row["test_accuracy"] for row in layers[0]], percent),
            "; ".join(
                spread([row["variance_of_two"] for row in one], lambda value: f"{value:.0%}")
                for one in layers
            ),
            "; ".join(spread([row["participation_ratio"] for row in one]) for one in layers),
        ]
        for kind, layers in _by_depth(rows)
    ]
    return table(head, lines)


def points_by_depth(rows: Sequence[Row]) -> str:
    """Return how many points layers have on IMDB, by cell, units and depth."""
    head = ["cell", "units", "layers", "networks", "fixed points, by layer",
            "slow points, by layer", "first point unstable in, by layer",
            "distance from the states, by layer"]  # fmt: skip
    lines = [
        [
            *kind,
            "; ".join(_counts(one, "fixed") for one in layers),
            "; ".join(_counts(one, "slow") for one in layers),
            "; ".join(_some(one, "outside_circle") for one in layers),
            "; ".join(spread(numbers_of(one).get("distance_to_cloud", [])) for one in layers),
        ]
        for kind, layers in _by_depth(rows)
    ]
    return table(head, lines)


def slowness_by_depth(rows: Sequence[Row]) -> str:
    """Return how long layers remember on IMDB, at each input, by cell, units and depth."""
    head = ["cell", "units", "layers", "networks", "with zero input", "at the mean input",
            "where the layers below rest", "slowest layer at the mean input", "its τ"]  # fmt: skip
    lines = []
    for kind, layers in _by_depth(rows):
        zero, mean, joint = ("; ".join(_time_constants(one, at) for one in layers) for at in INPUTS)
        slowest = [row for row in map(_slowest_at_mean, zip(*layers, strict=True)) if row]
        deep = len(layers) > 1
        of_deep = [joint, _counts(slowest, "layer")] if deep else ["–", "–"]
        lines.append([*kind, zero, mean, *of_deep, _time_constants(slowest, MEAN)])
    return table(head, lines)


def rotations_by_depth(rows: Sequence[Row]) -> str:
    """Return how far layers rotate on IMDB, at each input, by cell, units and depth.

    The largest |λ| of a complex pair at any fixed point, and in how many networks one of them is
    outside of the unit circle.
    """
    head = ["cell", "units", "layers", "networks", "with zero input", "at the mean input",
            "where the layers below rest"]  # fmt: skip
    lines = []
    for kind, layers in _by_depth(rows):
        zero, mean, joint = ("; ".join(_rotations(one, at) for one in layers) for at in INPUTS)
        lines.append([*kind, zero, mean, joint if len(layers) > 1 else "–"])
    return table(head, lines)


def largest_rotation(row: Row, at: str) -> float | None:
    """Return the largest |λ| of a complex pair at any fixed point; None where all are real."""
    return max(filter(None, row.get(f"{at}: largest_rotation") or ()), default=None)


def rotates_away(row: Row, at: str) -> bool:
    """Whether a rotation leaves a fixed point of a layer at an input."""
    return sum(row.get(f"{at}: rotating_outside") or ()) > 0


def _rotations(rows: Sequence[Row], at: str) -> str:
    largest = [one for one in (largest_rotation(row, at) for row in rows) if one is not None]
    leaving = [rotates_away(row, at) for row in rows if row.get(f"{at}: fixed")]
    if not leaving:
        return "–"
    return f"{spread(largest, lambda value: number(value, 4))}, {sum(leaving)} of {len(leaving)}"


def _time_constants(rows: Sequence[Row], at: str) -> str:
    found = [longest_time_constant(row, at) for row in rows]
    taus = [tau for tau in found if tau is not None]
    return _else_infinite([tau for tau in taus if isfinite(tau)], len(taus)) if taus else "–"


def _slowest_at_mean(layers: Sequence[Row]) -> Row | None:
    """Return the layer of a network that remembers longest; none where no layer has a point."""
    taus = [longest_time_constant(row, MEAN) or 0.0 for row in layers]
    return layers[taus.index(max(taus))] if any(taus) else None


def _by_depth(rows: Sequence[Row]) -> list[tuple[list[str], list[list[Row]]]]:
    """Return cell, units, layers and networks of each kind on IMDB, and the rows of each layer."""
    kind = itemgetter("cell", "hidden_size", "n_layers")
    trained = [row for row in rows_of_trained(rows) if row["corpus"] == "imdb"]
    cells = list(CELL_NAMES)
    found = []
    for own in sorted(set(map(kind, trained)), key=lambda own: (cells.index(own[0]), *own[1:])):
        cell, units, depth = own
        of_kind = [row for row in trained if kind(row) == own]
        layers = [[row for row in of_kind if row["layer"] == at] for at in range(1, depth + 1)]
        found.append(([CELL_NAMES[cell], str(units), str(depth), str(len(layers[0]))], layers))
    return found


def _counts(rows: Sequence[Row], name: str) -> str:
    """Return how many networks have so many points: 3 in 6, 1 in 2."""
    found = Counter(row[name] for row in rows)
    if len(found) == 1:
        return str(next(iter(found)))
    return ", ".join(f"{value} in {times}" for value, times in sorted(found.items()))


def _some(rows: Sequence[Row], name: str) -> str:
    """Return in how many networks a number of the first point is above zero."""
    values = numbers_of(rows).get(name, [])
    return f"{sum(value > 0 for value in values)} of {len(values)}" if values else "–"
