"""The corpora by name: generated, downloaded, or the user's own file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline.text.csv_corpus import load_csv
from nullcline.text.imdb import load_imdb
from nullcline.text.sst import load_sst
from nullcline.text.synthetic import generate_corpus
from nullcline.text.synthetic_context import generate_context_corpus

if TYPE_CHECKING:
    from nullcline.text.corpus import Corpus

__all__ = ["CORPORA", "load_corpus"]

CORPORA = ("synthetic", "synthetic-context", "imdb", "sst")
"""The corpora that have a name; any other is a CSV file's path."""


def load_corpus(
    name: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    classes: int = 2,
    seed: int = 0,
    progress: bool = True,
) -> Corpus:
    """Load a corpus of texts, each of one class.

    Parameters
    ----------
    name
        ``"synthetic"``: a generated sentiment language (`nullcline.text.synthetic`);
        ``"synthetic-context"``: one with words that flip or double what the next ones say
        (`nullcline.text.synthetic_context`);
        ``"imdb"``: the Large Movie Review Dataset (Maas et al. 2011), 25,000 train and 25,000 test
        reviews;
        ``"sst"``: the Stanford Sentiment Treebank (Socher et al. 2013), whole sentences,
        positive or negative, or in its five grades;
        or the path of a CSV file with a text and a label column (`nullcline.text.csv_corpus`).
    data_dir
        A folder with local copies, looked through before the folder that ``NULLCLINE_DATA`` names
        and before anything is downloaded (`nullcline.text.download.fetch`).
    classes
        Number of classes: ``"synthetic"`` has any number of grades from 2 to 7, ``"sst"`` 2 or 5,
        ``"synthetic-context"`` and ``"imdb"`` 2, and a CSV file as many as it has labels.
    seed
        Seed of what is generated (``"synthetic..."``) or split (a CSV file without a split column);
        the others have an order and a split of their own.
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
    match os.fspath(name):
        case "synthetic":
            return generate_corpus(classes=classes, seed=seed)
        case "imdb" | "synthetic-context" if classes != 2:
            raise ValueError(f"classes must be 2 for {name}, not {classes}")
        case "synthetic-context":
            return generate_context_corpus(seed=seed)
        case "imdb":
            return load_imdb(data_dir=data_dir, progress=progress)
        case "sst":
            return load_sst(classes=classes, data_dir=data_dir, progress=progress)
        case path if path.lower().endswith(".csv") or Path(path).is_file():
            return load_csv(path, classes=classes, seed=seed)
        case other:
            known = ", ".join(map(repr, CORPORA))
            raise ValueError(f"name must be {known} or the path of a CSV file, not {other!r}")
