"""Which rows and claims over seeds are meant, and what they are called."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.claims import CLAIMS
from nullcline.study.depth_claims import DEPTH_CLAIMS
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.network_groups import claims_of, one_each
from nullcline.study.network_rows import NETWORK_CLAIMS

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]

OF_LINES = tuple(claim.name for claim in LINE_ATTRACTOR_CLAIMS)

CORPORA = ("synthetic", "sst", "imdb")
"""Those of the pages, in their order."""

_SENTENCES = {
    **{claim.name: claim.claim for claim in NETWORK_CLAIMS},
    **{claim.name: claim.claim for claim in DEPTH_CLAIMS},
}

NAMED = {
    "variance_of_two": "share of two components",
    "line_length": "the line's length",
    "line_to_readout": "angle to the readout",
    "distance_to_cloud": "distance of points from the states",
    "spectral_radius": "spectral radius",
}
"""Numbers beside those of the tables whose differences are shown."""


def place_of_corpus(corpus: str) -> int:
    """Return where a corpus stands in tables."""
    return CORPORA.index(corpus) if corpus in CORPORA else len(CORPORA)


def capped(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without those of whole reviews of IMDB, where others read the last tokens."""
    has_caps = any(row["corpus"] == "imdb" and row.get("max_tokens") is not None for row in rows)
    if not has_caps:
        return list(rows)
    return [row for row in rows if row["corpus"] != "imdb" or row["max_tokens"] is not None]


def papers_claims(rows: Sequence[Row]) -> list[str]:
    """Return the claims of the paper on GRUs that rows tell of, in the paper's order."""
    there = set(claims_of(rows))
    return [one.claim for one in CLAIMS if one.claim in there]


def claim_sentence(claim: str) -> str:
    """Return what is claimed, with the short name of the claim if it has one."""
    return f"*{claim}*: {_SENTENCES[claim]}" if claim in _SENTENCES else claim


def kind_name(row: Row) -> str:
    """Return a kind of network in words."""
    return f"{row['corpus']}, {CELL_NAMES[row['cell']]}"


def kinds_first(rows: Sequence[Row]) -> list[tuple[str, str, int]]:
    """Return corpus, cell and units of rows, as they stand in tables."""
    cells = list(CELL_NAMES)
    return sorted(
        {(row["corpus"], row["cell"], row["hidden_size"]) for row in rows},
        key=lambda kind: (kind[2], place_of_corpus(kind[0]), kind[0], cells.index(kind[1])),
    )


def usual_units(rows: Sequence[Row]) -> int:
    """Return the number of units of which there are most networks."""
    sizes: Counter[int] = Counter(row["hidden_size"] for row in one_each(rows))
    return sizes.most_common(1)[0][0]
