"""The words a network knows, each with its number."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.files import write_json
from nullcline._support.reading import FileError, explaining, read_json
from nullcline._support.shown import Shown, Table, first_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["PAD", "UNK", "Vocabulary"]

PAD = 0
"""What stands for no word, behind the last one of a text in a batch."""

UNK = 1
"""What stands for every word that is not in the vocabulary."""

_SPECIAL = ("<pad>", "<unk>")


class Vocabulary(Shown):
    """A fixed list of words: number 0 pads, number 1 stands for every unknown word.

    Parameters
    ----------
    words
        The words in the order of their numbers, without the two special ones.

    Raises
    ------
    ValueError
        A word comes twice, or is one of the special ones.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = (*_SPECIAL, *words)
        self._numbers = {word: number for number, word in enumerate(self._words)}
        if len(self._numbers) != len(self._words):
            twice = next(word for word, count in Counter(self._words).items() if count > 1)
            raise ValueError(f"words must differ, and {twice!r} comes twice")

    @classmethod
    def build(cls, tokenized: Iterable[Sequence[str]], max_size: int = 25_000) -> Vocabulary:
        """Make a vocabulary of the most common tokens.

        Parameters
        ----------
        tokenized
            The tokens of each text.
        max_size
            How many words to keep, at most; the two special ones come on top.

        Returns
        -------
        Vocabulary
            Words by falling count, those of equal count by alphabet, so that the order of the
            texts does not matter.

        Raises
        ------
        ValueError
            `max_size` is negative.
        """
        if max_size < 0:
            raise ValueError(f"max_size must be 0 or more, not {max_size}")
        counts: Counter[str] = Counter()
        for tokens in tokenized:
            counts.update(tokens)
        for special in _SPECIAL:
            del counts[special]
        return cls(sorted(counts, key=lambda word: (-counts[word], word))[:max_size])

    @property
    def words(self) -> tuple[str, ...]:
        """Every word in the order of its number, the two special ones first."""
        return self._words

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._words == other._words

    def __hash__(self) -> int:
        return hash(self._words)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words)"

    def _table(self) -> Table:
        rows = [(i, self._words[i]) for i in first_rows(len(self))]
        return Table(("number", "word"), rows, len(self))

    def encode(self, tokens: Iterable[str]) -> NDArray[np.int64]:
        """Return the number of each token, `UNK` for those that are not in the vocabulary.

        Parameters
        ----------
        tokens
            The tokens of one text.

        Returns
        -------
        (length,) array of int64
        """
        numbers = self._numbers
        return np.fromiter((numbers.get(token, UNK) for token in tokens), dtype=np.int64)

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the word of each number.

        Raises
        ------
        ValueError
            A number is not one of this vocabulary's.
        """
        size = len(self)
        words = []
        for number in numbers:
            if not 0 <= number < size:
                raise ValueError(f"numbers must be from 0 to {size - 1}, not {number}")
            words.append(self._words[number])
        return words

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the words to `path` as JSON, whole or not at all."""
        write_json(path, list(self._words))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            The file is not a vocabulary.
        """
        words = read_json(path, "a vocabulary")
        if not (
            isinstance(words, list)
            and tuple(words[: len(_SPECIAL)]) == _SPECIAL
            and all(isinstance(word, str) for word in words)
        ):
            raise FileError(f"{path} is not a vocabulary: a list of words from '<pad>', '<unk>' on")
        with explaining(path, "a vocabulary"):
            return cls(words[len(_SPECIAL) :])
