"""Which conclusions of single networks change over seeds, in a table and in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from docs.seeds_formats import NOTHING, table
from docs.seeds_selection import OF_LINES, claim_sentence, kind_name, papers_claims, usual_units
from nullcline.study.over_seeds import claim_shares, verdicts
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


def discussion(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return what all this changes for a reader of the two papers, in sentences."""
    found = Counter(said for _, said in compared(rows, single))
    total = sum(found.values())
    if not total:
        return NOTHING
    of_one = [row for row in verdicts([row for row in rows if row["n_layers"] == 1])
              if row["claim"] in OF_LINES and row["hidden_size"] == usual_units(rows)]  # fmt: skip
    over = {said: [row["claim"] for row in of_one if row["verdict"] == said]
            for said in (HOLDS, DEPENDS, FAILS, TOO_FEW)}  # fmt: skip
    sentences = [
        f"- The pages of single networks draw {total} conclusions, each of one claim and one kind "
        f"of network, of which there are networks over seeds. {found['stands']} of them stand, "
        f"{found['a draw']} were a draw (the claim holds in some networks of the kind and fails in "
        f"others), and {found['reversed']} are reversed."
        + (f" {found['open']} are of too few networks." if found["open"] else ""),
        f"- Of the {len(of_one)} claims about line attractors, in networks of one layer of "
        f"{usual_units(rows)} units, over all corpora and cells: " + _sums(over) + ".",
    ]
    paper = [(name, row) for name, row in _papers_shares(rows)]
    said = {verdict: [name for name, row in paper if row["verdict"] == verdict]
            for verdict in (HOLDS, DEPENDS, FAILS, TOO_FEW)}  # fmt: skip
    if paper:
        counts = ", ".join(_counted(names, verdict) for verdict, names in said.items() if names)
        sentences.append(
            f"- Of the {len(paper)} claims of the paper on GRUs, of one and of three layers, in "
            f"GRUs of {usual_units(rows)} units on IMDB: {counts}."
        )
    return "\n".join(sentences)


VERBS = {
    HOLDS: ("holds", "hold"),
    DEPENDS: ("depends", "depend"),
    FAILS: ("fails", "fail"),
    TOO_FEW: ("is of too few networks", "are of too few networks"),
}
"""What one claim does by its verdict, and what several do."""


def _counted(names: Sequence[str], verdict: str) -> str:
    return f"{len(names)} {VERBS[verdict][len(names) > 1]}"


def _papers_shares(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    own = [row for row in claim_shares(rows) if row["corpus"] == "imdb" and row["cell"] == "gru"
           and row["hidden_size"] == usual_units(rows)]  # fmt: skip
    return [(row["claim"], row) for row in own if row["claim"] in papers_claims(rows)]


def _sums(over: dict[str, list[str]]) -> str:
    parts = []
    for verdict, names in over.items():
        if names:
            parts.append(f"{_counted(names, verdict)} ({', '.join(names)})")
    return "; ".join(parts) or "none has been evaluated"
