"""The paper's claims, each beside what was measured, and whether the two agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis
    from nullcline.study.spectrum import Spectrum

FEW = 5
"""How many components "the first few" are."""

NEAR_80 = (0.7, 0.9)
"""What is "near 80%"."""

MANY_MORE = 2
"""So many times as many are "many more"."""

NEAR = 0.5
"""A point is near the cloud within so many of its root mean square radii from a visited state."""


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim.

    Attributes
    ----------
    measured
        The measurement, in words; empty if there was no network to test the claim on.
    agrees
        Whether it agrees with the claim; None if the claim was not tested.
    explanation
        Why it does not agree, or what else there is to say.
    """

    measured: str
    agrees: bool | None
    explanation: str = ""


@dataclass(frozen=True)
class PaperClaim:
    """A claim of the paper about networks of one depth.

    Attributes
    ----------
    depth
        The number of layers.
    claim
        What the paper says.
    rule
        What holds if the claim does, in words and numbers.
    evaluate
        From the analysis of a network of that depth to what was found.
    """

    depth: int
    claim: str
    rule: str
    evaluate: Callable[[NetworkAnalysis], Finding]


def evaluate(networks: Sequence[NetworkAnalysis]) -> dict[str, Finding]:
    """Evaluate every claim of the paper on the networks of a run.

    Parameters
    ----------
    networks
        Analysed networks of any depths; a claim about a depth that is not there stays open.

    Returns
    -------
    dict
        The finding for each claim, in the paper's order.
    """
    by_depth = {network.n_layers: network for network in networks}
    return {
        one.claim: one.evaluate(by_depth[one.depth])
        if one.depth in by_depth
        else Finding("", None, f"this run has no {one.depth}-layer network")
        for one in CLAIMS
    }


def _two_components(network: NetworkAnalysis) -> Finding:
    share = _share(network.layers[0], 2)
    low, high = NEAR_80
    agrees = low <= share <= high
    why = f"We take “near 80%” as {low:.0%} to {high:.0%}; {_few(network)}."
    return Finding(f"{share:.0%} in the first two", agrees, "" if agrees else why)


def _first_few(network: NetworkAnalysis) -> Finding:
    share = _share(network.layers[0], FEW)
    agrees = share >= 0.8
    needed = network.layers[0].components_for(0.8)
    return Finding(
        f"{share:.0%} in the first {FEW}",
        agrees,
        "" if agrees else f"80% takes {needed} components here.",
    )


def _untrained(network: NetworkAnalysis) -> Finding:
    layer = network.layers[0]
    trained = layer.components_for(0.9)
    untrained = layer.components_for(0.9, trained=False)
    agrees = untrained >= MANY_MORE * trained
    return Finding(
        f"90% takes {untrained} components untrained, {trained} trained",
        agrees,
        "" if agrees else f"We take “many more” as at least {MANY_MORE} times as many.",
    )


def _first_layer_of_three(network: NetworkAnalysis) -> Finding:
    share = _share(network.layers[0], 2)
    agrees = share < 0.6
    return Finding(f"{share:.0%} in the first two", agrees, "" if agrees else _other(network))


def _upper_layers_of_three(network: NetworkAnalysis) -> Finding:
    shares = [_share(layer, 2) for layer in network.layers[1:]]
    agrees = min(shares) > 0.9
    listed = ", ".join(
        f"layer {layer.layer}: {share:.0%}"
        for layer, share in zip(network.layers[1:], shares, strict=True)
    )
    return Finding(
        listed,
        agrees,
        "" if agrees else "Low-dimensional all the same, though not to this degree.",
    )


def _many_in_first_layer(network: NetworkAnalysis) -> Finding:
    layer = network.layers[0]
    agrees = len(layer.unique) > FEW and _near(layer)
    return Finding(
        f"{_points(layer)}; {_distances(layer)}",
        agrees,
        "" if agrees else f"{_where_starts_end(layer)} {_where_descent_ends(layer)}",
    )


def _where_starts_end(layer: LayerAnalysis) -> str:
    ends = [
        f"{layer.starts_of_kind(kind)} in {_counted(layer.distinct_of_kind(kind), kind)}"
        for kind in ("fixed", "slow")
        if layer.starts_of_kind(kind)
    ]
    return f"The {len(layer.points)} starts end: {', '.join(ends)}." if ends else ""


def _where_descent_ends(layer: LayerAnalysis) -> str:
    descent = layer.descent
    if descent is None:
        return ""
    return (
        f"The paper's own method, a descent of q that stops at {descent.tol_slow:.0e}, leaves "
        f"{descent.below} of them in {descent.distinct} distinct states, of which {descent.fixed} "
        "are fixed points: the “many” are places on the way to the same few ends."
    )


def _counted(n: int, kind: str) -> str:
    return f"{n} {kind} point" + ("s" if n != 1 else "")


def _one_in_second_layer(network: NetworkAnalysis) -> Finding:
    return _number_of_points(network.layers[1], 1)


def _three_in_third_layer(network: NetworkAnalysis) -> Finding:
    return _number_of_points(network.layers[2], 3)


def _number_of_points(layer: LayerAnalysis, expected: int) -> Finding:
    as_many = len(layer.unique) == expected
    agrees = as_many and not _near(layer)
    why = (
        "As many as there, but near the states."
        if as_many
        else "The number of points depends on the trained weights, and ours are others."
    )
    return Finding(
        f"{_points(layer)}; {_distances(layer)}",
        agrees,
        "" if agrees else f"{why} {_where_starts_end(layer)} {_where_descent_ends(layer)}",
    )


def _first_layer_modes(network: NetworkAnalysis) -> Finding:
    layer = network.layers[0]
    if not layer.spectra:
        return Finding("no point to linearize at", agrees=False)
    real = [spectrum.share_real for spectrum in layer.spectra]
    unstable = [spectrum.n_unstable for spectrum in layer.spectra]
    agrees = min(real) > 0.5 and max(unstable) == 0
    reasons = []
    if min(real) <= 0.5:
        reasons.append(
            "Most eigenvalues of a real matrix of this size come in conjugate pairs; what is real "
            "are those of largest |λ|: "
            + ", ".join(_largest_are(spectrum) for spectrum in layer.spectra)
            + "."
        )
    if max(unstable) > 0:
        reasons.append("A point with |λ| > 1 is a saddle: it parts what the stable points attract.")
    return Finding(
        f"{_percent_range(real)} real; outside the circle: {_listed(unstable)}",
        agrees,
        " ".join(reasons),
    )


def _upper_layer_modes(network: NetworkAnalysis) -> Finding:
    spectra = [spectrum for layer in network.layers[1:] for spectrum in layer.spectra]
    if not spectra:
        return Finding("no point to linearize at", agrees=False)
    complex_share = [1 - spectrum.share_real for spectrum in spectra]
    unstable = [spectrum.n_unstable for spectrum in spectra]
    rotating = sum(spectrum.n_leaving_rotations for spectrum in spectra)
    agrees = min(complex_share) > 0.5 and rotating > 0
    explanation = (
        "This is a map, not a flow: a mode grows if |λ| > 1, and the sign of its real part says "
        "nothing about that. "
    )
    if max(unstable) == 0:
        explanation += (
            "No eigenvalue has |λ| > 1, so the rotations decay: they go towards the point."
        )
    else:
        explanation += (
            f"{sum(unstable)} eigenvalue(s) at these points exceed 1, of which {rotating} rotate."
        )
    return Finding(
        f"{_percent_range(complex_share)} complex; outside the circle: {_listed(unstable)}",
        agrees,
        explanation,
    )


_MANY_POINTS = (
    f"more than {FEW} fixed and slow points at zero input, the median of whose distances from the "
    f"nearest visited state is at most {NEAR} root mean square radii of the states"
)
_POINTS_FAR = (
    "fixed and slow points at zero input, counted, and the median of their distances from the "
    f"nearest visited state above {NEAR} radii"
)
_REAL_INSIDE = (
    "at every point, with zero input, more than half of the eigenvalues are real, and none is "
    "outside of the unit circle by more than its error"
)

CLAIMS: tuple[PaperClaim, ...] = (
    PaperClaim(
        1,
        "1 layer: the first two components explain near 80% of the variance",
        f"{NEAR_80[0]:.0%} to {NEAR_80[1]:.0%}, of the visited states",
        _two_components,
    ),
    PaperClaim(
        1,
        "1 layer: 80–90% of the variance lies within the first few components",
        f"the first {FEW} explain at least 80%",
        _first_few,
    ),
    PaperClaim(
        1,
        "1 layer: the untrained network needs many more components",
        f"90% of the variance takes at least {MANY_MORE} times as many as after training",
        _untrained,
    ),
    PaperClaim(
        1,
        "1 layer: many fixed points, near the visited states",
        _MANY_POINTS,
        _many_in_first_layer,
    ),
    PaperClaim(
        1,
        "1 layer: eigenvalues mostly real and inside the unit circle",
        _REAL_INSIDE,
        _first_layer_modes,
    ),
    PaperClaim(
        3,
        "3 layers: two components explain under 60% in the first layer",
        "of the variance of the visited states",
        _first_layer_of_three,
    ),
    PaperClaim(
        3,
        "3 layers: two explain over 90% in the second and third layer",
        "of the variance of the visited states, in both",
        _upper_layers_of_three,
    ),
    PaperClaim(
        3,
        "3 layers: many fixed points in layer 1, near the visited states",
        _MANY_POINTS,
        _many_in_first_layer,
    ),
    PaperClaim(
        3,
        "3 layers: one fixed point in layer 2, far from the states",
        _POINTS_FAR,
        _one_in_second_layer,
    ),
    PaperClaim(
        3,
        "3 layers: three fixed points in layer 3, far from the states",
        _POINTS_FAR,
        _three_in_third_layer,
    ),
    PaperClaim(
        3,
        "3 layers: eigenvalues in layer 1 mostly real, inside the circle",
        _REAL_INSIDE,
        _first_layer_modes,
    ),
    PaperClaim(
        3,
        "3 layers: eigenvalues in layers 2 and 3 mostly complex, “rotations going away from the "
        "fixed point”",
        "at every point of both, with zero input, more than half of the eigenvalues are complex, "
        "and at one at least a complex pair is outside of the unit circle by more than its error",
        _upper_layer_modes,
    ),
)
"""The paper's claims, in its order."""


def _share(layer: LayerAnalysis, n: int) -> float:
    return float(layer.explained_variance_ratio[:n].sum())


def _few(network: NetworkAnalysis) -> str:
    return f"the first {FEW} explain {_share(network.layers[0], FEW):.0%}"


def _other(network: NetworkAnalysis) -> str:
    """Say what sets the network apart from the paper's, which was trained on IMDB."""
    if network.corpus == "synthetic":
        return (
            "The generated language asks for one running sum of valences, where IMDB's reviews ask "
            "for more: these states vary in fewer directions."
        )
    return "The network is another than the paper's: other initial weights, other batches."


def _near(layer: LayerAnalysis) -> bool:
    return len(layer.unique) > 0 and float(np.median(layer.distance_to_cloud)) <= NEAR


def _points(layer: LayerAnalysis) -> str:
    return (
        f"{layer.distinct_of_kind('fixed')} fixed{_degree(layer)}, "
        f"{layer.distinct_of_kind('slow')} slow, "
        f"{layer.starts_of_kind('unconverged')} starts unconverged"
    )


def _degree(layer: LayerAnalysis) -> str:
    said = "; ".join(filter(None, (layer.beyond_search, layer.degree)))
    return f" ({said})" if said else ""


def _distances(layer: LayerAnalysis) -> str:
    if len(layer.unique) == 0:
        return "no distance to tell"
    distances = layer.distance_to_cloud
    low, high = f"{distances.min():.2f}", f"{distances.max():.2f}"
    radii = low if low == high else f"{low} to {high}"
    return f"{radii} radii from the nearest visited state"


def _largest_are(spectrum: Spectrum) -> str:
    largest = spectrum.rotating[:FEW]
    return f"{np.sum(~largest)} of the first {len(largest)}"


def _percent_range(shares: list[float]) -> str:
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return low if low == high else f"{low} to {high}"


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)
