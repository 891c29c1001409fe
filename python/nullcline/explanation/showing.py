"""What a text looks like where it is shown: its words in their places, and nothing that acts."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nullcline.text.tokens import TAG

if TYPE_CHECKING:
    from nullcline.explanation.account import Account

_ORDER_MARKS = {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
"""Marks that change the order in which what follows them is shown."""

NO_WORD = "∅"
"""What is shown for the word of a text that has none."""


@dataclass(frozen=True)
class ShownWord:
    """A word as it stands in the text, and what stands before it.

    Attributes
    ----------
    before
        What is between it and the word before it, mostly a space.
    word
        The word as the text has it.
    """

    before: str
    word: str


def harmless(text: str) -> str:
    """Return a text without the characters that act on a terminal or a page instead of showing.

    Control characters, halves of surrogate pairs and marks that turn the order of what follows are
    replaced by �; line breaks and tabs become spaces.
    """
    return "".join(_harmless(character) for character in text)


def _harmless(character: str) -> str:
    if character.isspace():
        return " "
    acts = unicodedata.category(character) in {"Cc", "Cs"} or character in _ORDER_MARKS
    return "�" if acts else character


def shown_words(explanation: Account) -> list[ShownWord]:
    """Return the words that were read as the text has them, with its capitals and its spaces."""
    if explanation.places[-1, 1] == 0:
        return [ShownWord("", NO_WORD)]
    shown = []
    end = int(explanation.places[0, 0])
    for start, stop in explanation.places.tolist():
        between = TAG.sub(" ", explanation.text[end:start])
        word = explanation.text[max(start, end) : stop]  # two words can come from one entity
        shown.append(ShownWord(" " if between.isspace() else harmless(between), harmless(word)))
        end = max(end, stop)
    return shown


def unread_text(explanation: Account) -> str:
    """Return what stands before the first word that the network reads."""
    if not explanation.unread:
        return ""
    return harmless(TAG.sub(" ", explanation.text[: int(explanation.places[0, 0])]))


def quoted(explanation: Account, word: int) -> str:
    """Return a word in quotation marks."""
    return in_quotes(NO_WORD if explanation.places[word, 1] == 0 else explanation.tokens[word])


def in_quotes(word: str) -> str:
    """Return a word in quotation marks, by itself where it is written from right to left."""
    shown = harmless(word)
    turns = any(unicodedata.bidirectional(character) in {"R", "AL"} for character in shown)
    return f"\u2068“{shown}”\u2069" if turns else f"“{shown}”"


def listed(items: list[str]) -> str:
    """Return a list as a sentence has it: a, b and c."""
    return " and ".join(filter(None, [", ".join(items[:-1]), items[-1] if items else ""]))
