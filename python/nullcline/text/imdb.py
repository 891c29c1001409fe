"""The Large Movie Review Dataset (Maas et al., ACL 2011)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from nullcline._support.reading import FileError
from nullcline.text.archives import read_members
from nullcline.text.corpus import Corpus, Split

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_imdb"]

_REVIEWS_PER_FOLDER = 12_500
_FOLDERS = [(split, label) for split in ("train", "test") for label in ("neg", "pos")]
_REVIEW = re.compile(r"(?:^|/)(train|test)/(neg|pos)/([0-9]{1,9})_[0-9]{1,9}\.txt$")


def read_imdb(path: Path, *, progress: bool = True) -> Corpus:
    """Read the labelled reviews, the negative ones first, each class by its reviews' numbers.

    Parameters
    ----------
    path
        The archive, in any format that `read_members` reads, or its folder.
    progress
        Show a progress bar.

    Returns
    -------
    Corpus
        25,000 reviews a split, half of them positive.

    Raises
    ------
    ValueError
        The archive is damaged, or does not hold 12,500 reviews a class and split.
    """
    folders: dict[tuple[str, str], dict[int, str]] = {folder: {} for folder in _FOLDERS}
    members = read_members(path, lambda name: _REVIEW.search(name) is not None)
    total = _REVIEWS_PER_FOLDER * len(_FOLDERS)
    for name, content in tqdm(
        members, "imdb", total, unit="review", leave=False, disable=not progress
    ):
        if found := _REVIEW.search(name):
            split, label, number = found.groups()
            try:
                folders[split, label][int(number)] = content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise FileError(f"{path} is damaged: {name} is not UTF-8 text") from error
    for (split, label), reviews in folders.items():
        if len(reviews) != _REVIEWS_PER_FOLDER:
            raise FileError(
                f"{path} holds {len(reviews)} reviews in {split}/{label}, not "
                f"{_REVIEWS_PER_FOLDER}: it is cut short or not this corpus; copy it again"
            )
    train, test = (
        _split(folders[split, "neg"], folders[split, "pos"]) for split in ("train", "test")
    )
    return Corpus("imdb", train, test)


def _split(negative: dict[int, str], positive: dict[int, str]) -> Split:
    texts = [text for reviews in (negative, positive) for _, text in sorted(reviews.items())]
    labels = np.repeat(np.arange(2, dtype=np.int64), (len(negative), len(positive)))
    return Split(tuple(texts), labels)
