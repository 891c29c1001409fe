"""Generated languages whose words are evidence, which a text's label adds up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.text.corpus import Corpus, Split
from nullcline.text.synthetic import MARKS, punctuate
from nullcline.text.tokens import tokenize
from nullcline.text.vectors import WordVectors, draw_for_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    Evidence = NDArray[np.int64]

NEUTRAL = (
    "the a an of to and in on with from about after before while then there here this that it we i "
    "you was is were are has had day year week hour people place thing part side way time name "
    "number word line end case point fact piece kind"
).split()
"""Words that are evidence of nothing."""

_LENGTHS = (18, 48)  # words a text; the marks come on top
_LOADED_SHARE = 0.5  # of the words are evidence
_VECTOR_NOISE = 0.4  # about the spread of GloVe's numbers
_VECTOR_STEP = 2.4  # along each direction of evidence: of the strongest words of `synthetic`


@dataclass(frozen=True, eq=False)
class Language:
    """A generated language: each word carries whole numbers, and their sums are a text's label.

    Parameters
    ----------
    name
        What its corpora are called.
    evidence
        The numbers of each word that has any but zero, all equally many.
    most_classes
        How many classes it can have, 2 at least.
    class_names
        Called with the number of classes: what each is called.
    label
        Called with the sums of a text's numbers and the number of classes: the text's class, or
        None where it is none's.
    words
        Called with the number of classes: the words that are evidence, of which a text's are drawn.
    """

    name: str
    evidence: Mapping[str, tuple[int, ...]]
    most_classes: int
    class_names: Callable[[int], tuple[str, ...]]
    label: Callable[[Evidence, int], int | None]
    words: Callable[[int], tuple[str, ...]]

    def generate(
        self, *, n_train: int = 4_000, n_test: int = 1_000, classes: int = 2, seed: int = 0
    ) -> Corpus:
        """Generate texts of words drawn one by one, half of them evidence, without noise of labels.

        All classes are equally common, to within one text. Texts that are no class's are drawn
        again.

        Parameters
        ----------
        n_train, n_test
            Texts in each split, one or more.
        classes
            Number of classes, from 2 on.
        seed
            Seed, from 0 on.

        Returns
        -------
        Corpus
            The test split is independent of the train split.

        Raises
        ------
        ValueError
            A number of texts is below 1, the seed is negative, or the language does not have so
            many classes.
        """
        for argument, count in (("n_train", n_train), ("n_test", n_test)):
            if count < 1:
                raise ValueError(f"{argument} must be 1 or more, not {count}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, not {seed}")
        if not 2 <= classes <= self.most_classes:
            raise ValueError(
                f"classes must be from 2 to {self.most_classes} for {self.name}, not {classes}"
            )
        train, test = (
            self._split(count, classes, np.random.default_rng([seed, part]))
            for part, count in enumerate((n_train, n_test))
        )
        return Corpus(self.name, train, test, self.class_names(classes))

    def sums(self, text: str) -> Evidence:
        """Return what the numbers of a text's words add up to."""
        zero = (0,) * len(next(iter(self.evidence.values())))
        found: Evidence = np.sum(
            [zero, *(self.evidence.get(word, zero) for word in tokenize(text))], axis=0
        )
        return found

    def vectors(
        self, words: Iterable[str], *, dimension: int = 100, seed: int = 0
    ) -> WordVectors:
        """Generate vectors for words of the language: a direction for each number, and noise.

        Parameters
        ----------
        words
            Any words; those that the language does not have get no vector.
        dimension
            How many numbers a vector has, one or more.
        seed
            Seed, from 0 on. A word's vector depends on the word and the seed alone.

        Returns
        -------
        WordVectors

        Raises
        ------
        ValueError
            `dimension` is below 1, or the seed is negative.
        """
        if dimension < 1:
            raise ValueError(f"dimension must be 1 or more, not {dimension}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, not {seed}")
        n_numbers = len(next(iter(self.evidence.values())))
        evidence = dict.fromkeys((*NEUTRAL, *MARKS), (0,) * n_numbers) | dict(self.evidence)
        known = tuple(word for word in dict.fromkeys(words) if word in evidence)
        directions = np.array(
            [draw_for_word(f"direction {k}", dimension, seed) for k in range(n_numbers)]
        )
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        noise = [draw_for_word(word, dimension, seed) for word in known]
        vectors = _VECTOR_NOISE * np.array(noise).reshape(-1, dimension)
        vectors += _VECTOR_STEP * np.array(
            [evidence[word] for word in known], float
        ).reshape(-1, n_numbers) @ directions
        return WordVectors(known, vectors.astype(np.float32))

    def _split(self, count: int, classes: int, generator: np.random.Generator) -> Split:
        labels = generator.permutation(np.arange(count, dtype=np.int64) % classes)
        words = self.words(classes)
        numbers = np.array([self.evidence[word] for word in words])
        texts = tuple(
            self._text(int(label), classes, words, numbers, generator) for label in labels
        )
        return Split(texts, labels)

    def _text(
        self,
        label: int,
        classes: int,
        words: tuple[str, ...],
        numbers: Evidence,
        generator: np.random.Generator,
    ) -> str:
        while True:
            length = generator.integers(*_LENGTHS, endpoint=True)
            loaded = generator.random(length) < _LOADED_SHARE
            chosen = generator.integers(len(words), size=length)
            if self.label(numbers[chosen[loaded]].sum(axis=0), classes) == label:
                break
        neutral = generator.integers(len(NEUTRAL), size=length)
        drawn = [
            words[chosen[i]] if loaded[i] else NEUTRAL[neutral[i]] for i in range(int(length))
        ]
        return punctuate(drawn, generator)
