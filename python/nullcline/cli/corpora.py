"""The corpus of a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint


def corpus_of(options: argparse.Namespace, checkpoint: Checkpoint) -> Corpus:
    """Return the corpus that `add_corpus` names, by default the one that a run was trained on.

    Raises
    ------
    OSError, ValueError
        It cannot be read, or it is the run's and has changed since.
    """
    from nullcline.text import load_corpus

    try:
        corpus = load_corpus(
            options.corpus or checkpoint.corpus,
            data_dir=options.data_dir,
            classes=checkpoint.settings.classes,
            seed=checkpoint.settings.seed,
            progress=not options.quiet,
        )
    except FileNotFoundError as error:
        if options.corpus is not None or error.errno is None:
            raise
        why = f"{checkpoint.directory} was trained on it: say where it is now (--corpus)"
        raise FileNotFoundError(error.errno, f"{error.strerror}; {why}", error.filename) from error
    if options.corpus is None:
        checkpoint.require_corpus(corpus)
    return corpus
