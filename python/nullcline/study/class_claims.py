"""What Aitken et al. (ICLR 2021) claim of classifiers of N classes, each claim with a rule.

They trained networks of several cells on texts of more classes than two, and found that the
evidence for each is added up on an attractor of few dimensions: a simplex of N - 1 for classes
without an order, fewer for ordered ones. The last claim is not theirs but ours.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np

from nullcline.study.claims import Finding
from nullcline.study.class_order import is_ordered
from nullcline.study.line_attractor_claims import ALIGNED, LONG_LASTING, Claim

if TYPE_CHECKING:
    from nullcline.study.class_results import ClassAnalysis
    from nullcline.study.results import NetworkAnalysis

SOURCE = "Aitken et al., ICLR 2021"

AT_MOST = 2
"""Dimensions of ordered classes, at most: valence and intensity."""

REGULAR = 0.7
"""Smallest over largest distance between two classes of a simplex that is about regular."""

KEPT = 2
"""So many times as much is left, at least, of a push along the manifold as of one across it."""

_UNTESTED = Finding("", None, "the classes lie nowhere: they are one, or states do not differ")


def _classes(network: NetworkAnalysis) -> ClassAnalysis | None:
    return network.layers[-1].classes


def _order(network: NetworkAnalysis) -> bool | None:
    return is_ordered(network.corpus, network.classes)


def _dimensions(network: NetworkAnalysis) -> Finding:
    found, wanted = _classes(network), len(network.classes) - 1
    if found is None:
        return _UNTESTED
    if wanted > 1 and _order(network) is not False:
        return Finding("", None, "these classes have an order, or may have one")
    return Finding(_said_dimensions(found), found.dimension == wanted)


def _fewer(network: NetworkAnalysis) -> Finding:
    found = _classes(network)
    if found is None:
        return _UNTESTED
    if len(network.classes) == 2 or not _order(network):
        return Finding("", None, "these are no ordered classes, or two")
    return Finding(_said_dimensions(found), found.dimension <= AT_MOST)


def _said_dimensions(found: ClassAnalysis) -> str:
    return (
        f"{found.dimension} components for 95% after {found.steps} steps without a word "
        f"({found.final.components} before), participation ratio "
        f"{found.settled.participation_ratio:.2f}"
    )


def _modes(network: NetworkAnalysis) -> Finding:
    found = _classes(network)
    if found is None:
        return _UNTESTED
    if found.slow is None:
        return Finding("no point to linearize at", agrees=False)
    taus = ", ".join(
        "∞" if not np.isfinite(tau) else f"{tau:.3g}"
        for tau in found.time_constants[: found.dimension + 2]
    )
    gap = "" if found.gap is None else f", {found.gap} before the largest gap"
    return Finding(
        f"{found.slow} of {found.dimension} for what is held{gap}; τ {taus} steps",
        found.slow == found.dimension,
    )


def _attracting(network: NetworkAnalysis) -> Finding:
    found = _classes(network)
    if found is None:
        return _UNTESTED
    decay = found.decay
    if decay is None:
        return Finding("", None, "of one unit no direction is across")
    return Finding(
        f"after {found.steps} steps {decay.along[-1]:.0%} of a push along "
        f"{decay.dimension} dimensions is left, {decay.across[-1]:.0%} of one across",
        decay.contrast >= KEPT,
    )


def _simplex(network: NetworkAnalysis) -> Finding:
    found = _classes(network)
    if found is None:
        return _UNTESTED
    if len(network.classes) == 2 or _order(network) is not False:
        return Finding("", None, "these classes have an order or may have one, or are two")
    geometry = found.geometry
    return Finding(
        f"shortest edge over longest {geometry.regularity:.2f}, in {geometry.dimension()} "
        "dimensions",
        geometry.regularity >= REGULAR and geometry.dimension() == len(network.classes) - 1,
    )


def _in_order(network: NetworkAnalysis) -> Finding:
    found = _classes(network)
    if found is None:
        return _UNTESTED
    if len(network.classes) == 2 or not _order(network):
        return Finding("", None, "these are no ordered classes, or two")
    geometry = found.geometry
    on_arc = geometry.ordering > 1 - 1e-9
    on_ring = len(geometry) > 3 and geometry.ring_ordering == 1
    turns = " and ".join(f"{turn:.0f}°" for turn in geometry.turns)
    return Finding(
        f"rank correlation {geometry.ordering:.2f} with the shortest way through them, turning by "
        f"{turns}; chord over way {geometry.straightness:.2f}",
        on_arc or on_ring,
        "The ends of the arc come near each other: the shortest way round is in order."
        if on_ring and not on_arc
        else "",
    )


def _read_out(network: NetworkAnalysis) -> Finding:
    found = _classes(network)
    if found is None:
        return _UNTESTED
    if found.readout_angles is None:
        return Finding("", None, "what the readout sees does not differ")
    angles = found.readout_angles
    said = ", ".join(f"{angle:.0f}°" for angle in angles)
    return Finding(f"principal angles {said}", bool(angles[-1] <= ALIGNED))


def _faces(network: NetworkAnalysis) -> Finding:
    found, n = _classes(network), len(network.classes)
    if found is None:
        return _UNTESTED
    if n > 2 and _order(network) is not False:
        return Finding("", None, "these classes have an order, or may have one")
    fixed = network.layers[-1].unique.kind == "fixed"
    counts, faces = found.unstable_counts(fixed), [comb(n, k + 1) for k in range(n)]
    said = f"fixed points with 0, 1, ... growing modes: {', '.join(map(str, counts)) or 'none'}"
    total, known = int(fixed.sum()), sum(counts)
    if known == total:
        return Finding(said, counts == faces)
    said += f", and {total - known} of which that is not known"
    return Finding(said, None if total == sum(faces) else False)


CLASS_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "N − 1 dimensions",
        "what is held of N classes without an order fills N − 1 dimensions",
        f"N − 1 components have 95% of the variance of the states after reviews and "
        f"{LONG_LASTING} more steps without a word, and fewer have not",
        _dimensions,
        SOURCE,
    ),
    Claim(
        "ordered: fewer",
        "what is held of ordered classes fills fewer",
        f"at most {AT_MOST} components have 95% of that variance",
        _fewer,
        SOURCE,
    ),
    Claim(
        "slow modes",
        "as many modes are slow as there are dimensions, and all others decay",
        f"at the point nearest to the middle of the classes, τ of {LONG_LASTING} steps or more, of "
        "decay or growth",
        _modes,
        SOURCE,
    ),
    Claim(
        "attracting",
        "states off the manifold return to it, and along it they stay",
        f"of a push along it at least {KEPT} times as much is left after {LONG_LASTING} steps",
        _attracting,
        SOURCE,
    ),
    Claim(
        "a simplex",
        "classes without an order are the corners of a simplex",
        f"their mean states span N − 1 dimensions, no edge below {REGULAR} of the longest",
        _simplex,
        SOURCE,
    ),
    Claim(
        "in order",
        "ordered classes lie along an arc in their order",
        "the shortest way through their mean states, or the shortest way round, has their order",
        _in_order,
        SOURCE,
    ),
    Claim(
        "readout in it",
        "the readout reads the manifold's dimensions",
        f"no principal angle between its plane and the readout's rows above {ALIGNED}°",
        _read_out,
        SOURCE,
    ),
    Claim(
        "a point a face",
        "of classes without an order, each face of the simplex has one fixed point, with as many "
        "growing modes as the face has dimensions",
        "fixed points with k growing modes: as many as sets of k + 1 classes",
        _faces,
        "ours",
    ),
)
"""Claims about the classes of a network of any cell."""


def evaluate(network: NetworkAnalysis) -> list[Finding]:
    """Evaluate the claims about classes on one network's last layer.

    Returns
    -------
    list of Finding
        One per claim of `CLASS_CLAIMS`; None of those about ordered classes where these are not
        ordered, and the other way round.
    """
    return [claim.evaluate(network) for claim in CLASS_CLAIMS]
