"""Where in a text each of its tokens stands."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import TYPE_CHECKING

from nullcline.text.tokens import DASHES, DOTS, ENTITY, PLAIN, QUOTES, TAG, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Place = tuple[int, int]

__all__ = ["token_places"]

_BEYOND_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
"""What is composed by itself: no mark that is combined with the one before it is of ASCII."""


class _Traced:
    """A text that is being rewritten, whose every character knows where it came from."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: list[Place] = [(i, i + 1) for i in range(len(text))]

    def rewrite(
        self, pattern: re.Pattern[str], replacement: Callable[[re.Match[str]], str]
    ) -> None:
        """Replace what matches, as `pattern.sub` does."""
        pieces: list[str] = []
        places: list[Place] = []
        end = 0
        for match in pattern.finditer(self.text):
            new = replacement(match)
            whole = (self.places[match.start()][0], self.places[match.end() - 1][1])
            pieces += (self.text[end : match.start()], new)
            places += self.places[end : match.start()]
            kept = new == match[0]  # then every character stays where it was
            places += self.places[match.start() : match.end()] if kept else [whole] * len(new)
            end = match.end()
        self.text = "".join((*pieces, self.text[end:]))
        self.places = places + self.places[end:]

    def each(self, change: Callable[[str], str], whole: str) -> None:
        """Change every character; together they make `whole`."""
        lengths = (len(change(character)) for character in self.text)
        self.places = [
            place for place, length in zip(self.places, lengths, strict=True) for _ in range(length)
        ]
        self.text = whole


def token_places(text: str) -> list[Place]:
    """Return where each token of `text` begins and ends, in the order of `tokenize`.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    list of (int, int)
        One pair for each token: ``text[start:end]`` is what it was cut from, with the capitals,
        entities and typographic marks that `tokenize` makes plain.

    Examples
    --------
    >>> text = "It’s GREAT"
    >>> [text[start:end] for start, end in token_places(text)]
    ['It', '’s', 'GREAT']
    """
    return [
        (places[0][0], places[-1][1]) for places in (list(found) for found in _tokens(_plain(text)))
    ]


def _plain(text: str) -> _Traced:
    """Do what `tokenize` does before it cuts."""
    traced = _Traced(text)
    traced.rewrite(TAG, lambda _: " ")
    traced.rewrite(ENTITY, lambda entity: html.unescape(entity[0]))
    traced.rewrite(_BEYOND_ASCII, lambda run: unicodedata.normalize("NFC", run[0]))
    if not traced.text.isascii():
        traced.each(lambda mark: mark.translate(PLAIN), traced.text.translate(PLAIN))
    traced.each(str.lower, traced.text.lower())  # a final sigma is as long as any other
    traced.rewrite(QUOTES, lambda _: '"')
    traced.rewrite(DOTS, lambda _: " ... ")
    traced.rewrite(DASHES, lambda _: " -- ")
    return traced


def _tokens(traced: _Traced) -> Iterator[list[Place]]:
    for match in TOKEN.finditer(traced.text):
        yield traced.places[match.start() : match.end()]
