"""What changes where networks read whole reviews, and train for all epochs: the caps, judged."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from docs.seeds_formats import listed, number, points, spread, table
from docs.seeds_numbers import largest_rotation, rotates_away
from docs.seeds_selection import papers_claims
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.network_groups import one_each, rows_of_trained
from nullcline.study.network_rows import CLAIM
from nullcline.study.point_results import INPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]


def of_whole_reviews(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of networks on IMDB that read whole reviews."""
    return [row for row in rows if row["corpus"] == "imdb" and row["max_tokens"] is None]


def beside_capped(rows: Sequence[Row]) -> str:
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


def depths_beside_page(rows: Sequence[Row], page: Sequence[Row]) -> str:
    """Return each depth of GRUs: the capped network of the page on IMDB, and whole reviews.

    `page` has the networks of docs/imdb/results.json.
    """
    head = ["layers", "test accuracy: capped", "whole", "validation loss: capped", "whole",
            "two components explain, by layer: capped", "whole",
            "fixed and slow points, by layer: capped", "whole"]  # fmt: skip
    lines = []
    for network in page:
        whole = _layers(rows, network["n_layers"])
        if whole:
            pairs = zip(_of_page(network), _of_rows(whole), strict=True)
            lines.append([str(len(whole)), *(cell for pair in pairs for cell in pair)])
    return table(head, lines)


def _layers(rows: Sequence[Row], depth: int) -> list[Row]:
    """Return the layers of the one GRU of that depth that read whole reviews; none of several."""
    own = [row for row in rows_of_trained(of_whole_reviews(rows))
           if (row["cell"], row["n_layers"]) == ("gru", depth)]  # fmt: skip
    return own if [row["layer"] for row in own] == list(range(1, depth + 1)) else []


def _of_page(network: Row) -> list[str]:
    kinds = [[point["kind"] for point in layer["points"]] for layer in network["layers"]]
    two = [sum(layer["explained_variance_ratio"][:2]) for layer in network["layers"]]
    counts = [(of.count("fixed"), of.count("slow")) for of in kinds]
    return _shown(network, two, counts)


def _of_rows(layers: Sequence[Row]) -> list[str]:
    two = [row["variance_of_two"] for row in layers]
    return _shown(layers[0], two, [(row["fixed"], row["slow"]) for row in layers])


def _shown(network: Row, two: Sequence[float], counts: Sequence[tuple[int, int]]) -> list[str]:
    return [
        f"{network['test_accuracy']:.2%}",
        f"{network['validation_loss']:.3f}",
        "; ".join(f"{share:.0%}" for share in two),
        "; ".join(f"{fixed}, {slow}" for fixed, slow in counts),
    ]


def papers_claims_of_whole(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return what the capped networks of the page and those of whole reviews say of the paper."""
    said = _of_both(rows, single)
    lines = [[claim, _mark(capped), _mark(whole)] for claim, capped, whole in said]
    return table(["claim", "capped", "whole reviews"], lines)


def _of_both(rows: Sequence[Row], single: Sequence[Row]) -> list[tuple[str, bool, bool]]:
    """Return each claim of the paper, with what either network says of it."""
    of_page = {one["claim"]: one["holds"] for one in single if one["cell"] == "gru"}
    return [
        (claim, of_page[claim], row[f"{CLAIM}{claim}"])
        for claim in papers_claims(rows)
        for row in _layers(rows, int(claim[0]))[:1]
        if claim in of_page and row[f"{CLAIM}{claim}"] is not None
    ]


def _mark(holds: bool) -> str:
    return "✓" if holds else "✗"


def changed(rows: Sequence[Row], page: Sequence[Row], single: Sequence[Row]) -> str:
    """Return in sentences what whole reviews change."""
    gains = {
        network["n_layers"]: row["test_accuracy"] - network["test_accuracy"]
        for network in page
        for row in _layers(rows, network["n_layers"])[:1]
    }
    both = _of_both(rows, single)
    if not gains or not both:
        return ""
    other = [f"“{claim}” {_turn(whole)}" for claim, capped, whole in both if capped != whole]
    by_depth = ", ".join(f"{points(gain, 1)} ({depth})" for depth, gain in gains.items())
    said = f"{len(other)} otherwise" + (f": {listed(other)}" if other else "")
    every = [row for depth in gains for row in _layers(rows, depth)]
    sentences = (
        f"**Accuracy**, in points, by the number of layers: {by_depth}.",
        f"**The paper's claims**: of {len(both)}, {len(both) - len(other)} are answered as in the "
        f"capped networks of this page, and {said}.",
        f"**Rotations** {_rotating(every)}.",
    )
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _rotating(layers: Sequence[Row]) -> str:
    """Say from the points of which layers rotations leave, at whichever input."""
    places = []
    for row in layers:
        at = [one for one in INPUTS if rotates_away(row, one)]
        if at:
            largest = max(filter(None, (largest_rotation(row, one) for one in at)))
            where = f"layer {row['layer']} of {row['n_layers']}"
            places.append(f"of {where} (|λ| = {number(largest)})")
    where = f"a fixed point {listed(places)}, and of no other" if places else "no fixed point"
    return f"leave {where} of these {len(layers)} layers, at any of the three inputs"


def _turn(holds: bool) -> str:
    return "holds now" if holds else "fails now"
