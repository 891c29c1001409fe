"""What Maheswaranathan and Sussillo (ICML 2020) claim of modifiers, each claim with a rule.

They trained networks on reviews and found that words such as "not" and "very" move the state off
the line attractor, into a subspace of few dimensions where later words have other effects, and from
where it returns within a few words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.study.claims import Finding
from nullcline.study.context_results import LEAD
from nullcline.study.line_attractor_claims import Claim
from nullcline.sweeps.statistics import difference_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline.context import PairedAccuracy
    from nullcline.study.context_results import ContextAnalysis
    from nullcline.study.results import NetworkAnalysis

SOURCE = "Maheswaranathan and Sussillo, ICML 2020"

TOLD_APART = 0.75
"""Smallest area under the ROC curve with which modifiers stand out from other common words."""

SHORT = 10
"""Steps within which half of what a modifier changes is gone, at most."""

FEW = 5
"""Most directions of a subspace that is of few dimensions."""

MOST_RECOVERED = 0.9
"""What the paper's bag of words with modifiers recovers of what a network has over a plain one."""


def _stand_out(context: ContextAnalysis) -> Finding:
    return Finding(
        f"{context.told_apart:.0%} of pairs of a modifier and another common word",
        context.told_apart >= TOLD_APART,
    )


def _not_flips(context: ContextAnalysis) -> Finding:
    return _slope_of(context, "not", lambda slope: slope < 0)


def _not_weakens(context: ContextAnalysis) -> Finding:
    usual = float(np.quantile(context.other_slopes, 0.05))
    found = _slope_of(context, "not", lambda slope: slope < min(usual, 1))
    return _beside_others(found, f"5% of other words are below {_signed(usual)}")


def _very_strengthens(context: ContextAnalysis) -> Finding:
    usual = float(np.quantile(context.other_slopes, 0.95))
    found = _slope_of(context, "very", lambda slope: slope > max(usual, 1))
    return _beside_others(found, f"5% of other words are above {_signed(usual)}")


def _beside_others(found: Finding, others: str) -> Finding:
    if found.agrees is None:
        return found
    return Finding(f"{found.measured}; {others}", found.agrees)


def _slope_of(context: ContextAnalysis, word: str, agrees: Callable[[float], bool]) -> Finding:
    if word not in context.modifiers:
        return Finding("", None, f"the vocabulary has no “{word}”")
    slope = float(context.slopes[context.modifiers.index(word)])
    return Finding(f"“{word}” multiplies what words do by {_signed(slope)}", agrees(slope))


def _transient(context: ContextAnalysis) -> Finding:
    half = float(np.median(context.half_lives))
    if np.isnan(half):
        return Finding("", None, "a modifier changes nothing, and has no half-life")
    said = f"{half:.1f}" if np.isfinite(half) else f"more than {context.decay.shape[1] - 1}"
    return Finding(f"median half-life {said} steps", half <= SHORT)


def _few_dimensions(context: ContextAnalysis) -> Finding:
    return Finding(
        f"{context.dimension} directions explain 90% of the displacements of "
        f"{len(context.modifiers)} modifiers",
        context.dimension <= FEW,
    )


def _needed(context: ContextAnalysis) -> Finding:
    ablation = context.ablation("with modifiers")
    if ablation is None:
        return Finding("", None, "no review has a modifier")
    cost, control = ablation.modifiers.difference, float(np.mean(ablation.other_words))
    control -= ablation.modifiers.first
    return Finding(
        f"{_points(cost)} of accuracy without the modifiers' subspace, {_points(control)} without "
        "one of other words",
        ablation.modifiers.high < min(0.0, control),
    )


def _spares_others(context: ContextAnalysis) -> Finding:
    both = [context.ablation(name) for name in ("with modifiers", "without")]
    if None in both:
        return Finding("", None, "not both reviews with modifiers and without")
    with_them, without = (each.modifiers for each in both if each is not None)
    low, high = difference_interval(_interval(with_them), _interval(without))
    return Finding(
        f"{_points(with_them.difference)} on {with_them.n} reviews with modifiers, "
        f"{_points(without.difference)} on {without.n} without: a difference of "
        f"{_points(low)} to {_points(high)}",
        max(with_them.high, high) < 0,
    )


def _interval(compared: PairedAccuracy) -> tuple[float, float, float]:
    return compared.difference, compared.low, compared.high


def _recovered(context: ContextAnalysis) -> Finding:
    recovered = context.recovered
    if recovered is None:
        return Finding("", None, f"the network is not {LEAD:.0%} better than a bag of words")
    return Finding(
        f"{recovered:.0%} of the way from {context.bag_accuracy:.1%} to "
        f"{context.network_accuracy:.1%}".replace("-", "−"),
        recovered >= MOST_RECOVERED,
    )


def _in_context(
    evaluate: Callable[[ContextAnalysis], Finding],
) -> Callable[[NetworkAnalysis], Finding]:
    def of_network(network: NetworkAnalysis) -> Finding:
        if network.context is None:
            return Finding("", None, "the vocabulary has no modifiers, or they were not analysed")
        return evaluate(network.context)

    return of_network


CONTEXT_CLAIMS: tuple[Claim, ...] = (
    Claim(
        "modifiers stand out",
        "modifier words change what the next words do by more than other words",
        f"of pairs of a modifier and another common word, at least {TOLD_APART:.0%}",
        _in_context(_stand_out),
        SOURCE,
    ),
    Claim(
        "not flips",
        "after “not” words have the opposite effect",
        "the slope of words' effects after it on those without it is below 0",
        _in_context(_not_flips),
        SOURCE,
    ),
    Claim(
        "not weakens",
        "after “not” words have less effect, or the opposite one",
        "that slope is below 1, and below those of 95% of other common words",
        _in_context(_not_weakens),
        SOURCE,
    ),
    Claim(
        "very strengthens",
        "after “very” words have more effect",
        "that slope is above 1, and above those of 95% of other common words",
        _in_context(_very_strengthens),
        SOURCE,
    ),
    Claim(
        "modifiers fade",
        "the effect of a modifier lasts for a few words",
        f"half of it is gone within {SHORT} neutral steps, in the median of modifiers",
        _in_context(_transient),
        SOURCE,
    ),
    Claim(
        "modifier subspace",
        "modifiers move the state in few directions beside the line attractor",
        f"at most {FEW} explain 90% of the displacements",
        _in_context(_few_dimensions),
        SOURCE,
    ),
    Claim(
        "modifier subspace needed",
        "without that subspace the network loses accuracy on reviews with modifiers",
        "the 95% interval of the loss lies below 0, and below the mean loss without subspaces of "
        "other words",
        _in_context(_needed),
        SOURCE,
    ),
    Claim(
        "modifier subspace alone",
        "reviews without modifiers lose less",
        "the 95% intervals of the loss with modifiers, and of that loss minus the one without, lie "
        "below 0",
        _in_context(_spares_others),
        SOURCE,
    ),
    Claim(
        "bag of words in context",
        "a bag of words in which modifiers act recovers what a network has over a plain one",
        f"at least {MOST_RECOVERED:.0%} of it",
        _in_context(_recovered),
        SOURCE,
    ),
)
"""The claims about contextual processing in a network of any cell."""


def evaluate(network: NetworkAnalysis) -> list[Finding]:
    """Evaluate the claims about context on one network, one finding for each."""
    return [claim.evaluate(network) for claim in CONTEXT_CLAIMS]


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points".replace("-", "−")
