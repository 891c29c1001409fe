"""What a corpus is: texts with labels, cut into splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nullcline._support.shown import Shown, Table, first_rows, in_one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Corpus", "Split"]


@dataclass(frozen=True, eq=False)
class Split(Shown):
    """Texts and their labels.

    Parameters
    ----------
    texts
        The texts.
    labels : (len(texts),) array of int64
        The class of each text, a number from 0 on.

    Raises
    ------
    ValueError
        There is not one label a text, or one is negative.
    """

    texts: tuple[str, ...]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.labels.shape != (len(self.texts),):
            raise ValueError(
                f"labels must have shape ({len(self.texts)},), one a text, not {self.labels.shape}"
            )
        if (self.labels < 0).any():
            raise ValueError("labels must be class numbers, 0 or more")

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Split({len(self)} texts of {len(set(self.labels.tolist()))} classes)"

    def _table(self) -> Table:
        rows = [(self.labels[i], self.texts[i]) for i in first_rows(len(self))]
        return Table(("label", "text"), rows, len(self))


@dataclass(frozen=True, eq=False)
class Corpus(Shown):
    """A named corpus of two classes or more.

    Parameters
    ----------
    name
        What it is called.
    train, test
        The two splits.
    classes
        What each label means, from label 0 on; where classes are ordered, from low to high.
    validation
        The corpus's own texts to choose an epoch by; None where a part of the train split is to be
        held out for that (`TrainingSettings.validation_fraction`).

    Raises
    ------
    ValueError
        There are fewer than two classes, or a label is none of them.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...] = ("negative", "positive")
    validation: Split | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise ValueError(f"classes must be two or more, not {self.classes}")
        for name, split in self.splits.items():
            largest = split.labels.max(initial=0)
            if largest >= len(self.classes):
                raise ValueError(
                    f"labels must be below {len(self.classes)}, the number of classes, and the "
                    f"{name} split has {largest}"
                )

    @property
    def splits(self) -> dict[str, Split]:
        """The splits that it has, by their names."""
        own = {} if self.validation is None else {"validation": self.validation}
        return {"train": self.train, **own, "test": self.test}

    def __repr__(self) -> str:
        held_out = "" if self.validation is None else f", {len(self.validation)} validation"
        n_texts = f"{len(self.train)} training{held_out} and {len(self.test)} test texts"
        return f"Corpus({in_one_line(self.name, 40)!r}, {n_texts}, {len(self.classes)} classes)"
