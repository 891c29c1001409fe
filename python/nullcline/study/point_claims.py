"""What is said of the points of networks: how many, how stable, whether rotations leave, how near.

Each claim is asked at one constant input, or compares two (`nullcline.study.point_results.INPUTS`).
The paper is the study of GRUs on IMDB that nullcline grew from.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nullcline.study.claims import Finding
from nullcline.study.line_attractor_claims import Claim
from nullcline.study.point_results import INPUTS, JOINT, MEAN, ZERO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nullcline.study.point_results import PointsAtInput
    from nullcline.study.results import NetworkAnalysis

    Rule: TypeAlias = Callable[[Sequence[PointsAtInput]], Finding]

NEAR_RANK = 0.95
"""A point is near the states if so large a share of them, at most, is nearer to another state than
the point is to one: the usual share of what counts as an outlier."""

MOSTLY = 0.5
"""“Mostly” is more than half."""

SLOWER = 10
"""Times that a time constant is longer, at least, to be of another order of magnitude."""


def _one_fixed_point(layers: Sequence[PointsAtInput]) -> Finding:
    counts = [at.n_fixed for at in layers]
    known = all(at.is_consistent for at in layers)
    measured = _by_layer(layers, [f"{at.n_fixed} ({at.degree or 'sum unknown'})" for at in layers])
    if max(counts) > 1:
        return Finding(measured, agrees=False)
    if known and min(counts) == 1:
        return Finding(measured, agrees=True)
    return Finding(measured, None, "The sum of the indices leaves open whether there are more.")


def _one_ghost(layers: Sequence[PointsAtInput]) -> Finding:
    counts = [at.n_slow for at in layers]
    return Finding(_by_layer(layers, counts), max(counts) <= 1)


def _stable(layers: Sequence[PointsAtInput]) -> Finding:
    measured = _by_layer(
        layers, [f"{at.n_stable} of {at.n_linearized_fixed} stable" for at in layers]
    )
    if sum(at.n_linearized_fixed for at in layers) == 0:
        return Finding("no fixed point", None)
    if any(at.n_unstable for at in layers):
        return Finding(measured, agrees=False)
    if any(at.n_undecided for at in layers):
        return Finding(measured, None, "An eigenvalue is 1 in modulus, as far as is known.")
    return Finding(measured, agrees=True)


def _rotations_leave(layers: Sequence[PointsAtInput]) -> Finding:
    if not any(at.spectra for at in layers):
        return Finding("no point to linearize at", None)
    said = []
    for at in layers:
        leaving = sum(one.n_leaving_rotations for one in at.spectra)
        largest = max((one.largest_rotation or 0.0 for one in at.spectra), default=0.0)
        said.append(f"{leaving} complex outside, largest |λ| of a complex one {largest:.4f}")
    leaving = sum(one.n_leaving_rotations for at in layers for one in at.spectra)
    return Finding(_by_layer(layers, said), leaving > 0)


def _mostly_complex(layers: Sequence[PointsAtInput]) -> Finding:
    shares = [1 - one.share_real for at in layers for one in at.spectra]
    if not shares:
        return Finding("no point to linearize at", None)
    return Finding(f"{min(shares):.0%} to {max(shares):.0%} complex", min(shares) > MOSTLY)


def _real_inside(layers: Sequence[PointsAtInput]) -> Finding:
    shares = [one.share_real for at in layers for one in at.spectra]
    if not shares:
        return Finding("no point to linearize at", None)
    outside = sum(one.n_unstable for at in layers for one in at.spectra)
    return Finding(
        f"{min(shares):.0%} to {max(shares):.0%} real; {outside} outside the circle",
        min(shares) > MOSTLY and outside == 0,
    )


def _near(layers: Sequence[PointsAtInput]) -> Finding:
    return _at_distances(layers, lambda rank: rank <= NEAR_RANK)


def _far(layers: Sequence[PointsAtInput]) -> Finding:
    return _at_distances(layers, lambda rank: rank > NEAR_RANK)


def _at_distances(layers: Sequence[PointsAtInput], is_so: Callable[[float], bool]) -> Finding:
    """Apply a rule about ranks to every layer that has points."""
    found = [at for at in layers if len(at.unique)]
    if not found:
        return Finding("no point", None)
    if any(np.isnan(_rank(at)) for at in found):
        return Finding("the states of a layer are all one", None)
    return Finding(_said_distances(found), all(is_so(_rank(at)) for at in found))


def _rank(at: PointsAtInput) -> float:
    return float(np.median(at.isolation.rank))


def _said_distances(layers: Sequence[PointsAtInput]) -> str:
    spacings = [float(np.median(at.isolation.spacings)) for at in layers]
    return ", ".join(
        f"{spacing:.2f} spacings of states, further than {_rank(at):.0%} of them"
        for at, spacing in zip(layers, spacings, strict=True)
    )


def _by_layer(layers: Sequence[PointsAtInput], said: Sequence[object]) -> str:
    return "; ".join(map(str, said)) if len(layers) > 1 else str(said[0])


def _most_points_first(network: NetworkAnalysis) -> Finding:
    if network.n_layers == 1:
        return Finding("", None, _ONE_LAYER)
    counts = [layer.distinct_of_kind("fixed") + layer.distinct_of_kind("slow")
              for layer in network.layers]  # fmt: skip
    return Finding(
        "; ".join(f"layer {i}: {n}" for i, n in enumerate(counts, 1)), counts[0] > max(counts[1:])
    )


def _slower_when_driven(network: NetworkAnalysis) -> Finding:
    if network.n_layers == 1:
        return Finding("", None, _ONE_LAYER)
    last = network.layers[-1]
    at_zero, at_joint = last.at(ZERO), last.at(JOINT)
    if at_zero is None or at_joint is None:
        return Finding("", None, "this analysis has no points at the joint input")
    alone, driven = at_zero.longest, at_joint.longest
    if alone is None or driven is None:
        return Finding("", None, "no fixed point at one of the inputs")
    return Finding(
        f"τ {_steps(alone)} at zero input, {_steps(driven)} where the layers below rest",
        bool(driven >= SLOWER * alone and np.isfinite(alone)),
    )


def _steps(tau: float) -> str:
    return f"{tau:.3g} steps" if np.isfinite(tau) else "∞"


_ONE_LAYER = "a claim about layers above the first, of which there is none"

_ALL, _FIRST, _UPPER = slice(None), slice(1), slice(1, None)


def _evaluate(rule: Rule, given: str, which: slice, network: NetworkAnalysis) -> Finding:
    """Apply a rule to some layers of a network at an input."""
    if network.n_layers == 1 and (which == _UPPER or given == JOINT):
        return Finding("", None, _ONE_LAYER)
    found = [layer.at(given) for layer in network.layers[which]]
    known = [at for at in found if at is not None]
    if len(known) < len(found):
        return Finding("", None, f"this analysis has no points at the {given} input")
    return rule(known)


def _at_each(
    name: str,
    claim: str,
    says: str,
    rule: Rule,
    which: slice = _ALL,
    inputs: Sequence[str] = INPUTS,
    source: str = "this study of GRUs on IMDB",
) -> tuple[Claim, ...]:
    """Return a claim once for each input."""
    return tuple(
        Claim(f"{name}, {given} input", claim, says, partial(_evaluate, rule, given, which), source)
        for given in inputs
    )


POINT_CLAIMS: tuple[Claim, ...] = (
    *_at_each(
        "one fixed point",
        "every layer has one fixed point, and no more",
        "one found in each, and the index sum 1; open where the sum is unknown or another",
        _one_fixed_point,
    ),
    *_at_each(
        "one ghost at most",
        "beside it, every layer has at most one slow point",
        "at most one minimum of q in each layer that is slow and not zero",
        _one_ghost,
    ),
    *_at_each(
        "stable",
        "every fixed point is stable",
        "|λ| < 1, beyond the error, for every eigenvalue of up to ten fixed points of each layer; "
        "open where the error leaves it open",
        _stable,
    ),
    *_at_each(
        "rotations leave",
        "above the first layer, rotations leave a point: a slingshot",
        "at a fixed or slow point of an upper layer, a complex eigenvalue with |λ| > 1, beyond its "
        "error",
        _rotations_leave,
        _UPPER,
        source="the paper, figures 6, 10 and 14: “rotations going away from the fixed point”",
    ),
    *_at_each(
        "mostly complex above",
        "above the first layer, eigenvalues are mostly complex",
        "more than half of those at every point of every upper layer",
        _mostly_complex,
        _UPPER,
        source="the paper, figures 6, 10 and 14",
    ),
    *_at_each(
        "real, inside the circle",
        "in the first layer, eigenvalues are mostly real and inside the unit circle",
        "more than half of those at every point, and none outside beyond its error",
        _real_inside,
        _FIRST,
        (ZERO, MEAN),
        source="the paper, figures 5, 6, 10 and 14",
    ),
    *_at_each(
        "near in the first layer",
        "points of the first layer are near the visited states",
        f"at most {NEAR_RANK:.0%} of the states are nearer to another state than the point is to "
        "one, in the median of the points",
        _near,
        _FIRST,
        (ZERO, MEAN),
        source="the paper, figures 1c, 4, 9 and 13",
    ),
    *_at_each(
        "far above",
        "points of the upper layers are far from the visited states",
        f"more than {NEAR_RANK:.0%} of the states are nearer to another state than the point is to "
        "one, in the median of the points of each upper layer",
        _far,
        _UPPER,
        source="the paper, figures 4, 9 and 13",
    ),
    Claim(
        "most points in the first layer",
        "the first layer has more points than any layer above it",
        "fixed and slow points at zero input, counted",
        _most_points_first,
        "the paper, figures 4, 9 and 13",
    ),
    Claim(
        "slower where driven",
        f"the last layer remembers at least {SLOWER} times as long where the layers below drive it",
        f"its longest time constant at a fixed point of all layers jointly is at least {SLOWER} "
        "times that at zero input",
        _slower_when_driven,
        "docs/stacks.md, of one network of three layers on IMDB",
    ),
)
"""Claims about the points of one network, of any cell."""
