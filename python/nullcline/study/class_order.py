"""Which corpora have classes in an order, as far as that is known, and what colours say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.plotting.theme import class_colours, colours_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_ORDERED = {
    "synthetic": True,
    "synthetic-ordered": True,
    "synthetic-context": True,
    "synthetic-unordered": False,
    "imdb": True,
    "sst": True,
    "yelp-polarity": True,
    "yelp-full": True,
    "ag-news": False,
}
"""The corpora that have a name."""


def is_ordered(corpus: str, classes: Sequence[str]) -> bool | None:
    """Return whether a corpus's classes are in an order, from low to high; None if unknown.

    Those of a CSV file are if they are numbers; of others nothing is known, save that two classes
    make no difference.
    """
    if corpus in _ORDERED:
        return _ORDERED[corpus]
    if len(classes) == 2 or all(_is_number(name) for name in classes):
        return True
    return None


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def colours_of_classes(corpus: str, classes: Sequence[str]) -> list[str]:
    """Return a colour for each class: a ramp from the first to the last where they are ordered."""
    if is_ordered(corpus, classes):
        return class_colours(len(classes))
    return colours_of(len(classes))
