"""The corpora of Zhang, Zhao and LeCun (NeurIPS 2015): rows of a class and its texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from nullcline._support.reading import FileError, explaining
from nullcline.text.archives import MEND, open_members
from nullcline.text.corpus import Corpus, Split
from nullcline.text.csv_rows import csv_rows
from nullcline.text.escapes import plain_news, plain_review

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LAYOUTS", "read_rows"]

_FILES = {"train.csv": "train", "test.csv": "test"}


@dataclass(frozen=True)
class Layout:
    """What the two files of a corpus hold.

    Parameters
    ----------
    classes
        What class 1, class 2 and so on are called.
    train, test
        How many rows they have of *each* class.
    columns
        What is in a row: the number of its class, and texts, which are joined line by line.
    plain
        Undoes what the archive did to a text.
    """

    classes: tuple[str, ...]
    train: int
    test: int
    columns: tuple[str, ...]
    plain: Callable[[str], str]


LAYOUTS = {
    "yelp-polarity": Layout(
        ("negative", "positive"), 280_000, 19_000, ("class", "text"), plain_review
    ),
    "yelp-full": Layout(
        ("1 star", "2 stars", "3 stars", "4 stars", "5 stars"),
        130_000, 10_000, ("class", "text"), plain_review,
    ),
    "ag-news": Layout(
        ("World", "Sports", "Business", "Sci/Tech"),
        30_000, 1_900, ("class", "title", "description"), plain_news,
    ),
}  # fmt: skip
"""As their readme files say, and the classes of AG's news as its `classes.txt` does."""


def read_rows(name: str, path: Path, *, progress: bool = True) -> Corpus:
    """Read the texts and classes of both files of an archive, in their order.

    A text that is empty is kept, so that the corpus has the size that is published; a network reads
    it as one unknown word.

    Parameters
    ----------
    name
        One of `LAYOUTS`.
    path
        The archive, in any format that `open_members` reads, or its folder.
    progress
        Show a progress bar.

    Raises
    ------
    ValueError
        The archive is damaged or lacks a file, a row has more or fewer columns or a class that
        there is not, or a class has more or fewer rows than it should.
    """
    layout = LAYOUTS[name]
    splits: dict[str, Split] = {}
    total = len(layout.classes) * (layout.train + layout.test)
    with (
        tqdm(desc=name, total=total, unit="text", leave=False, disable=not progress) as bar,
        explaining(path, "an archive", MEND),
    ):
        for member, stream in open_members(path, lambda one: PurePosixPath(one).name in _FILES):
            split = _FILES[PurePosixPath(member).name]
            if split in splits:
                raise FileError(f"{path} holds a second {split}.csv, {member}: remove one of them")
            splits[split] = _split(f"{path}: {member}", stream, layout, bar.update)
    for split in _FILES.values():
        _require_whole(path, split, splits.get(split), layout)
    return Corpus(name, splits["train"], splits["test"], layout.classes)


def _split(name: str, stream: IO[bytes], layout: Layout, read_one: Callable[[], object]) -> Split:
    numbers = {str(number): number - 1 for number in range(1, len(layout.classes) + 1)}
    texts: list[str] = []
    labels: list[int] = []
    for line, (number, *parts) in csv_rows(name, stream, layout.columns):
        if number not in numbers:
            raise FileError(
                f"{name}, line {line}: the class must be from 1 to {len(numbers)}, not {number!r}"
            )
        texts.append(layout.plain("\n".join(parts)))
        labels.append(numbers[number])
        read_one()
    return Split(tuple(texts), np.array(labels, dtype=np.int64))


def _require_whole(path: Path, split: str, found: Split | None, layout: Layout) -> None:
    if found is None:
        raise FileError(
            f"{path} holds no {split}.csv: it is cut short or not this corpus; copy it again"
        )
    expected = getattr(layout, split)
    counts = np.bincount(found.labels, minlength=len(layout.classes))
    for number, count in enumerate(counts.tolist(), 1):
        if count != expected:
            raise FileError(
                f"{path} holds {count} texts of class {number} in {split}.csv, not {expected}: "
                "it is cut short or not this corpus; copy it again"
            )
