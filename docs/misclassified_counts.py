"""What is counted of explained reviews, and which of them are shown, for `docs.misclassified`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.explanation.showing import harmless
from nullcline.explanation.wording import LATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nullcline.explanation import Explanation

    Row = dict[str, Any]

AMBIGUOUS = 1.0
"""The bag of words is in two minds where its logit is smaller: probabilities of 0.27 to 0.73."""

EXCERPT = 12
"""Words of an excerpt, at most."""

LOUDEST = 8
"""Words that are listed of each kind of mistake."""


@dataclass(frozen=True)
class Reading:
    """A review, where it stands among the test reviews, and its explanation."""

    row: int
    found: Explanation

    @property
    def is_wrong(self) -> bool:
        """Whether the network got it wrong."""
        return self.found.is_right is False


def counted(readings: Sequence[Reading]) -> Row:
    """Return what is counted, of wrong and of right reviews, and of either verdict."""
    of = {
        "wrong": [r.found for r in readings if r.is_wrong],
        "right": [r.found for r in readings if not r.is_wrong],
    }
    kinds = {
        f"{'false' if wrong == 'wrong' else 'true'} {('negative', 'positive')[predicted]}": [
            e for e in found if e.predicted == predicted
        ]
        for wrong, found in of.items()
        for predicted in (1, 0)
    }
    return {
        "groups": {name: group(found) for name, found in of.items()},
        "kinds": {name: sums(found) for name, found in kinds.items()},
        "rest": {
            "said": float(readings[0].found.baseline),
            "kind": readings[0].found.baseline_kind,
        },
    }


def group(found: Sequence[Explanation]) -> Row:
    """Return what is counted of a group of reviews."""

    def share(holds: Callable[[Explanation], bool]) -> float:
        return float(np.mean([holds(e) for e in found]))

    def median(value: Callable[[Explanation], float]) -> float:
        return float(np.median([value(e) for e in found]))

    return {
        "n": len(found),
        "median_words": median(len),
        "median_margin": median(lambda e: abs(e.logit)),
        "never_turned": share(lambda e: e.turn is None),
        "turned_late": share(lambda e: e.turn is not None and e.turn.place > LATE),
        "median_turns": median(lambda e: 0 if e.turn is None else e.turn.changes),
        "other_verdict_at_half": share(lambda e: e.verdicts[len(e) // 2] != e.predicted),
        "bag_wrong": share(lambda e: e.bag is not None and e.bag.predicted != e.label),
        "bag_ambiguous": share(lambda e: e.bag is not None and abs(e.bag.logit) < AMBIGUOUS),
        "unknown_words": float(np.mean([np.mean(~e.known) for e in found])),
        "many_unknown": share(lambda e: bool(np.mean(~e.known) > 0.05)),
        "cut": share(lambda e: e.unread > 0),
        "flips_without_a_word": share(lambda e: flips(e, left_out=True)),
        "flips_with_another_word": share(lambda e: flips(e, left_out=False)),
        "words_cancel": median(cancelled),
        "changed_by_what_followed": median(changed_later),
    }


def flips(found: Explanation, *, left_out: bool) -> bool:
    """Tell whether leaving one word out, or putting another in its place, flips the verdict."""
    return any(c.flips for c in found.changes if (c.replacement is None) == left_out)


def cancelled(found: Explanation) -> float:
    """Return which part of the shares is undone by shares of the other sign, in [0, 1]."""
    return 1 - abs(float(found.shares.sum())) / float(np.abs(found.shares).sum())


def changed_later(found: Explanation) -> float:
    """Return how much of what words did at once was changed by those that followed."""
    at_once = np.abs(found.at_once).sum()
    return float(np.abs(found.shares - found.at_once).sum() / at_once)


def sums(found: Sequence[Explanation]) -> Row:
    """Return what the mean logit of some reviews is made of, and its loudest words."""

    def mean(value: Callable[[Explanation], float]) -> float:
        return float(np.mean([value(e) for e in found])) if found else 0.0

    return {
        "n": len(found),
        "logit": mean(lambda e: e.logit),
        "at_rest": mean(lambda e: e.baseline),
        "start": mean(lambda e: e.start),
        "words_for_positive": mean(lambda e: e.shares[e.shares > 0].sum()),
        "words_for_negative": mean(lambda e: e.shares[e.shares < 0].sum()),
        "bag_logit": mean(lambda e: 0.0 if e.bag is None else e.bag.logit),
        "loudest": loudest(found),
    }


def loudest(found: Sequence[Explanation]) -> list[Row]:
    """Return the words whose shares of the verdict are largest in sum, over reviews."""
    total: dict[str, float] = {}
    reviews: dict[str, set[int]] = {}
    for i, explanation in enumerate(found):
        sign = 1 if explanation.predicted == 1 else -1
        for word, share in zip(explanation.tokens, explanation.shares, strict=True):
            total[word] = total.get(word, 0.0) + sign * float(share)
            reviews.setdefault(word, set()).add(i)
    ranked = sorted(total, key=lambda word: -total[word])[:LOUDEST]
    return [{"word": w, "sum": total[w], "reviews": len(reviews[w])} for w in ranked]


# Examples


def examples(readings: Sequence[Reading]) -> list[Row]:
    """Return mistakes, each chosen by a rule."""
    wrong = [reading for reading in readings if reading.is_wrong]
    turned = [reading for reading in wrong if reading.found.turn is not None]
    rules: dict[str, tuple[list[Reading], Callable[[Explanation], float]]] = {
        "the most certain": (wrong, lambda e: abs(e.logit)),
        "the least certain": (wrong, lambda e: -abs(e.logit)),
        "turned last": (turned, lambda e: 0 if e.turn is None else e.turn.place),
        "turned most often": (turned, lambda e: 0 if e.turn is None else e.turn.changes),
        "most against the bag of words": (
            wrong,
            lambda e: 0.0 if e.bag is None else -e.bag.logit * np.sign(e.logit),
        ),
    }
    return [
        {"rule": rule, **example(max(among, key=lambda reading: value(reading.found)))}
        for rule, (among, value) in rules.items()
        if among
    ]


def example(reading: Reading) -> Row:
    """Return what the network did with one review, and a few of its words."""
    found = reading.found
    told = found.telling_changes(2)
    return {
        "row": reading.row,
        "label": found.classes[found.label or 0],
        "words": len(found),
        "logit": found.logit,
        "bag_logit": None if found.bag is None else found.bag.logit,
        "turn": None if found.turn is None else found.turn.word + 1,
        "turns": 0 if found.turn is None else found.turn.changes,
        "excerpt": excerpt(found),
        "loudest": [
            {"word": harmless(found.tokens[i]), "share": float(found.shares[i])}
            for i in found.strongest(4)
        ],
        "changes": [
            {
                "word": harmless(found.tokens[change.word]),
                "replacement": change.replacement,
                "logit": change.logit,
            }
            for change in told
        ],
    }


def excerpt(found: Explanation) -> str:
    """Return a few words of a review: those around its turn, or around its loudest word."""
    centre = found.strongest(1)[0] if found.turn is None else found.turn.word
    first = max(0, min(centre - EXCERPT // 2, len(found) - EXCERPT))
    words = found.tokens[first : first + EXCERPT]
    before, after = first > 0, first + EXCERPT < len(found)
    return harmless(f"{'… ' if before else ''}{' '.join(words)}{' …' if after else ''}")
