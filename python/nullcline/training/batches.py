"""Reviews as padded batches of word indices, bucketed by length so that little is padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from nullcline.text import PAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

BATCHES_PER_BUCKET = 50
"""Batches that are sorted by length together: enough to pad little, few enough to stay random."""


class Batch(NamedTuple):
    """A padded batch: `tokens` (n, T), `lengths` (n,), `labels` (n,), `rows` (n,) of the set."""

    tokens: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class EncodedReviews:
    """Reviews as word indices.

    Parameters
    ----------
    indices
        One integer array per review, none of them empty.
    labels
        The class of each review, shape (n,).
    """

    indices: Sequence[NDArray[np.int64]]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each review, shape (n,)."""
        return np.fromiter((len(review) for review in self.indices), np.int64, len(self.indices))

    def first(self, n: int) -> EncodedReviews:
        """Return the first `n` reviews, or all if there are fewer."""
        return EncodedReviews(self.indices[:n], self.labels[:n])

    def batch(self, rows: NDArray[np.int64], device: torch.device | str = "cpu") -> Batch:
        """Return the reviews in `rows` as one padded batch on `device`."""
        reviews = [torch.from_numpy(self.indices[row]) for row in rows]
        lengths = torch.tensor([len(review) for review in reviews])
        tokens = torch.nn.utils.rnn.pad_sequence(reviews, batch_first=True, padding_value=PAD)
        labels = torch.from_numpy(self.labels[rows])
        return Batch(tokens.to(device), lengths.to(device), labels.to(device), rows)


def shuffled_rows(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Return the rows of one epoch's batches: random, yet each batch of similar lengths."""
    order = rng.permutation(len(lengths))
    bucket = batch_size * BATCHES_PER_BUCKET
    batches = [
        rows
        for start in range(0, len(order), bucket)
        for rows in _batches_by_length(order[start : start + bucket], lengths, batch_size)
    ]
    return [batches[i] for i in rng.permutation(len(batches))]


def sorted_rows(lengths: NDArray[np.int64], batch_size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of batches in order of length, for passes whose order does not matter."""
    return _batches_by_length(np.arange(len(lengths)), lengths, batch_size)


def _batches_by_length(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int
) -> Iterator[NDArray[np.int64]]:
    by_length = rows[np.argsort(lengths[rows], kind="stable")]
    for start in range(0, len(by_length), batch_size):
        yield by_length[start : start + batch_size]
