"""The corpus of a job: loaded once by each process, and seen to be the one it was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.text import load_corpus
from nullcline.text.corpora import is_drawn
from nullcline.training.fingerprint import corpus_sha256

if TYPE_CHECKING:
    import os

    from nullcline.text import Corpus
    from nullcline.training import TrainingSettings

_last: dict[str, Corpus] = {}
"""The corpus that this process has loaded last, by its hash: the next job may be on it, too."""


def reviews_of_job(
    source: str,
    data_dir: str | os.PathLike[str] | None,
    settings: TrainingSettings,
    expected: str,
) -> Corpus:
    """Load the corpus in a job, and see that it is the one that the job was made for.

    Raises
    ------
    ValueError
        It holds other reviews than those of the hash that is expected.
    """
    if expected not in _last:
        _last.clear()
        reviews = load_corpus(
            source,
            data_dir=data_dir,
            classes=settings.classes,
            seed=seed_of_corpus(source, settings),
            progress=False,
        )
        if corpus_sha256(reviews) != expected:
            raise ValueError(
                f"{source} holds other reviews than when this job was made: make the jobs anew"
            )
        _last[expected] = reviews
    return _last[expected]


def seed_of_corpus(source: str, settings: TrainingSettings) -> int:
    """Return the seed that a corpus is drawn or split by; 0 for one that has an order of its own.

    So that networks that differ in their seed have the same reviews, and need these once.
    """
    return settings.seed if is_drawn(source) else 0
