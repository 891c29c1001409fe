"""A checkpoint's network in float64, word by word: its states, and what it would say there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.interop import from_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nullcline.cells import Cell
    from nullcline.training import Checkpoint

    Words = NDArray[np.int64]
    Matrix = NDArray[np.float64]
    Seen = Callable[[NDArray[np.intp], list[Matrix]], object]

OTHERS = "the mean of the other classes"
"""What a class is set against where no other class is named."""

BATCH = 256
"""Texts that are read together."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """A number that the network's last outputs say: one class's logit against others'.

    Parameters
    ----------
    mix
        What it is made of the classes' logits, shape (K,).
    weights, bias
        Of the outputs of the last layer, shape (H,), and what is added.
    towards, against
        What a positive value speaks for, and what a negative one.
    target
        Number of the class that it speaks for.
    """

    mix: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float
    towards: str
    against: str
    target: int


class Network:
    """The network of a checkpoint.

    Parameters
    ----------
    checkpoint
        The finished training run.

    Attributes
    ----------
    cells
        Its layers, from the one that reads the words to the last.
    embedding
        What stands for each word, shape (V, D).
    readout, bias
        The logits' weights, shape (K, H), and biases, (K,), one row for each class. Two classes
        share one logit, of the second; the first's row is zero.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        model = checkpoint.model().double()
        self.cells: Sequence[Cell] = from_torch(model.rnn)
        self.embedding: Matrix = model.embedding.weight.detach().numpy()
        weights = model.readout.weight.detach().numpy()
        bias = model.readout.bias.detach().numpy()
        if len(weights) == 1:
            weights = np.concatenate([np.zeros_like(weights), weights])
            bias = np.concatenate([np.zeros(1), bias])
        self.readout: Matrix = weights
        self.bias: NDArray[np.float64] = bias

    def starts(self, n: int) -> list[Matrix]:
        """Return the states of n texts before their first word: zero, (n, S) in each layer."""
        return [np.zeros((n, cell.state_size)) for cell in self.cells]

    def step(self, states: Sequence[Matrix], words: Words | int) -> list[Matrix]:
        """Return the states after one more word: one for each row, or the same for all."""
        new: list[Matrix] = []
        x = self.embedding[words]
        for cell, state in zip(self.cells, states, strict=True):
            new.append(np.asarray(cell.step(state, x), np.float64))
            x = new[-1][:, : cell.hidden_size]
        return new

    def logits(self, states: Sequence[Matrix]) -> Matrix:
        """Return the logit of each class, shape (n, K), if the texts ended here."""
        outputs = states[-1][:, : self.cells[-1].hidden_size]
        return np.asarray(outputs @ self.readout.T + self.bias)

    def path(self, words: Words) -> list[Matrix]:
        """Return each layer's states while it reads one text, (T + 1, S), from the start on."""
        states = self.starts(1)
        steps = [states]
        for word in words.tolist():
            states = self.step(states, word)
            steps.append(states)
        return [np.concatenate(layer) for layer in zip(*steps, strict=True)]

    def read(self, texts: Sequence[Words], seen: Seen | None = None) -> Matrix:
        """Return the logits of each class at the end of every text, shape (n, K).

        Parameters
        ----------
        texts
            Word indices, none empty.
        seen
            Called after every word with the rows of the texts that have just been read on, and
            with their states in each layer.
        """
        logits = np.empty((len(texts), len(self.bias)))
        lengths = np.array([len(text) for text in texts], np.int64)
        order = np.argsort(-lengths, kind="stable")  # the longest first: who ends, ends last
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            logits[rows] = self._read_batch([texts[row] for row in rows], rows, seen)
        return logits

    def _read_batch(self, texts: list[Words], rows: NDArray[np.intp], seen: Seen | None) -> Matrix:
        lengths = np.array([len(text) for text in texts])
        states = self.starts(len(texts))
        for t in range(int(lengths.max(initial=0))):
            n = int(np.sum(lengths > t))
            words = np.array([text[t] for text in texts[:n]], np.int64)
            new = self.step([state[:n] for state in states], words)
            for state, changed in zip(states, new, strict=True):
                state[:n] = changed
            if seen is not None:
                seen(rows[:n], new)
        return self.logits(states)

    def contrast(self, classes: Sequence[str], target: int, against: int | None = None) -> Contrast:
        """Return the number that tells the class `target` from one other, or from all others.

        With two classes it is the logit of the second, whatever is asked for. With more it is the
        target's logit less that of `against`, or less the mean of the others' logits.
        """
        if len(classes) == 2:
            target, against = 1, 0
        mix = np.zeros(len(classes))
        if against is None:
            mix -= 1 / (len(classes) - 1)
        else:
            mix[against] = -1
        mix[target] = 1
        return Contrast(
            mix=mix,
            weights=mix @ self.readout,
            bias=float(mix @ self.bias),
            towards=classes[target],
            against=OTHERS if against is None else classes[against],
            target=target,
        )


def probabilities(logits: Matrix) -> Matrix:
    """Return the probability of each class, shape (n, K), of logits (n, K)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def margins(logits: Matrix, target: int) -> NDArray[np.float64]:
    """Return by how much the logit of a class is above the largest of the others', shape (n,)."""
    others = np.delete(logits, target, axis=1)
    return np.asarray(logits[:, target] - others.max(axis=1))
