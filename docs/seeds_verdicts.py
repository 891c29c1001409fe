"""What networks over seeds say of each claim, in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docs.seeds_formats import SIGNS, share, table
from docs.seeds_selection import (
    OF_LINES,
    claim_sentence,
    kind_name,
    papers_claims,
    usual_units,
)
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.depth_claims import depth_shares
from nullcline.study.network_groups import rows_of_trained
from nullcline.study.over_seeds import claim_shares, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]


def verdicts_on_lines(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return the verdict on each claim of the line attractor, of one-layer networks."""
    of_one = [row for row in rows if row["n_layers"] == 1]
    return _verdicts(of_one, OF_LINES, single)


def verdicts_on_others(rows: Sequence[Row]) -> str:
    """Return the verdict on each claim that is neither of the line nor of the paper on GRUs."""
    known = {*OF_LINES, *papers_claims(rows)}
    names = list(dict.fromkeys(row["claim"] for row in claim_shares(rows)))
    return _verdicts(rows, [name for name in names if name not in known], [])


def _verdicts(rows: Sequence[Row], names: Sequence[str], single: Sequence[Row]) -> str:
    head = ["claim", *(["one network each"] if single else []), "layers", "units", "over seeds",
            "cells and corpora: holds, depends, fails", "verdict"]  # fmt: skip
    lines = []
    for row in sorted(verdicts(rows), key=lambda one: (one["n_layers"], one["hidden_size"])):
        if row["claim"] in names:
            before = [one["holds"] for one in single if one["claim"] == row["claim"]]
            lines.append(
                [
                    f"{claim_sentence(row['claim'])}",
                    *([f"{sum(before)} of {len(before)}"] if single else []),
                    str(row["n_layers"]),
                    str(row["hidden_size"]),
                    share(row["holds"], row["of"]),
                    f"{row['kinds_holds']}, {row['kinds_depends']}, {row['kinds_fails']}",
                    _said(row["verdict"], row["on"]),
                ]
            )
    lines.sort(key=lambda line: [claim_sentence(name) for name in names].index(line[0]))
    return table(head, lines)


def verdicts_by_cell(every: Sequence[Row], corpus: str) -> str:
    """Return in how many networks on a corpus each claim holds, by cell, layers and units.

    `every` has the shares of `claim_shares`, of whichever corpora.
    """
    names = list(dict.fromkeys(row["claim"] for row in every))
    shares = [row for row in every if row["corpus"] == corpus]
    cells = [cell for cell in CELL_NAMES if any(row["cell"] == cell for row in shares)]
    found = {tuple(row[name] for name in ("claim", "n_layers", "hidden_size", "cell")): row
             for row in shares}  # fmt: skip
    kinds = sorted({place[:3] for place in found}, key=lambda own: (names.index(own[0]), *own[1:]))
    lines = [
        [kind[0], *map(str, kind[1:]), *(_signed(found.get((*kind, cell))) for cell in cells)]
        for kind in kinds
    ]
    return table(["claim", "layers", "units", *(CELL_NAMES[cell] for cell in cells)], lines)


def _signed(row: Row | None) -> str:
    return "–" if row is None else f"{SIGNS[row['verdict']]} {row['holds']} of {row['of']}".strip()


def verdicts_on_depth(rows: Sequence[Row]) -> str:
    """Return the verdict on each claim about networks of several depths, by cell and units."""
    lines = [
        [
            claim_sentence(row["claim"]),
            kind_name(row),
            str(row["hidden_size"]),
            row["depths"],
            share(row["holds"], row["of"]),
            _said(row["verdict"]),
        ]
        for row in depth_shares(rows_of_trained(rows))
    ]
    lines.sort(key=lambda line: line[0])
    return table(["claim", "corpus, cell", "units", "depths", "seeds", "verdict"], lines, 2)


def _said(verdict: str, on: str = "") -> str:
    names = {"seed": "the seed", "kind": "the kind", "seed, kind": "the seed and the kind"}
    return f"**{verdict}**" + (f" on {names[on]}" if on else "")


def verdicts_on_paper(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return the verdict on each claim of the paper on GRUs, on IMDB, and other cells' shares.

    Those are of the size of which there are most networks.
    """
    imdb = [row for row in rows if row["corpus"] == "imdb"]
    shares = claim_shares(imdb)
    sizes = sorted({row["hidden_size"] for row in imdb})
    others = [cell for cell in CELL_NAMES if cell != "gru"]
    usual = usual_units(rows)
    lines = []
    for claim in papers_claims(imdb):
        before = [one["holds"] for one in single if one["claim"] == claim]
        own = {(row["cell"], row["hidden_size"]): row for row in shares if row["claim"] == claim}
        lines.append(
            [
                claim,
                "–" if not before else "✓" if before[0] else "✗",
                *(_of_size(own.get(("gru", size))) for size in sizes),
                *(_signed(own.get((cell, usual))) for cell in others),
            ]
        )
    head = ["claim", "one GRU of 256", *(f"GRUs of {size} units" for size in sizes),
            *(CELL_NAMES[cell] for cell in others)]  # fmt: skip
    return table(head, lines)


def _of_size(row: Row | None) -> str:
    return "–" if row is None else f"{share(row['holds'], row['of'])}: {_said(row['verdict'])}"
