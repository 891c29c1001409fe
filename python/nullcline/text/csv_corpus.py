"""A corpus from the user's own CSV file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.reading import FileError, reading
from nullcline.text.corpus import Corpus, Split
from nullcline.text.csv_rows import csv_rows

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["load_csv"]

_TEXT_NAMES = ("text", "review", "sentence")
_LABEL_NAMES = ("label", "sentiment")
_SPLIT_NAMES = ("split",)
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test",),
}
"""What a row of each split may say, in any case."""

_TEST_SHARE = 0.2
_NUMBER = re.compile(r"[+-]?(\d{1,300}\.?\d{0,300}|\.\d{1,300})", re.ASCII)


def load_csv(path: str | os.PathLike[str], *, classes: int = 2, seed: int = 0) -> Corpus:
    """Read texts and labels from a CSV file in UTF-8 with a header.

    The text is in the column ``text`` (or ``review``, or ``sentence``), the label in ``label``
    (or ``sentiment``). Labels are 0 (negative) and 1 (positive), or any `classes` strings. If all
    are numbers, classes are in the order of the numbers (-1 before 1, 2 before 10), else by
    alphabet. A column ``split`` says ``train``, ``test`` or, where the file has such rows,
    ``validation`` (or ``valid``, ``val``, ``dev``); without it a fifth of each class, drawn at
    random, is the test split.

    Parameters
    ----------
    path
        The file.
    classes
        How many different labels it has, two or more.
    seed
        Seed of the draw.

    Returns
    -------
    Corpus
        In the order of the file, named after it.

    Raises
    ------
    ValueError
        A column is missing, a line is damaged, has no text or label or more than 16 MiB, there are
        not `classes` labels, or two are the same number, or a class or a split is too small.
    OSError
        The file cannot be opened.
    """
    rows = list(_rows(Path(path)))
    names, labels = _labels(path, [(line, label) for line, _, label, _ in rows], classes)
    if rows[0][3] is None:
        parts = np.where(_draw_test(path, labels, names, seed), "test", "train")
    else:
        parts = np.array([split for *_, split in rows])
    texts = [text for _, text, _, _ in rows]
    taken = {
        name: _take(path, name, texts, labels, np.flatnonzero(parts == name))
        for name in _SPLITS
        if name != "validation" or name in parts
    }
    return Corpus(Path(path).name, taken["train"], taken["test"], names, taken.get("validation"))


def _take(
    path: str | os.PathLike[str],
    name: str,
    texts: list[str],
    labels: NDArray[np.int64],
    rows: NDArray[np.intp],
) -> Split:
    if not len(rows):
        raise FileError(
            f"{path}: no row is in the {name} split; mark some so in the column split, or leave "
            "that column out, and a fifth of each class is drawn for the test split"
        )
    return Split(tuple(texts[row] for row in rows), labels[rows])


def _rows(path: Path) -> Iterator[tuple[int, str, str, str | None]]:
    """Yield the line, text, label and split (if there is such a column) of each row."""
    with reading(path, "a CSV file in UTF-8", "convert it") as file:
        rows = csv_rows(str(path), file)
        _, header = next(rows, (0, []))
        text, label = (_column(path, header, names) for names in (_TEXT_NAMES, _LABEL_NAMES))
        split = _find_column(header, _SPLIT_NAMES)
        for line, row in rows:
            for column in (text, label):
                if not row[column].strip():
                    raise FileError(f"{path}, line {line}: column {header[column]!r} is empty")
            part = None if split is None else _split(path, line, header[split], row[split])
            yield line, row[text], row[label].strip(), part


def _split(path: Path, line: int, column: str, found: str) -> str:
    said = found.strip().lower()
    for name, spellings in _SPLITS.items():
        if said in spellings:
            return name
    raise FileError(
        f"{path}, line {line}: column {column!r} must be 'train', 'validation' or 'test', "
        f"not {said!r}"
    )


def _find_column(header: list[str], names: tuple[str, ...]) -> int | None:
    columns = [column.strip().lower() for column in header]
    return next((columns.index(name) for name in names if name in columns), None)


def _column(path: Path, header: list[str], names: tuple[str, ...]) -> int:
    column = _find_column(header, names)
    if column is None:
        raise FileError(
            f"{path}: no column is called {' or '.join(map(repr, names))}; "
            f"the header has {', '.join(map(repr, header)) or 'nothing'}"
        )
    return column


def _labels(
    path: str | os.PathLike[str], found: list[tuple[int, str]], classes: int
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return what the classes are called and the number of each row's."""
    first_line: dict[str, int] = {}
    for line, label in found:
        first_line.setdefault(label, line)
    if len(first_line) != classes:
        seen = ", ".join(f"{label!r} (line {line})" for label, line in [*first_line.items()][:5])
        raise FileError(
            f"{path}: the labels must be {classes} different strings (classes={classes}), such "
            f"as 0 and 1 for two; there are {len(first_line)}: {seen or 'no rows'}"
        )
    numbers = {label: float(label) for label in first_line if _NUMBER.fullmatch(label)}
    if len(numbers) < len(first_line):
        names = tuple(sorted(first_line))
    elif len(set(numbers.values())) < len(numbers):
        raise FileError(f"{path}: two of the labels {', '.join(sorted(numbers))} are one number")
    else:
        names = tuple(sorted(numbers, key=numbers.__getitem__))
    places = {name: place for place, name in enumerate(names)}
    labels = np.array([places[label] for _, label in found], dtype=np.int64)
    zero_and_one = [numbers.get(name) for name in names] == [0, 1]
    return ("negative", "positive") if zero_and_one else names, labels


def _draw_test(
    path: str | os.PathLike[str],
    labels: NDArray[np.int64],
    classes: tuple[str, ...],
    seed: int,
) -> NDArray[np.bool_]:
    """Return which rows are drawn for the test split: the same share of each class."""
    generator = np.random.default_rng(seed)
    is_test = np.zeros(len(labels), dtype=np.bool_)
    for number, name in enumerate(classes):
        rows = np.flatnonzero(labels == number)
        if len(rows) < 2:
            raise FileError(f"{path}: class {name!r} has one row; two splits need two or more")
        count = max(1, round(_TEST_SHARE * len(rows)))
        is_test[generator.choice(rows, count, replace=False)] = True
    return is_test
