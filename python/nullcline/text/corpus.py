"""What a corpus is: texts with labels, cut into a train and a test split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Corpus", "Split"]


@dataclass(frozen=True, eq=False)
class Split:
    """Texts and their labels.

    Parameters
    ----------
    texts
        The texts.
    labels : (len(texts),) array of int64
        0 or 1 for each text.

    Raises
    ------
    ValueError
        There is not one label a text, or one is neither 0 nor 1.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.labels.shape != (len(self.texts),):
            raise ValueError(
                f"labels must have shape ({len(self.texts)},), one a text, not {self.labels.shape}"
            )
        if not np.isin(self.labels, (0, 1)).all():
            raise ValueError("labels must be 0 or 1")

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Corpus:
    """A named corpus of two classes.

    Parameters
    ----------
    name
        What it is called.
    train, test
        The two splits.
    classes
        What label 0 and label 1 mean.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, str] = ("negative", "positive")
