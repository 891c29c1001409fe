"""What holds over many networks: shares of those in which a claim holds, and spreads of numbers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.study.embeddings import embedding_sections
from nullcline.study.network_rows import CLAIM
from nullcline.sweeps import Section
from nullcline.sweeps.statistics import quartiles, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.sweeps.rows import Row

GROUP = ("corpus", "cell", "n_layers", "hidden_size", "split")
"""What networks have in common that are summed up together; they differ in their seed."""

SPREAD_BY = ("n_train", "classes", "vectors", "frozen_vectors", "epochs", "max_tokens")
"""What else sets groups apart, where it differs in a sweep."""

_NO_NUMBERS = {"seed", "layer", *GROUP, *SPREAD_BY, "embedding_size", "batch_size", "dropout",
               "learning_rate"}  # fmt: skip


def summaries(rows: Sequence[Row]) -> list[Section]:
    """Return the tables that sum up the rows of a sweep of networks.

    Parameters
    ----------
    rows
        A sweep's, of `nullcline.study.network_rows.network_rows`.

    Returns
    -------
    list of Section
        `claim_shares` and `spreads` of the rows, and what `nullcline.study.embeddings` says of
        them; none if there is no row of a network.
    """
    own = [row for row in rows if set(GROUP) <= row.keys()]
    if not own:
        return []
    return [
        Section(
            "claims",
            "In how many networks each claim holds",
            "The share of networks in which a claim holds, with Wilson's interval of 95%. Networks "
            "of a row differ in their seed alone; one that has not been trained to its end is in "
            "none. A claim about another depth or cell is left out.",
            claim_shares(own),
        ),
        Section(
            "spreads",
            "How every number is spread",
            "The least, the quartiles and the greatest of each number over the same networks, "
            "layer by layer; how many have it, of all. A list's are of its first entry.",
            spreads(own),
        ),
        *embedding_sections(own),
    ]


def claim_shares(rows: Sequence[Row]) -> list[Row]:
    """Return for every group of networks and every claim the share in which it holds.

    The interval is Wilson's (1927), of 95%: it is sound for few networks, and for shares of 0 and 1
    (Brown, Cai and DasGupta 2001).

    Returns
    -------
    list of dict
        `GROUP`, the claim, `holds`, `of` (networks that it was evaluated on), `share`, and the
        interval's `low` and `high`.
    """
    found = []
    for group, networks in _groups([row for row in rows if row["layer"] == row["n_layers"]]):
        for name in _columns(networks, CLAIM):
            verdicts = [row[name] for row in networks if row.get(name) is not None]
            if verdicts:
                holds, of = sum(verdicts), len(verdicts)
                low, high = wilson_interval(holds, of)
                shares = {"share": holds / of, "low": low, "high": high}
                claim = name.removeprefix(CLAIM)
                found.append({**group, "claim": claim, "holds": holds, "of": of, **shares})
    return found


def spreads(rows: Sequence[Row]) -> list[Row]:
    """Return for every group of networks, layer and number how it is spread.

    Returns
    -------
    list of dict
        `GROUP`, the layer, the number's name, `known` (networks that have it), `of` (all), and its
        `least`, `lower` quartile, `median`, `upper` quartile and `greatest`.
    """
    found = []
    for group, layers in _groups(rows, "layer"):
        for name in _columns(layers, ""):
            values = [value for row in layers if (value := _number(row.get(name))) is not None]
            if values and name not in _NO_NUMBERS:
                spread = quartiles(values)
                counts = {"known": len(values), "of": len(layers)}
                found.append({**group, "number": name, **counts, **spread})
    return found


def _groups(rows: Sequence[Row], *more: str) -> list[tuple[Row, list[Row]]]:
    """Return the rows of each group, and what these have in common."""
    varied = [name for name in SPREAD_BY if len({row.get(name) for row in rows}) > 1]
    names = (*GROUP, *varied, *more)
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(name) for name in names)].append(row)
    return [(dict(zip(names, key, strict=True)), group) for key, group in groups.items()]


def _columns(rows: Sequence[Row], start: str) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row if name.startswith(start)))


def _number(value: Any) -> float | None:
    """Return a value as a number, if it is one or a list that begins with one."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return float(value)
