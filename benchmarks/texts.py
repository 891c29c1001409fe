"""Texts as a trained classifier reads them: whole, and with words taken away."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.training import Checkpoint, SentimentRNN

AT_ONCE = 256
"""Texts in a batch: more are no faster."""


@dataclass(frozen=True)
class Text:
    """One text of two classes, and the network that reads it.

    `words` are the numbers of the words, at least one, and `label` its true class, 0 or 1.
    """

    model: SentimentRNN
    words: NDArray[np.int64]
    label: int

    @property
    def n_words(self) -> int:
        """How many words it has."""
        return len(self.words)

    @cached_property
    def embeddings(self) -> torch.Tensor:
        """The words' vectors, shape (T, D)."""
        with torch.no_grad():
            vectors: torch.Tensor = self.model.embedding(torch.from_numpy(self.words)).detach()
            return vectors

    @cached_property
    def logit(self) -> float:
        """The logit of the second class."""
        return float(self.logits_of_masks(np.ones((1, self.n_words), dtype=bool))[0])

    @property
    def verdict(self) -> int:
        """The class that the network says it is of."""
        return int(self.logit > 0)

    def logits_of_embeddings(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return the logit, shape (n,), of texts of as many words as this, (n, T, D)."""
        states, _ = self.model.rnn(vectors)
        logits: torch.Tensor = self.model.readout(states[:, -1])[:, 0]
        return logits

    def logits_of_masks(self, kept: NDArray[Any]) -> NDArray[np.float64]:
        """Return the logit of the text with some words alone, (n,), for masks (n, T).

        The other words are not there: the network does not read them, nor anything in their place.
        """
        kept = np.asarray(kept) != 0
        order = np.argsort(kept.sum(axis=1), kind="stable")  # little padding
        logits = np.empty(len(kept))
        with torch.inference_mode():
            for begin in range(0, len(kept), AT_ONCE):
                rows = order[begin : begin + AT_ONCE]
                logits[rows] = self._read(kept[rows])
        return logits

    def _read(self, kept: NDArray[np.bool_]) -> NDArray[np.float32]:
        lengths = kept.sum(axis=1)
        places = np.argsort(~kept, axis=1, kind="stable")[:, : max(lengths.max(), 1)]
        states, _ = self.model.rnn(self.embeddings[torch.from_numpy(places)])
        last = states[torch.arange(len(kept)), torch.from_numpy(np.maximum(lengths - 1, 0))]
        last[torch.from_numpy(lengths == 0)] = 0  # nothing was read
        read: NDArray[np.float32] = self.model.readout(last)[:, 0].numpy()
        return read


def drawn_texts(
    checkpoint: Checkpoint, corpus: Any, n_right: int, n_wrong: int, seed: int
) -> list[Text]:
    """Return test reviews drawn at random, first those that the network gets right."""
    model, reviews = checkpoint.model(), checkpoint.reviews(corpus, "test")
    wanted = {True: n_right, False: n_wrong}
    texts: dict[bool, list[Text]] = {True: [], False: []}
    for row in np.random.default_rng(seed).permutation(len(reviews)):
        text = Text(model, reviews.indices[row], int(reviews.labels[row]))
        of_its_kind = texts[text.verdict == text.label]
        if len(of_its_kind) < wanted[text.verdict == text.label]:
            of_its_kind.append(text)
        if all(len(texts[right]) == n for right, n in wanted.items()):
            break
    return texts[True] + texts[False]
