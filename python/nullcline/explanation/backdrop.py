"""What stands behind an explanation: the states that a network visits, its points, a bag of words.

It is made of the corpus once, which takes a minute or two, and kept beside the checkpoint.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 - fields are read back by their types
from tqdm import tqdm

from nullcline._native.blas import one_blas_thread
from nullcline._support import archive, validation
from nullcline._support.reading import FileError, reading
from nullcline.explanation.layer_background import LayerBackground, layer_background
from nullcline.explanation.network import Network
from nullcline.training.bag_of_words import fit_bag_of_words

if TYPE_CHECKING:
    import os

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

FILE = "background.npz"
"""The file's name in the folder of its checkpoint."""

_FORMAT = "nullcline explanation background 1"

MOST_STATES = 20_000
"""States that the principal components are of, at most; a random sample of those visited."""


@dataclass(frozen=True, eq=False)
class Background:
    """What stands behind the explanations of one network.

    Attributes
    ----------
    checkpoint_sha256
        Which network's (`nullcline.training.Checkpoint.sha256`).
    classes
        What each label means.
    layers
        One record for each layer.
    bag_weights, bag_intercept
        The bag of words beside the network (`nullcline.training.bag_of_words`): the logits of the
        classes, (K, n_words) and (K,); of two classes the first row is zero.
    bag_accuracy
        Share of the test texts that it classifies correctly.
    texts, starts, seed
        How many test texts were read and how many states the search started from, both drawn at
        random with this seed.
    """

    checkpoint_sha256: str | None
    classes: tuple[str, ...]
    layers: tuple[LayerBackground, ...]
    bag_weights: NDArray[np.float64]
    bag_intercept: NDArray[np.float64]
    bag_accuracy: float
    texts: int
    starts: int
    seed: int

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` (.npz, nothing pickled), whole or not at all."""
        archive.write_record(path, _FORMAT, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Background:
        """Read what `save` wrote.

        Raises
        ------
        OSError
            The file cannot be opened.
        ValueError
            It was not written by `save`, or is damaged.
        """
        with reading(path, "the background of explanations") as file:
            found = archive.read_record(file, _FORMAT, cls)
            found._require_sound()
            return found

    def _require_sound(self) -> None:
        """Refuse arrays that do not fit each other, or hold what no network has."""
        classes = len(self.classes)
        if self.bag_weights.shape[:1] != (classes,) or self.bag_intercept.shape != (classes,):
            raise ValueError("its bag of words is of other classes")
        arrays = [self.bag_weights, self.bag_intercept]
        for layer in self.layers:
            size, points, cloud = len(layer.mean), len(layer.h), len(layer.cloud)
            shapes = {
                "mean": (size,), "components": (2, size), "explained": (2,), "cloud": (cloud, 2),
                "cloud_labels": (cloud,), "h": (points, size), "kind": (points,),
                "count": (points,), "time_constants": (points,),
            }  # fmt: skip
            wrong = [name for name, shape in shapes.items() if getattr(layer, name).shape != shape]
            if wrong:
                raise ValueError(f"its arrays {', '.join(wrong)} do not fit the others")
            arrays += [layer.mean, layer.components, layer.explained, layer.cloud, layer.h]
        if not all(array.dtype == np.float64 and np.isfinite(array).all() for array in arrays):
            raise ValueError("its numbers are not finite numbers of float64")

    def is_of(self, checkpoint: Checkpoint) -> bool:
        """Tell whether it is of this network."""
        settings = checkpoint.settings
        size = settings.hidden_size * (2 if settings.cell == "lstm" else 1)
        return (
            self.checkpoint_sha256 == checkpoint.sha256
            and [len(layer.mean) for layer in self.layers] == [size] * settings.layers
            and self.bag_weights.shape == (settings.n_classes, len(checkpoint.vocabulary))
        )


def background_of(
    checkpoint: Checkpoint,
    corpus: Corpus,
    *,
    n_texts: int = 200,
    n_starts: int = 500,
    seed: int = 0,
    keep: bool = True,
    progress: bool = False,
) -> Background:
    """Return what stands behind the explanations of a network; made of its corpus, or read again.

    Parameters
    ----------
    checkpoint
        A finished training run.
    corpus
        The corpus that it was trained on.
    n_texts
        Test texts, drawn at random, whose states the principal components are of.
    n_starts
        States, drawn at random from these, from which each layer is searched with zero input.
    seed
        Seed of the draws.
    keep
        Read it from the checkpoint's folder, if it is there with the same numbers and seed, and
        keep it there otherwise (as ``background.npz``), if the folder can be written to.
    progress
        Show progress bars.

    Returns
    -------
    Background

    Raises
    ------
    CheckpointError
        The corpus has changed since, or the run's files are damaged.
    """
    n_texts = validation.whole_number("n_texts", n_texts, 1)
    n_starts = validation.whole_number("n_starts", n_starts, 1)
    checkpoint.require_corpus(corpus)
    if keep and (kept := load_background(checkpoint)) is not None:
        drawn = (min(n_texts, len(corpus.test)), n_starts, seed)
        if (kept.texts, kept.starts, kept.seed) == drawn:
            return kept
    made = _make(checkpoint, corpus, n_texts, n_starts, seed, progress=progress)
    if keep:
        with contextlib.suppress(OSError):  # a folder that nobody may write to
            made.save(checkpoint.directory / FILE)
    return made


def load_background(checkpoint: Checkpoint) -> Background | None:
    """Return the background kept beside a checkpoint; None if there is none that is its own."""
    path = checkpoint.directory / FILE
    if checkpoint.sha256 is None or not path.is_file():
        return None
    try:
        found = Background.load(path)
    except FileError:
        return None  # it is made anew
    return found if found.is_of(checkpoint) else None


def _make(
    checkpoint: Checkpoint,
    corpus: Corpus,
    n_texts: int,
    n_starts: int,
    seed: int,
    *,
    progress: bool,
) -> Background:
    network = Network(checkpoint)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(corpus.test))[:n_texts])
    texts = [checkpoint.encode(corpus.test.texts[row]) for row in rows]
    with tqdm(total=len(network.cells) + 2, desc="background", disable=not progress) as bar:
        states, owners = _visit(network, texts, rng)
        bar.update()
        layers = []
        for cell, visited in zip(network.cells, states, strict=True):
            labels = corpus.test.labels[rows][owners]
            layers.append(layer_background(cell, visited, visited[:n_starts], labels))
            bar.update()
        with one_blas_thread():  # products so small that threads wait for each other
            bag = fit_bag_of_words(checkpoint, corpus)
        bar.update()
    two = bag.weights.ndim == 1
    return Background(
        checkpoint_sha256=checkpoint.sha256,
        classes=corpus.classes,
        layers=tuple(layers),
        bag_weights=np.stack([0 * bag.weights, bag.weights]) if two else bag.weights,
        bag_intercept=np.array([0.0, bag.intercept]) if two else bag.intercept,
        bag_accuracy=bag.test_accuracy,
        texts=len(rows),
        starts=n_starts,
        seed=seed,
    )


def _visit(
    network: Network, texts: list[NDArray[np.int64]], rng: np.random.Generator
) -> tuple[list[NDArray[np.float64]], NDArray[np.intp]]:
    """Return visited states of each layer, in random order, and the text that each is of."""
    total = sum(len(text) for text in texts)
    kept = np.zeros(total, bool)
    kept[rng.permutation(total)[:MOST_STATES]] = True
    states: list[list[NDArray[np.float64]]] = [[] for _ in network.cells]
    owners: list[NDArray[np.intp]] = []
    seen = 0

    def see(rows: NDArray[np.intp], new: list[NDArray[np.float64]]) -> None:
        nonlocal seen
        chosen = kept[seen : seen + len(rows)]
        seen += len(rows)
        owners.append(rows[chosen])
        for layer, state in zip(states, new, strict=True):
            layer.append(state[chosen])

    network.read(texts, see)
    order = rng.permutation(int(kept.sum()))
    return [np.concatenate(layer)[order] for layer in states], np.concatenate(owners)[order]
