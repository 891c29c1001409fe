"""The corpus of a training run, which several commands read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint


def corpus_of(options: argparse.Namespace, checkpoint: Checkpoint) -> Corpus:
    """Return the corpus that the options of `add_corpus` name, by default the one trained on.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or the one trained on has changed since.
    """
    from nullcline.text import load_corpus

    corpus = load_corpus(
        options.corpus or checkpoint.corpus,
        data_dir=options.data_dir,
        classes=checkpoint.settings.classes,
        seed=checkpoint.settings.seed,
        progress=not options.quiet,
    )
    if options.corpus is None:
        checkpoint.require_corpus(corpus)
    return corpus
