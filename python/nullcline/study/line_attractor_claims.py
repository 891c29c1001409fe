"""What Maheswaranathan et al. (NeurIPS 2019) claim of every cell, each claim with a rule.

They trained LSTMs, GRUs, update-gate networks and vanilla networks to classify reviews, and found
in all of them an approximate line attractor that integrates the valence of words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING

import numpy as np

from nullcline.study.claims import Finding
from nullcline.study.class_order import is_ordered
from nullcline.study.point_results import JOINT, MEAN, ZERO

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.study.dynamics_results import DynamicsAnalysis
    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis

FEW_DIMENSIONS = 5
"""Largest participation ratio of states that fill few dimensions."""

LONG = 3
"""A line is at least so many times as long as wide, and holds at least half of the variance."""

LONG_LASTING = 10
"""Steps that a mode takes to fall, or to grow, by a factor of e, at least, for it to last."""

ALIGNED = 45
"""Degrees within which two directions point the same way; two random ones are near 90 apart."""

CORRELATED = 0.5
"""Smallest rank correlation of words' effects with their weights."""

PREDICTED = 0.5
"""Smallest R² of what the linear map predicts."""


@dataclass(frozen=True)
class Claim:
    """A claim about one network.

    Attributes
    ----------
    name
        A short name for tables.
    claim
        What is claimed.
    rule
        When we say that a network agrees.
    evaluate
        The function that applies the rule.
    source
        Who says so, and where.
    """

    name: str
    claim: str
    rule: str
    evaluate: Callable[[NetworkAnalysis], Finding]
    source: str = "Maheswaranathan et al., NeurIPS 2019"


def _of_a_line(evaluate: Callable[..., Finding]) -> Callable[..., Finding]:
    """Return a rule that leaves open what nobody claims of more than two classes without an order.

    Those are told apart by more numbers than one (`nullcline.study.class_claims`).
    """

    @wraps(evaluate)
    def evaluated(network: NetworkAnalysis, *given: str) -> Finding:
        if len(network.classes) > 2 and is_ordered(network.corpus, network.classes) is False:
            return Finding("", None, "more than two classes without an order lie on no line")
        return evaluate(network, *given)

    return evaluated


def _low_dimensional(network: NetworkAnalysis) -> Finding:
    layer = _top(network)
    trained, untrained = layer.components_for(0.9), layer.components_for(0.9, trained=False)
    return Finding(
        f"participation ratio {layer.participation_ratio:.2f}; 90% of the variance takes "
        f"{trained} components, {untrained} before training",
        layer.participation_ratio <= FEW_DIMENSIONS and untrained > trained,
    )


@_of_a_line
def _line(network: NetworkAnalysis, given: str = ZERO) -> Finding:
    dynamics = _dynamics(network, given)
    if dynamics is None or dynamics.line is None:
        return Finding("no curve through a point runs where the states are", agrees=False)
    line = dynamics.line
    return Finding(
        f"length {line.length:.3g}, width {line.width:.3g}: {line.aspect:.1f} times as long; "
        f"{line.explained_variance:.0%} of the variance along it",
        line.aspect >= LONG and line.explained_variance >= 0.5,
    )


@_of_a_line
def _long_mode(network: NetworkAnalysis, given: str = ZERO) -> Finding:
    dynamics = _dynamics(network, given)
    if dynamics is None:
        return Finding("no point to linearize at", agrees=False)
    if len(dynamics.time_constants) < 2:
        return Finding("", None, "of one unit there is no other mode to outlast")
    longest, second = dynamics.time_constants[:2]
    said, following = dynamics.said_time_constants[:2]
    return Finding(
        f"τ {said}, next {following} steps",
        # Of two that are infinite, as far as is known, neither outlasts the other.
        bool(longest >= max(LONG_LASTING, 2 * second) and np.isfinite(second)),
        "The mode grows: along the line states leave the point, so many steps to a factor of e."
        if dynamics.grows[0]
        else "",
    )


@_of_a_line
def _aligned(network: NetworkAnalysis, given: str = ZERO) -> Finding:
    dynamics = _dynamics(network, given)
    line = None if dynamics is None else dynamics.line
    if line is None or line.tangent_to_readout is None:
        return Finding("no line to measure angles to", agrees=False)
    mode = float(np.median(line.tangent_to_mode))
    readout = float(np.median(line.tangent_to_readout))
    return Finding(
        f"median angle to the mode of longest τ {mode:.0f}°, to the readout {readout:.0f}°",
        max(mode, readout) <= ALIGNED,
        "The line runs mostly through the LSTM's cells c, of which the readout sees none."
        if network.cell == "lstm" and mode <= ALIGNED < readout
        else "",
    )


@_of_a_line
def _words(network: NetworkAnalysis) -> Finding:
    dynamics = network.layers[0].dynamics
    if dynamics is None or dynamics.words is None:
        return Finding("no point to linearize at", agrees=False)
    found = dynamics.words.correlations["mode 1"]
    # Without a readout, which a lower layer has none of, the mode's sign is a convention.
    rho = found.rho if network.n_layers == 1 else abs(found.rho)
    return Finding(
        f"rank correlation {_signed(rho)} over {len(dynamics.words.words)} words", rho >= CORRELATED
    )


def _predicted(network: NetworkAnalysis, given: str = ZERO) -> Finding:
    dynamics = _dynamics(network, given)
    if dynamics is None:
        return Finding("no point to linearize at", agrees=False)
    review = dynamics.review_readout_r2
    if review is None:
        return Finding("no readout", agrees=False)
    return Finding(
        f"R² {_signed(dynamics.next_change_r2)} of a step's change, {_signed(review)} of the "
        "readout after a whole review",
        min(dynamics.next_change_r2, review) >= PREDICTED,
    )


LINE_ATTRACTOR_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "few dimensions",
        "visited states are confined to few dimensions, fewer than before training",
        f"participation ratio at most {FEW_DIMENSIONS}, and fewer components for 90% than before",
        _low_dimensional,
    ),
    Claim(
        "a line",
        "fixed and slow points form an approximate line that the states lie along",
        f"the curve through a point is at least {LONG} times as long as wide, with half of the "
        "variance",
        _line,
    ),
    Claim(
        "one long τ",
        "the linearization has one mode with a time constant much longer than the others'",
        f"τ at least {LONG_LASTING} steps, of decay or growth, and twice that of the next mode",
        _long_mode,
    ),
    Claim(
        "aligned",
        "the line runs along the mode of the longest time constant and the readout",
        f"median angles at most {ALIGNED}°",
        _aligned,
    ),
    Claim(
        "words",
        "a word's projection on the left eigenvector of that mode goes with its valence",
        f"rank correlation with bag-of-words weights at least {CORRELATED}",
        _words,
    ),
    Claim(
        "linear",
        "the linear map explains what the network does",
        f"R² at least {PREDICTED}, of one step's change and of the readout after a review",
        _predicted,
    ),
)
"""The original study's claims about a network of any cell."""


def _driven(name: str, given: str) -> Claim:
    """Return the claim of that name about the last layer at another input than zero."""
    rules: dict[str, Callable[[NetworkAnalysis, str], Finding]] = {
        "a line": _line, "one long τ": _long_mode, "aligned": _aligned, "linear": _predicted,
    }  # fmt: skip
    claim = next(claim for claim in LINE_ATTRACTOR_CLAIMS if claim.name == name)

    def evaluate_driven(network: NetworkAnalysis) -> Finding:
        if given == JOINT and network.n_layers == 1:
            return Finding("", None, "one layer reads words alone: where these stop it reads zero")
        if _top(network).at(given) is None:
            return Finding("", None, f"this analysis has no points at the {given} input")
        return rules[name](network, given)

    return replace(claim, name=f"{name}, {given} input", evaluate=evaluate_driven)


DRIVEN_LINE_CLAIMS: tuple[Claim, ...] = tuple(
    _driven(name, given)
    for given in (MEAN, JOINT)
    for name in ("a line", "one long τ", "aligned", "linear")
)
"""Those of the original study's claims that are about points, at the inputs that the last layer
really receives (`nullcline.study.point_results.INPUTS`)."""


def evaluate(network: NetworkAnalysis) -> list[Finding]:
    """Evaluate the original study's claims on one network.

    The claims are about networks of one layer. In a deeper network they are evaluated on the last
    layer, which the readout reads; the claim about words on the first, which reads them.

    Returns
    -------
    list of Finding
        One per claim of `LINE_ATTRACTOR_CLAIMS`.
    """
    return [claim.evaluate(network) for claim in LINE_ATTRACTOR_CLAIMS]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _top(network: NetworkAnalysis) -> LayerAnalysis:
    return network.layers[-1]


def _dynamics(network: NetworkAnalysis, given: str) -> DynamicsAnalysis | None:
    """Return what the linear maps of the last layer explain at an input."""
    top = _top(network)
    if given == ZERO:
        return top.dynamics
    at = top.at(given)
    return None if at is None else at.dynamics
