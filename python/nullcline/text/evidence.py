"""Generated languages whose words are evidence, which a text's label adds up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.text.generated import (
    LENGTHS,
    MARKS,
    generate_texts,
    generate_word_vectors,
    punctuate,
    require_classes,
)
from nullcline.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from nullcline.text.corpus import Corpus
    from nullcline.text.vectors import WordVectors

    Evidence = NDArray[np.int64]

_NEUTRAL = (
    "the a an of to and in on with from about after before while then there here this that it we i "
    "you was is were are has had day year week hour people place thing part side way time name "
    "number word line end case point fact piece kind"
)
NEUTRAL = tuple(_NEUTRAL.split())
"""Words that are evidence of nothing."""

_LOADED_SHARE = 0.5  # of the words are evidence
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
        TypeError, ValueError
            A number of texts is no whole number from 1 on, the seed none from 0 on, or the language
            does not have so many classes.
        """
        require_classes(classes, self.most_classes)
        words = self.words(classes)
        numbers = np.array([self.evidence[word] for word in words])
        return generate_texts(
            self.name,
            self.class_names(classes),
            lambda label, generator: self._text(label, classes, words, numbers, generator),
            n_train=n_train,
            n_test=n_test,
            seed=seed,
        )

    def sums(self, text: str) -> Evidence:
        """Return what the numbers of a text's words add up to."""
        zero = (0,) * len(next(iter(self.evidence.values())))
        found: Evidence = np.sum(
            [zero, *(self.evidence.get(word, zero) for word in tokenize(text))], axis=0
        )
        return found

    def vectors(self, words: Iterable[str], *, dimension: int = 100, seed: int = 0) -> WordVectors:
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
        TypeError, ValueError
            `dimension` is no whole number from 1 on, or the seed none from 0 on.
        """
        n_numbers = len(next(iter(self.evidence.values())))
        steps = dict.fromkeys((*NEUTRAL, *MARKS), (0.0,) * n_numbers) | {
            word: tuple(_VECTOR_STEP * number for number in its)
            for word, its in self.evidence.items()
        }
        directions = [f"direction {k}" for k in range(n_numbers)]
        return generate_word_vectors(words, steps, directions, dimension=dimension, seed=seed)

    def _text(
        self,
        label: int,
        classes: int,
        words: tuple[str, ...],
        numbers: Evidence,
        generator: np.random.Generator,
    ) -> str:
        while True:
            length = generator.integers(*LENGTHS, endpoint=True)
            loaded = generator.random(length) < _LOADED_SHARE
            chosen = generator.integers(len(words), size=length)
            if self.label(numbers[chosen[loaded]].sum(axis=0), classes) == label:
                break
        neutral = generator.integers(len(NEUTRAL), size=length)
        drawn = [words[chosen[i]] if loaded[i] else NEUTRAL[neutral[i]] for i in range(int(length))]
        return punctuate(drawn, generator)
