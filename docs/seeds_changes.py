"""Which conclusions of single networks change over seeds, in a table and in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from docs.seeds_formats import NOTHING, table
from docs.seeds_numbers import rotates_away
from docs.seeds_selection import OF_LINES, claim_sentence, kind_name, papers_claims, usual_units
from nullcline.study.depth_claims import depth_shares
from nullcline.study.network_groups import grouped, rows_of_trained
from nullcline.study.over_seeds import claim_shares, verdicts
from nullcline.study.point_results import INPUTS, JOINT
from nullcline.study.verdicts import DEPENDS, FAILS, HOLDS, TOO_FEW, verdict_on

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]


def compared(rows: Sequence[Row], single: Sequence[Row]) -> list[tuple[Row, str]]:
    """Return each thing that a single network said, with what the networks over seeds make of it.

    Of a kind with several sizes, those are meant of which there are most networks.
    """
    shares = claim_shares(rows)
    found = []
    for one in single:
        names = ("corpus", "cell", "n_layers", "claim")
        own = [row for row in shares if all(row[name] == one[name] for name in names)]
        if own:
            most = max(own, key=lambda row: row["of"])
            verdict = verdict_on(most["holds"], most["of"])
            same = {HOLDS: True, FAILS: False}.get(verdict)
            said = {DEPENDS: "a draw", TOO_FEW: "open"}.get(verdict)
            found.append((one, said or ("stands" if one["holds"] is same else "reversed")))
    return found


OUTCOMES = ("stands", "a draw", "reversed", "open")


def changes(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return which conclusions of the pages of single networks change, claim by claim."""
    found = compared(rows, single)
    lines = []
    for claim in dict.fromkeys(one["claim"] for one, _ in found):
        own = [(kind_name(one), said) for one, said in found if one["claim"] == claim]
        cells = [[name for name, outcome in own if outcome == said] for said in OUTCOMES]
        shown = [str(len(cells[0])), *(_listed(names) for names in cells[1:])]
        lines.append([claim_sentence(claim), *shown])
    return table(["claim", *OUTCOMES], lines, left=1)


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)}: {'; '.join(names)}" if names else "0"


def discussion(rows: Sequence[Row], single: Sequence[Row], of_sizes: Sequence[str]) -> str:
    """Return what all this changes for a reader of the two papers, in sentences.

    Those of networks of different sizes are given (`docs.seeds_differences.sizes_apart`).
    """
    found = Counter(said for _, said in compared(rows, single))
    if not found.total():
        return NOTHING
    said = [
        _of_single_networks(found), _of_lines(rows), *_of_a_line_by_depth(rows),
        _of_the_paper(rows), *_of_depths(rows), of_rotations(rows), *of_sizes,
    ]  # fmt: skip
    return "\n".join(f"- {sentence}" for sentence in said if sentence)


def _of_single_networks(found: Counter[str]) -> str:
    return (
        f"The pages of single networks draw {found.total()} conclusions, each of one claim and one "
        "kind of network, of which there are networks over seeds. "
        f"{found['stands']} of them stand, {found['a draw']} were a draw (the claim holds in some "
        f"networks of the kind and fails in others), and {found['reversed']} are reversed."
        + (f" {found['open']} are of too few networks." if found["open"] else "")
    )


def _of_lines(rows: Sequence[Row]) -> str:
    units = usual_units(rows)
    own = [row for row in verdicts([row for row in rows if row["n_layers"] == 1])
           if row["claim"] in OF_LINES and row["hidden_size"] == units]  # fmt: skip
    return (
        f"Of the {len(own)} claims about line attractors, in networks of one layer of {units} "
        f"units, over all corpora and cells: {_sums(own)}."
    )


def _of_the_paper(rows: Sequence[Row]) -> str:
    units, papers = usual_units(rows), papers_claims(rows)
    own = [row for row in claim_shares(rows) if row["corpus"] == "imdb" and row["cell"] == "gru"
           and row["hidden_size"] == units and row["claim"] in papers]  # fmt: skip
    if not own:
        return ""
    counts = ", ".join(_counted(names, verdict) for verdict, names in _by_verdict(own).items())
    return (
        f"Of the {len(own)} claims of the paper on GRUs, of one and of three layers, in GRUs of "
        f"{units} units on IMDB: {counts}."
    )


def _of_a_line_by_depth(rows: Sequence[Row]) -> list[str]:
    """Return for every kind of network of several depths in how many there is a line."""
    shares = claim_shares(rows)
    at = {"with zero input": "a line", "where the layers below rest": f"a line, {JOINT} input"}
    sentences = []
    for kind, own in grouped(shares, ("corpus", "cell", "hidden_size")):
        found = {where: _by_depth(own, claim) for where, claim in at.items()}
        if len({row["n_layers"] for row in own}) > 1:
            counts = "; ".join(f"{where}, in {said}" for where, said in found.items() if said)
            sentences.append(
                f"A line in the last layer, by the number of layers ({kind_name(kind)}, of "
                f"{kind['hidden_size']} units): {counts}."
            )
    return sentences


def _by_depth(shares: Sequence[Row], claim: str) -> str:
    own = sorted((row for row in shares if row["claim"] == claim), key=lambda row: row["n_layers"])
    return ", ".join(f"{row['holds']} of {row['of']} ({row['n_layers']})" for row in own)


def _of_depths(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for every kind of network of which there are several depths."""
    groups = grouped(depth_shares(rows), ("corpus", "cell", "hidden_size", "depths"))
    return [
        f"Of the {len(own)} claims about depth, in networks ({kind_name(kind)}, of "
        f"{kind['hidden_size']} units) of {kind['depths']} layers: {_sums(own)}."
        for kind, own in groups
    ]


def of_rotations(rows: Sequence[Row]) -> str:
    """Return in how many networks rotations leave a fixed point, and of which kinds they are."""
    trained = rows_of_trained(rows)
    layers = {
        "first": [row for row in trained if row["layer"] == 1],
        "upper": [row for row in trained if row["layer"] > 1],
    }
    said = [f"of {name} layers {_of_rotations(own)}" for name, own in layers.items() if own]
    return f"Rotations leave a fixed point, at any of the inputs, {', '.join(said)}."


def _of_rotations(layers: Sequence[Row]) -> str:
    kinds, leaving = Counter[str](), Counter[str]()
    for _, own in grouped(layers, ("checkpoint_sha256",)):
        kinds[kind_name(own[0])] += 1
        leaving[kind_name(own[0])] += any(rotates_away(row, at) for row in own for at in INPUTS)
    listed = "; ".join(f"{kind}, {n} of {kinds[kind]}" for kind, n in leaving.items() if n)
    counts = f"in {leaving.total()} of {kinds.total()} networks"
    return f"{counts} ({listed})" if listed else counts


VERBS = {
    HOLDS: ("holds", "hold"),
    DEPENDS: ("depends", "depend"),
    FAILS: ("fails", "fail"),
    TOO_FEW: ("is of too few networks", "are of too few networks"),
}
"""What one claim does by its verdict, and what several do."""


def _counted(names: Sequence[str], verdict: str) -> str:
    return f"{len(names)} {VERBS[verdict][len(names) > 1]}"


def _by_verdict(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Return the claims of each verdict that there is."""
    names = {
        verdict: [row["claim"] for row in rows if row["verdict"] == verdict] for verdict in VERBS
    }
    return {verdict: claims for verdict, claims in names.items() if claims}


def _sums(rows: Sequence[Row]) -> str:
    parts = [
        f"{_counted(names, verdict)} ({', '.join(names)})"
        for verdict, names in _by_verdict(rows).items()
    ]
    return "; ".join(parts) or "none has been evaluated"
