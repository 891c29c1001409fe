"""The corpora by name: generated, downloaded, or the user's own file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline.text.csv_corpus import load_csv
from nullcline.text.download import fetch
from nullcline.text.imdb import read_imdb
from nullcline.text.sst import read_sst
from nullcline.text.synthetic import generate_corpus
from nullcline.text.synthetic_context import generate_context_corpus
from nullcline.text.synthetic_ordered import ORDERED
from nullcline.text.synthetic_unordered import UNORDERED
from nullcline.text.zhang import LAYOUTS, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nullcline.text.corpus import Corpus
    from nullcline.text.evidence import Language

__all__ = ["CORPORA", "classes_of", "is_drawn", "load_corpus", "own_name"]


@dataclass(frozen=True)
class _Generated:
    """A corpus that is made of a number of classes, the usual one first, and a seed."""

    classes: Sequence[int]
    generate: Callable[[int, int], Corpus]


@dataclass(frozen=True)
class _Published:
    """A corpus of `ORIGINALS`, read by its path, a number of classes, and progress or none."""

    classes: Sequence[int]
    read: Callable[[Path, int, bool], Corpus]


def _generated(language: Language) -> _Generated:
    """Return the corpus of a generated language."""
    return _Generated(
        range(2, language.most_classes + 1),
        lambda classes, seed: language.generate(classes=classes, seed=seed),
    )


def _rows_of(name: str) -> _Published:
    """Return a corpus of Zhang, Zhao and LeCun."""
    return _Published(
        (len(LAYOUTS[name].classes),),
        lambda path, _, progress: read_rows(name, path, progress=progress),
    )


_KNOWN: dict[str, _Generated | _Published] = {
    "synthetic": _Generated(
        range(2, 8), lambda classes, seed: generate_corpus(classes=classes, seed=seed)
    ),
    **{language.name: _generated(language) for language in (UNORDERED, ORDERED)},
    "synthetic-context": _Generated((2,), lambda _, seed: generate_context_corpus(seed=seed)),
    "imdb": _Published((2,), lambda path, _, progress: read_imdb(path, progress=progress)),
    "sst": _Published((2, 3, 5), lambda path, classes, _: read_sst(path, classes=classes)),
    **{name: _rows_of(name) for name in LAYOUTS},
}

CORPORA = tuple(_KNOWN)
"""The corpora that have a name; any other is a CSV file's path."""

_OTHER_NAMES = {
    "agnews": "ag-news",
    "yelp-review-polarity": "yelp-polarity",
    "yelp-review-full": "yelp-full",
}
"""What other packages call them; all write an underscore or a capital as they please."""


def load_corpus(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    classes: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Corpus:
    """Load a corpus of texts, each of one class.

    Parameters
    ----------
    name
        ``"synthetic"``: a generated sentiment language (`nullcline.text.synthetic`);
        ``"synthetic-unordered"``: generated texts of topics, each with words of its own;
        ``"synthetic-ordered"``: generated grades, by the valence and the intensity of words;
        ``"synthetic-context"``: one with words that flip or double what the next ones say
        (`nullcline.text.synthetic_context`);
        ``"imdb"``: the Large Movie Review Dataset (Maas et al. 2011), 25,000 train and 25,000 test
        reviews;
        ``"sst"``: the Stanford Sentiment Treebank (Socher et al. 2013), whole sentences,
        positive or negative, with the neutral ones, or in its five grades;
        ``"yelp-polarity"`` and ``"yelp-full"``: Yelp's reviews (Zhang, Zhao and LeCun 2015),
        560,000 train and 38,000 test reviews, negative or positive, or 650,000 and 50,000 of 1 to
        5 stars;
        ``"ag-news"``: AG's news (the same), 120,000 train and 7,600 test texts on the world,
        sports, business, or science and technology;
        or the path of a CSV file with a text and a label column (`nullcline.text.csv_corpus`).
        Underscores and capitals make no difference.
    data_dir
        A folder with local copies, looked through before the folder that ``NULLCLINE_DATA`` names
        and before anything is downloaded (`nullcline.text.download.fetch`).
    classes
        Number of classes: ``"synthetic"`` and ``"synthetic-ordered"`` have any number of grades
        from 2 to 7, ``"synthetic-unordered"`` 2 to 8 topics, ``"sst"`` 2, 3 or 5, and a CSV file
        as many as it has labels. None stands for the corpus's own number, and for 2 where there is
        a choice.
    seed
        Seed of what is generated or split (a CSV file without a split column); the others have an
        order and a split of their own.
    progress
        Show progress bars.

    Returns
    -------
    Corpus

    Raises
    ------
    ValueError
        `name` is none of these, it has other numbers of classes, or the data are damaged, cut short
        or not as described.
    OSError
        A file or folder cannot be read, or a download fails.
    """
    name = own_name(name)
    wanted = classes_of(name) if classes is None else classes
    if name not in _KNOWN:
        return load_csv(_require_file(name), classes=wanted, seed=seed)
    known = _KNOWN[name]
    if wanted not in known.classes:
        raise ValueError(f"classes must be {_choice(known.classes)} for {name}, not {wanted}")
    if isinstance(known, _Generated):
        return known.generate(wanted, seed)
    return known.read(fetch(name, data_dir, progress), wanted, progress)


def classes_of(name: str | os.PathLike[str]) -> int:
    """Return the number of classes that a corpus has where none is given.

    It is 2 for a CSV file, whose labels are not looked at: a column of numbers would be as many.
    """
    known = _KNOWN.get(own_name(name))
    return 2 if known is None else known.classes[0]


def is_drawn(name: str | os.PathLike[str]) -> bool:
    """Say whether a corpus depends on the seed: as a whole, or in which texts are test texts."""
    return not isinstance(_KNOWN.get(own_name(name)), _Published)


def own_name(name: str | os.PathLike[str]) -> str:
    """Return the name in `CORPORA` of a corpus that others spell differently; a path as it is."""
    given = os.fspath(name)
    plain = given.lower().replace("_", "-")
    plain = _OTHER_NAMES.get(plain, plain)
    return plain if plain in _KNOWN and not _is_csv(given) else given


def _is_csv(path: str) -> bool:
    return path not in _KNOWN and (path.lower().endswith(".csv") or Path(path).is_file())


def _require_file(path: str) -> str:
    if not _is_csv(path):
        names = ", ".join(map(repr, CORPORA))
        raise ValueError(f"name must be {names} or the path of a CSV file, not {path!r}")
    return path


def _choice(numbers: Sequence[int]) -> str:
    if isinstance(numbers, range):
        return f"from {numbers[0]} to {numbers[-1]}"
    return " or ".join(map(str, numbers))
