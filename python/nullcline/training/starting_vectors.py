"""The word vectors that a run starts from: read, drawn, or trained on its own reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save
from tqdm import tqdm

from nullcline._support.files import write_bytes
from nullcline._support.reading import explaining, open_regular
from nullcline.text import WordVectors, load_vectors_for_corpus, train_word_vectors
from nullcline.text.trained_vectors import TRAINED
from nullcline.training.checkpoint import VECTORS_FILE, CheckpointError, visible_tokens

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from nullcline.text import Vocabulary
    from nullcline.training.settings import TrainingSettings


def are_trained(settings: TrainingSettings) -> bool:
    """Tell whether a run trains its word vectors on its own reviews."""
    return settings.vectors in TRAINED


def starting_vectors(
    corpus: str,
    texts: Iterable[str],
    settings: TrainingSettings,
    vocabulary: Vocabulary,
    *,
    data_dir: str | os.PathLike[str] | None,
    progress: bool,
) -> WordVectors:
    """Return the word vectors that a new run starts from.

    Parameters
    ----------
    corpus
        Its name.
    texts
        The reviews to train on, and no others.
    settings, vocabulary
        The run's.
    data_dir
        As in `nullcline.text.load_vectors_for_corpus`.
    progress
        Say what takes a while.
    """
    if are_trained(settings):
        if progress:
            tqdm.write(f"word vectors by {settings.vectors} on the reviews to train on")
        return train_word_vectors(
            str(settings.vectors),
            (visible_tokens(text, settings) for text in texts),
            vocabulary,
            dimension=settings.embedding_size,
            seed=settings.seed,
        )
    return load_vectors_for_corpus(
        corpus,
        vocabulary.words,
        data_dir=data_dir,
        dimension=settings.embedding_size,
        seed=settings.seed,
        progress=progress,
        vectors=settings.vectors,
    )


def keep_vectors(vectors: WordVectors, vocabulary: Vocabulary, folder: Path) -> None:
    """Write a run's own word vectors into its folder, whole or not at all."""
    rows: np.ndarray[Any, Any] = vocabulary.encode(vectors.words)
    arrays = {"rows": rows, "vectors": vectors.vectors}
    write_bytes(folder / VECTORS_FILE, save(arrays))


def kept_vectors(vocabulary: Vocabulary, folder: Path) -> WordVectors:
    """Read what `keep_vectors` wrote.

    Raises
    ------
    CheckpointError
        The file is missing or damaged.
    """
    path = folder / VECTORS_FILE
    try:
        with explaining(path, "a run's word vectors"), open_regular(path) as file:
            arrays = load(file.read())
            words = tuple(vocabulary.decode(arrays["rows"].tolist()))
            return WordVectors(words, arrays["vectors"].astype(np.float32, copy=False))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"cannot resume with {path}: {error}; train the network anew in another folder"
        ) from error
