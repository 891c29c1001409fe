"""Write the rules of all claims but those about modifiers: `python -m docs.claim_rules`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nullcline.study.claims import CLAIMS
from nullcline.study.class_claims import CLASS_CLAIMS
from nullcline.study.depth_claims import DEPTH_CLAIMS, DepthClaim
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS, Claim
from nullcline.study.point_claims import POINT_CLAIMS
from testing.marked import fill_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).parent / "study" / "claim-rules.md"


def main() -> None:
    """Write the tables between their marks."""
    fill_tables(PAGE, tables())


def tables() -> dict[str, str]:
    """Return the tables of the page, by the names of their marks."""
    return {
        "paper": _papers(),
        "points": _table(POINT_CLAIMS),
        "depth": _table(DEPTH_CLAIMS),
        "line": _table(LINE_ATTRACTOR_CLAIMS),
        "classes": _table(CLASS_CLAIMS),
    }


def _papers() -> str:
    """Return a row for each claim of the paper on GRUs."""
    rows = [f"| {one.claim} | {one.rule} |" for one in CLAIMS]
    return "\n".join(["| claim | holds if |", "|---|---|", *rows])


def _table(claims: Sequence[Claim | DepthClaim]) -> str:
    """Return a row for each claim, with the inputs that it is asked at."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for claim in claims:
        name, comma, given = claim.name.rpartition(", ")
        own = name if comma and given.endswith(" input") else claim.name
        inputs = rows.setdefault((own, claim.claim, claim.rule, claim.source), [])
        if own != claim.name:
            inputs.append(given.removesuffix(" input"))
    lines = ["| claim | in words | holds if | from |", "|---|---|---|---|"]
    for (name, *rest), inputs in rows.items():
        at = f" (input: {', '.join(inputs)})" if inputs else ""
        lines.append(f"| {name}{at} | {' | '.join(cell.replace('|', '∣') for cell in rest)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
