"""How the pages over seeds write shares, numbers and tables in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.study.verdicts import DEPENDS, FAILS, HOLDS, TOO_FEW
from nullcline.sweeps.statistics import quartiles, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SIGNS = {HOLDS: "✓", FAILS: "✗", DEPENDS: "~", TOO_FEW: ""}
"""What stands before a share for its verdict."""

NOTHING = "*No networks of this kind are in the results yet.*"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table whose first columns are texts, and others numbers; or that there is none."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return NOTHING
    marks = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join([f"| {' | '.join(head)} |", f"|{'|'.join(marks)}|", *lines])


def share(holds: int, of: int) -> str:
    """Return a share with its interval: 18 of 20, 70–97%."""
    low, high = wilson_interval(holds, of)
    return f"{holds} of {of}, {100 * low:.0f}–{100 * high:.0f}%"


def number(value: float, digits: int = 3) -> str:
    """Return a number with some digits, and a minus sign."""
    return f"{value:.{digits}g}".replace("-", "−")


def points(value: float | None, digits: int = 0) -> str:
    """Return a difference of shares in points of a hundred."""
    return "–" if value is None else f"{100 * value:+.{digits}f}".replace("-", "−")


def listed(parts: Sequence[str]) -> str:
    """Return parts of a sentence: one, one and two, one, two and three."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def spread(values: Sequence[float], shown: Callable[[float], str] = number) -> str:
    """Return a median with the quartiles: 4 [3, 5]; one number alone as it is."""
    if not values:
        return "–"
    found = quartiles(values)
    if found["least"] == found["greatest"]:
        return shown(found["median"])
    return f"{shown(found['median'])} [{shown(found['lower'])}, {shown(found['upper'])}]"


def percent(value: float) -> str:
    """Return a share in percent."""
    return f"{value:.1%}"
