"""Words that change what the next ones say, of English: negators and intensifiers.

They are common words of the classes that Polanyi and Zaenen (Contextual valence shifters, 2006)
describe as shifters of valence, and Taboada et al. (Lexicon-based methods for sentiment analysis,
Comput. Linguist. 37 (2011) 267) as negation and as amplifiers, chosen by us. Downtoners, such as
"slightly", are left out: they weaken, as negators do. A corpus is read with those that its
vocabulary has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nullcline.text import Vocabulary

NEGATORS = (
    "not", "n't", "no", "never", "nothing", "nobody", "none", "neither", "nor", "without",
    "hardly", "barely", "scarcely",
)  # fmt: skip
"""Words that negate."""

INTENSIFIERS = (
    "very", "extremely", "really", "so", "absolutely", "incredibly", "completely", "totally",
    "truly", "highly", "especially", "particularly",
)  # fmt: skip
"""Words that amplify."""

KINDS = {"negator": NEGATORS, "intensifier": INTENSIFIERS}
"""The lists by the name of what is in them."""


@dataclass(frozen=True)
class Modifiers:
    """The modifiers that a vocabulary has.

    Attributes
    ----------
    words, kinds
        Each word, and what it is, a key of `KINDS`.
    rows
        Its row in the vocabulary.
    missing
        Words of the lists that the vocabulary does not have.
    """

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: tuple[int, ...]
    missing: tuple[str, ...]

    def of_kind(self, kind: str) -> list[int]:
        """Return the rows in the vocabulary of the words of one kind."""
        return [row for row, its in zip(self.rows, self.kinds, strict=True) if its == kind]


def modifiers_of(
    vocabulary: Vocabulary, chosen: Mapping[str, Sequence[str]] | None = None
) -> Modifiers:
    """Return the modifiers that a vocabulary has.

    Parameters
    ----------
    vocabulary
        The words that a network knows.
    chosen
        The words to take, by their kind; the lists of this module by default, of which any number
        may be missing.

    Raises
    ------
    ValueError
        A word of `chosen` is not in the vocabulary, there is none, a word is in it twice, or a kind
        is none of `KINDS`.
    """
    lists = KINDS if chosen is None else chosen
    listed = [(word, kind) for kind, words in lists.items() for word in words]
    rows = {word: row for row, word in enumerate(vocabulary.words)}
    missing = tuple(word for word, _ in listed if word not in rows)
    if chosen is not None:
        _require(listed, missing)
    found = [(word, kind) for word, kind in listed if word in rows]
    return Modifiers(
        words=tuple(word for word, _ in found),
        kinds=tuple(kind for _, kind in found),
        rows=tuple(rows[word] for word, _ in found),
        missing=missing,
    )


def _require(listed: Sequence[tuple[str, str]], missing: Sequence[str]) -> None:
    words = [word for word, _ in listed]
    if not words:
        raise ValueError("modifiers must name at least one word")
    if missing:
        raise ValueError(
            f"modifiers must be words of the network's vocabulary, which has no "
            f"{', '.join(map(repr, missing))}"
        )
    unknown = sorted({kind for _, kind in listed} - set(KINDS))
    if unknown:
        raise ValueError(f"modifiers must be of kinds {', '.join(KINDS)}, not {unknown[0]!r}")
    twice = sorted({word for word in words if words.count(word) > 1})
    if twice:
        raise ValueError(f"modifiers must name each word once, and name {twice[0]!r} twice")
