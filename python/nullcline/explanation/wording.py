"""The sentences that terminal and page share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nullcline.explanation.showing import harmless, in_quotes, listed, quoted
from nullcline.linearization.resolution import write_time_constant

if TYPE_CHECKING:
    from nullcline.explanation.account import Account, LayerPath
    from nullcline.explanation.changed_words import WordChange
    from nullcline.explanation.passages import Passage

LATE = 0.8
"""How much of a text has been read where a verdict that turns after it turned late."""


def signed(value: float) -> str:
    """Return a number with its sign: +1.20, −0.05."""
    return f"{value:+.2f}".replace("-", "−")


def verdict_line(explanation: Account) -> str:
    """Say what the network says, and whether it is right."""
    said = f"{harmless(explanation.verdict)} ({_certainty(explanation)})"
    if explanation.label is None:
        return said
    label = harmless(explanation.classes[explanation.label])
    return f"{said}, and right" if explanation.is_right else f"{said}, but wrong: it is {label}"


def _certainty(explanation: Account) -> str:
    probability = float(explanation.probabilities[-1])
    if explanation.predicted != explanation.target and len(explanation.classes) == 2:
        probability = 1 - probability
    elif explanation.predicted != explanation.target:
        return f"probability of {harmless(explanation.towards)} {probability:.3f}"
    return f"probability {probability:.3f}"


def logit_line(explanation: Account) -> str:
    """Say what the logit is made of."""
    towards, against = harmless(explanation.towards), harmless(explanation.against)
    words = signed(float(explanation.shares.sum()))
    parts = (
        f"{signed(explanation.baseline)} at rest, {signed(explanation.start)} from the start, "
        f"{words} from the words"
        if explanation.baseline_kind == "fixed point"
        else f"{signed(explanation.baseline)} without any words, {words} from the words"
    )
    return (
        f"The logit of {towards} against {against} is {signed(explanation.logit)}: {parts} "
        f"(the sum is off by {explanation.error:.0e})."
    )


def turn_line(explanation: Account) -> str:
    """Say where the verdict turned."""
    turn = explanation.turn
    verdict = harmless(explanation.verdict)
    if turn is None:
        return f"The verdict never turned: it was {verdict} from before the first word on."
    times = "once" if turn.changes == 1 else f"{turn.changes} times"
    late = ", late" if turn.place > LATE else ""
    by = listed([quoted(explanation, word) for word in turn.words])
    return (
        f"The verdict turned {times}, for the last time from "
        f"{harmless(explanation.classes[turn.before])} to {verdict} at word {turn.word + 1} of "
        f"{len(explanation)}{late}: {quoted(explanation, turn.word)}. "
        f"What turned it: {by}."
    )


def passage_line(explanation: Account, layer: LayerPath, passage: Passage) -> str:
    """Say what the path had to do with a point."""
    kind = layer.kinds[passage.point]
    name = {"fixed": "fixed point", "slow": "slow point"}.get(str(kind), "minimum of the speed")
    constant = float(layer.time_constants[passage.point])
    lasts = "" if math.isnan(constant) else f", slowest mode {steps(constant)}"
    said = "" if layer.said is None else f", where the logit is {signed(layer.said[passage.point])}"
    words = "1 word" if passage.words == 1 else f"{passage.words} words"
    return (
        f"{name} {passage.point + 1} (nearest after {words}; closest after "
        f"{quoted(explanation, passage.closest)}, {passage.distance:.2f} away{said}{lasts})"
    )


def steps(time_constant: float) -> str:
    """Return a time constant with its unit; one that is infinite lasts without end."""
    if math.isinf(time_constant):
        return "without end"
    return write_time_constant(time_constant, unit="steps")


def change_line(explanation: Account, change: WordChange) -> str:
    """Say what a change is."""
    old = quoted(explanation, change.word)
    if change.replacement is None:
        return f"without {old}"
    return f"{old} → {in_quotes(change.replacement)}"


def becomes(explanation: Account, change: WordChange) -> str:
    """Say what the verdict becomes."""
    verdict = harmless(explanation.classes[change.predicted])
    return f"{verdict}: flips" if change.flips else verdict


def bag_line(explanation: Account) -> str:
    """Say what the bag of words says."""
    bag = explanation.bag
    if bag is None:
        return "No bag of words is at hand: it is fitted to the corpus."
    verdict = harmless(explanation.classes[bag.predicted])
    agrees = "agrees" if bag.predicted == explanation.predicted else "says otherwise"
    return (
        f"The bag of words {agrees}: {verdict} (logit {signed(bag.logit)}; it is right about "
        f"{bag.accuracy:.1%} of the test texts)."
    )
