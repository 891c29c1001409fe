"""What many networks say of a claim: it holds, it fails, it depends, or they are too few.

The rule was set down before any network was judged by it:

- **holds**: in at least nine of ten networks that differ in their seed alone;
- **fails**: in at most one of ten of them holds it;
- **depends**: it holds in some and fails in others, more often than that;
- **too few**: of fewer than six networks nothing is said. Were a claim as likely to hold as to
  fail, five networks would all agree in one case of sixteen, and six in one of thirty-two: only
  from six on is agreement of all significant at the level of 5% (two-sided, exact binomial test).

So wherever a claim holds or fails, its interval of 95% does not reach one half, by Wilson's formula
or the exact one. With six to nine networks all must agree. The verdicts on many claims and groups
are not corrected for their number: of claims that hold in every other network, one of 32 groups of
six is called by chance, one of 128 groups of eight, and one of 2,500 groups of twenty.

Over several kinds of networks, all cells and corpora say, the same rule is that of all networks
together, and a kind of which the interval lies beyond nine of ten makes it depend (`verdict_over`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.sweeps.statistics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

HOLDS, FAILS, DEPENDS, TOO_FEW = "holds", "fails", "depends", "too few"

NEARLY_ALL = 9, 10
"""So many of so many networks are nearly all."""

LEVEL = 0.05
"""How often networks may agree by chance that could as well not."""


def can_decide(of: int) -> bool:
    """Tell whether so many networks could tell anything if all agreed: from six on."""
    return 2 * 0.5**of <= LEVEL


def verdict_on(holds: int, of: int) -> str:
    """Return the verdict on a claim that holds in `holds` of `of` networks of one kind.

    Raises
    ------
    ValueError
        It holds in more networks than there are.
    """
    if not 0 <= holds <= of:
        raise ValueError(f"holds must lie between 0 and {of}, the number of networks, not {holds}")
    if not can_decide(of):
        return TOO_FEW
    part, whole = NEARLY_ALL
    if whole * holds >= part * of:
        return HOLDS
    return FAILS if whole * (of - holds) >= part * of else DEPENDS


def verdict_over(kinds: Sequence[tuple[int, int]]) -> tuple[str, str]:
    """Return the verdict over several kinds of networks, such as all cells and corpora.

    A claim holds if it does in nine of ten networks of all kinds together, and in no kind the
    interval of 95% of the share lies below that; so it is with one that fails.

    Parameters
    ----------
    kinds
        In how many networks the claim holds, and of how many, at least one, for each kind.

    Returns
    -------
    verdict, on : str
        The verdict; and where it depends, on what: "seed" if the claim holds in some networks of a
        kind and fails in others, "kind" if it holds in one kind and fails in another one, or "seed,
        kind". Where kinds have too few networks to tell, it is empty.
    """
    pooled = verdict_on(sum(holds for holds, _ in kinds), sum(of for _, of in kinds))
    if pooled == TOO_FEW:
        return TOO_FEW, ""
    others = [kind for kind in kinds if not _may_be(pooled, *kind)]
    if pooled != DEPENDS and not others:
        return pooled, ""
    own = {verdict_on(*kind) for kind in kinds}
    is_of_kinds = {HOLDS, FAILS} <= own or any(verdict_on(*kind) != DEPENDS for kind in others)
    on = [name for name, is_so in (("seed", DEPENDS in own), ("kind", is_of_kinds)) if is_so]
    return DEPENDS, ", ".join(on)


def _may_be(verdict: str, holds: int, of: int) -> bool:
    """Tell whether networks of a kind can be those of a claim that holds, or fails, in nearly all.

    Any may be of one that depends.
    """
    low, high = wilson_interval(holds, of)
    part, whole = NEARLY_ALL
    if verdict == HOLDS:
        return high >= part / whole
    return verdict != FAILS or low <= 1 - part / whole
