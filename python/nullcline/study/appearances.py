"""When something appears along training: the line, the long time constant, the accuracy.

Each is a rule that holds at a snapshot or not. It *appears* at the first of two snapshots in a row
at which it holds (or at the last one), so that a chance at one of them counts for nothing. When it
appeared in between is not known: it is after the snapshot before, and not after that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.study.line_attractor_claims import CORRELATED, LONG, LONG_LASTING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nullcline.study.learning_results import LayerAtStep, Learning

HALF = 0.5
"""Of the way from chance to the kept accuracy: there accuracy appears."""

HALF_OF_VARIANCE = 0.5
"""Of the states' variance a line has at least so much along it, as in the claim of the study."""

BEFORE, TOGETHER, AFTER, NEVER = "before", "together", "after", "never"
"""When something appears, against accuracy; together is at one and the same snapshot."""


@dataclass(frozen=True)
class Appearance:
    """When something appears.

    Attributes
    ----------
    step
        The snapshot at which it is first there; None if it never is.
    after
        The snapshot before, at which it was not; None if it is there from the first one on.
    """

    step: int | None
    after: int | None


def has_line(numbers: Mapping[str, Any]) -> bool:
    """Tell whether a layer is a line: as in the study's claims "a line" and "one long τ".

    The curve through a point is at least `LONG` times as long as wide, with half of the variance,
    and the longest time constant is at least `LONG_LASTING` steps and twice the next.
    """
    return has_curve(numbers) and has_long_mode(numbers)


def has_curve(numbers: Mapping[str, Any]) -> bool:
    """Tell whether visited states lie along the slow manifold: the study's claim "a line"."""
    aspect, variance = numbers["line_aspect"], numbers["line_variance"]
    return aspect is not None and aspect >= LONG and variance >= HALF_OF_VARIANCE


def has_long_mode(numbers: Mapping[str, Any]) -> bool:
    """Tell whether one mode outlasts others: the study's claim "one long τ"."""
    found = numbers["time_constants"]
    if not found or len(found) < 2:
        return False
    longest, second = (np.inf if tau is None else tau for tau in found[:2])  # None: none is longer
    return bool(longest >= max(LONG_LASTING, 2 * second) and np.isfinite(second))


def has_words(numbers: Mapping[str, Any]) -> bool:
    """Tell whether words move the slow mode as they count: the study's claim "words".

    The sign is left out, which is a convention where the mode has no readout.
    """
    rho = numbers["words_rho"]
    return rho is not None and abs(rho) >= CORRELATED


RULES = {"line": has_line, "curve": has_curve, "long_mode": has_long_mode, "words": has_words}
"""What can appear in a layer."""

OF_FIRST = ("words",)
"""Of these, what is of the first layer alone, which reads words."""


def appearance(steps: Sequence[int], holds: Sequence[bool]) -> Appearance:
    """Return when what holds at some of these snapshots appears."""
    lasting = [now and later for now, later in zip(holds, [*holds[1:], True], strict=True)]
    if not any(lasting):
        return Appearance(None, steps[-1])
    at = lasting.index(True)
    return Appearance(steps[at], steps[at - 1] if at else None)


def accuracy_appears(learning: Learning) -> Appearance:
    """Return when validation accuracy is half of the way from chance to that of the kept epoch."""
    accuracies = [one.validation_accuracy for one in learning.snapshots]
    kept = accuracies[learning.steps.index(learning.kept)]
    bar = learning.chance + HALF * (kept - learning.chance)
    return appearance(learning.steps, [accuracy >= bar for accuracy in accuracies])


def appears(name: str, layer: Sequence[LayerAtStep], steps: Sequence[int]) -> Appearance:
    """Return when one of `RULES` appears in a layer."""
    return appearance(steps, [RULES[name](one.numbers) for one in layer])


def order(one: Appearance, accuracy: Appearance) -> str | None:
    """Return when something appears against accuracy; None where accuracy never does."""
    if accuracy.step is None:
        return None
    if one.step is None:
        return NEVER
    if one.step == accuracy.step:
        return TOGETHER
    return BEFORE if one.step < accuracy.step else AFTER


def lead(one: Appearance, accuracy: Appearance) -> tuple[int | None, int | None, int | None]:
    """Return by how many steps something leads accuracy, and the least and most this may be.

    Negative where it comes after; None where one of the two never appears. The interval is due to
    the snapshots: both appeared after the snapshot before, and not after their own.
    """
    if one.step is None or accuracy.step is None:
        return None, None, None
    earliest, other = (0 if it.after is None else it.after for it in (one, accuracy))
    return accuracy.step - one.step, other - one.step, accuracy.step - earliest
