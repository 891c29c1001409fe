"""Whether the word vectors that networks start from change what is found in them."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline.study.network_groups import SPREAD_BY
from nullcline.study.network_rows import CLAIM
from nullcline.sweeps import Section
from nullcline.sweeps.comparison import compare, holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.sweeps.comparison import Comparison
    from nullcline.sweeps.rows import Row

COMMON = ("corpus", "cell", "n_layers", "hidden_size", "split", "layer")
"""What the rows of networks have in common whose word vectors are compared."""

ALSO_COMMON = tuple(name for name in SPREAD_BY if name not in {"vectors", "frozen_vectors"})
"""What else they have in common, which is named where it differs in a sweep."""

OBSERVATIONS = {
    "test_accuracy": "test accuracy",
    "train_accuracy": "training accuracy",
    "participation_ratio": "participation ratio",
    "components_for_90": "components for 90%",
    "variance_of_first": "variance of the first component",
    "variance_of_two": "variance of the first two",
    "fixed": "fixed points",
    "slow": "slow points",
    "distance_to_cloud": "distance of points to the cloud",
    "spectral_radius": "spectral radius",
    "share_real": "share of real eigenvalues",
    "outside_circle": "eigenvalues outside the circle",
    "time_constants": "longest τ",
    "next_time_constant": "next τ",
    "line_length": "length of the line",
    "line_width": "its width",
    "line_aspect": "its length by its width",
    "line_variance": "its share of the variance",
    "line_to_mode": "angle of the line to the mode",
    "line_to_readout": "angle of the line to the readout",
    "next_state_r2": "R²: next state",
    "next_change_r2": "R²: its change",
    "review_readout_r2": "R²: readout of a review",
    "words_rho": "words' ρ",
}
"""The numbers of a network that are compared, with what they are called."""

CHANGES, SAME, UNKNOWN = "changes", "does not change", "cannot tell"

LEVEL = 0.05
"""Of Holm's adjusted p, below which a number changes."""

LARGEST = 0.5
"""Of η² in a number that does not change: networks of one seed and different vectors are then less
unlike than networks of one kind of vectors and different seeds."""

FEWEST = 5
"""Networks of each kind of vectors, without which a number is not said not to change: a claim that
held in half of the networks of a kind would hold in all of five with a chance of 3% only."""

_Kinds: TypeAlias = "dict[str, list[float]]"
"""A number's values, by kind of word vectors."""


def compare_embeddings(rows: Sequence[Row]) -> list[Row]:
    """Compare every number and every claim between the kinds of word vectors of a sweep.

    Networks that share their corpus, cell and sizes are compared, layer by layer, by the ranks of a
    number (`nullcline.sweeps.comparison.compare`); a claim is a number, 1 where it holds. Kinds of
    vectors of which fewer than two networks have the number are left out of it. p is adjusted for
    all numbers and claims of the layer that differ at all (Holm 1979). A number

    - *changes* where the adjusted p is below 0.05;
    - *does not change* where it is not, there are five networks or more of each kind, and less
      than half of the ranks' variance lies between the kinds, by the upper bound of η² (95%): the
      vectors make less of a difference than the seed;
    - else one *cannot tell*.

    Parameters
    ----------
    rows
        A sweep's, of `nullcline.study.network_rows.network_rows`.

    Returns
    -------
    list of dict
        What the networks have in common, the number's name, `kinds` and `networks` compared, η²
        (`between`) with its bounds `low` and `high`, `p`, `adjusted_p`, the `verdict`, and the kind
        with the `lowest` and with the `highest` mean rank, with their medians, `at_lowest` and
        `at_highest` (of claims, shares; None for an infinite time constant).
    """
    found: list[Row] = []
    for common, networks in _alike(rows):
        compared = [
            (name, kinds, compare(list(kinds.values()))) for name, kinds in _numbers(networks)
        ]
        varied = [name for name, _, comparison in compared if comparison.varies]
        adjusted = holm([comparison.p for _, _, comparison in compared if comparison.varies])
        p = dict(zip(varied, adjusted, strict=True))
        found += [
            {**common, "number": name, **_said(name, kinds, comparison, p.get(name, 1.0))}
            for name, kinds, comparison in compared
        ]
    return found


def summarize_by_embedding(rows: Sequence[Row]) -> list[Row]:
    """Return the median and the quartiles of every number, for each kind of word vectors.

    Returns
    -------
    list of dict
        What the networks have in common, the number's name, the `embedding`, `networks`, and
        `median`, `lower` and `upper` quartile; of a claim the share in which it holds, as `median`.
        None stands for an infinite time constant.
    """
    found: list[Row] = []
    for common, networks in _alike(rows):
        for name, kinds in _numbers(networks):
            for kind, values in kinds.items():
                with np.errstate(invalid="ignore"):  # between two infinite ones
                    lower, upper = (_finite(np.quantile(values, at)) for at in (0.25, 0.75))
                spread = {} if name.startswith(CLAIM) else {"lower": lower, "upper": upper}
                own = {"number": name, "embedding": kind, "networks": len(values)}
                found.append({**common, **own, "median": _middle(name, values), **spread})
    return found


def embedding_sections(rows: Sequence[Row]) -> list[Section]:
    """Return the tables that compare word vectors; none where a sweep has one kind of them."""
    compared = compare_embeddings(rows)
    if not compared:
        return []
    return [
        Section(
            "embeddings",
            "Whether word vectors change what is found",
            "Kruskal and Wallis's test of each number and claim between kinds of word vectors, p "
            "by permutation and adjusted by Holm's method, and η², the share of the variance of "
            f"ranks that lies between kinds. A number {CHANGES} where the adjusted p is below "
            f"{LEVEL}; it {SAME} where the upper bound of η² is below {LARGEST}, so that seeds "
            f"make more of a difference; else, and of fewer than {FEWEST} networks of a kind, one "
            f"{UNKNOWN}.",
            compared,
        ),
        Section(
            "by-embedding",
            "Every number by word vectors",
            "Medians and quartiles; of a claim, the share of networks in which it holds.",
            summarize_by_embedding(rows),
        ),
    ]


def verdict(comparison: Comparison, adjusted_p: float, fewest: int) -> str:
    """Return whether a number changes with the word vectors, by the rule of `compare_embeddings`.

    Parameters
    ----------
    comparison
        Of the kinds of vectors.
    adjusted_p
        Its p, adjusted for how many comparisons there are.
    fewest
        Networks of the kind that has the fewest.
    """
    if adjusted_p < LEVEL:
        return CHANGES
    return SAME if comparison.high < LARGEST and fewest >= FEWEST else UNKNOWN


def embedding_of(row: Row) -> str:
    """Return the kind of word vectors of a row in words, such as "word2vec, frozen"."""
    own = "generated" if row["corpus"].startswith("synthetic") else "GloVe"
    name = own if row["vectors"] is None else Path(row["vectors"]).name
    return f"{name}, {'frozen' if row.get('frozen_vectors') else 'learned'}"


def _alike(rows: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    """Return the rows that share all but their vectors and their seed, where vectors vary."""
    own = [row for row in rows if {"vectors", *COMMON} <= row.keys()]
    also = [name for name in ALSO_COMMON if len({row.get(name) for row in own}) > 1]
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in own:
        groups[tuple(row.get(name) for name in (*COMMON, *also))].append(row)
    return [
        (dict(zip((*COMMON, *also), key, strict=True)), networks)
        for key, networks in groups.items()
        if len({embedding_of(row) for row in networks}) > 1
    ]


def _numbers(networks: Sequence[Row]) -> list[tuple[str, _Kinds]]:
    """Return each number's values by kind of vectors, of numbers that two kinds have twice.

    Claims are about a whole network, and are those of its last layer.
    """
    is_last = networks[0]["layer"] == networks[0]["n_layers"]
    claims = [name for row in networks for name in row if name.startswith(CLAIM) and is_last]
    found = []
    for name in (*OBSERVATIONS, *dict.fromkeys(claims)):
        kinds: defaultdict[str, list[float]] = defaultdict(list)
        for row in networks:
            if (value := _number(name, row.get(name))) is not None:
                kinds[embedding_of(row)].append(value)
        several = {kind: values for kind, values in kinds.items() if len(values) > 1}
        if len(several) > 1:
            found.append((name, several))
    return found


def _said(name: str, kinds: _Kinds, comparison: Comparison, p: float) -> Row:
    """Return what a comparison says, as a table's row."""
    ranked = sorted(kinds, key=lambda kind: _mean_rank(kinds, kind))
    lowest, highest = ranked[0], ranked[-1]
    return {
        "kinds": len(kinds),
        "networks": sum(map(len, kinds.values())),
        "between": comparison.between,
        "low": comparison.low,
        "high": comparison.high,
        "p": comparison.p,
        "adjusted_p": p,
        "verdict": verdict(comparison, p, min(map(len, kinds.values()))),
        "lowest": lowest,
        "at_lowest": _middle(name, kinds[lowest]),
        "highest": highest,
        "at_highest": _middle(name, kinds[highest]),
    }


def _mean_rank(kinds: _Kinds, kind: str) -> float:
    every = np.sort(np.concatenate([np.asarray(values) for values in kinds.values()]))
    own = np.asarray(kinds[kind])
    return float((np.searchsorted(every, own) + np.searchsorted(every, own, "right")).mean())


def _middle(name: str, values: list[float]) -> float | None:
    """Return the median of a number, and the share in which a claim holds."""
    return _finite(np.mean(values) if name.startswith(CLAIM) else np.median(values))


def _finite(value: Any) -> float | None:
    """Return a number; None for an infinite one, and for what lies between two of these."""
    return float(value) if np.isfinite(value) else None


def _number(name: str, value: Any) -> float | None:
    """Return a number, the first of a list of them, or a verdict as 0 or 1."""
    if isinstance(value, list):
        value = value[0] if value else None
        if value is None and name == "time_constants":
            return math.inf  # of a mode that neither decays nor grows, as far as can be told
    if not isinstance(value, bool | int | float) or not np.isfinite(value):
        return None
    return float(value)
