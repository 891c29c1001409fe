"""The analyses of one network, and their file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nullcline._support import archive
from nullcline._support.reading import reading
from nullcline._support.records import as_json
from nullcline.search.fixed_points import FixedPoints
from nullcline.study.context_results import ContextAnalysis
from nullcline.study.layer_results import LayerAnalysis

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    import numpy as np
    from numpy.typing import NDArray

_FORMAT = "nullcline.NetworkAnalysis 4"

_NOT_IN_FILES: dict[type, Collection[str]] = {FixedPoints: {"cell"}}
"""The checkpoint beside the file holds the cell."""

_NOT_FOR_READERS = ("readout", "baseline", "layers", "context")


@dataclass(frozen=True)
class Baseline:
    """The bag of words beside a network: accuracies in [0, 1], and its regularization C."""

    test_accuracy: float
    train_accuracy: float
    penalty: float


@dataclass(frozen=True, eq=False)
class NetworkAnalysis:
    """The analyses of one trained network.

    Attributes
    ----------
    n_layers
        Its depth.
    cell
        What its layers are, one of `nullcline.training.CELLS`.
    corpus, n_train
        What it was trained on, and on how many reviews.
    classes
        What the corpus calls its classes.
    split
        The reviews whose states were analysed, one of `nullcline.training.SPLITS`.
    test_accuracy, train_accuracy
        Share of test reviews, and of those trained on, that are classified correctly; None where
        it was not noted.
    baseline
        What a bag of words achieves on the same reviews.
    chance
        Share of the test reviews that are of the most common class.
    validation_loss, best_epoch
        Lowest validation loss (nats per review), and the epoch that had it.
    readout
        Weights of the linear readout, of the last class against the first, shape (H,).
    layers
        One entry per layer.
    seconds
        Time spent on each part.
    checkpoint_sha256
        Which training run it is of (`nullcline.training.Checkpoint.sha256`); None where that is not
        noted, as in early files.
    snapshot
        The step of Adam after which the weights were analysed; None for the best epoch's.
    context
        What modifiers do to the words after them; None where the vocabulary has none, or they were
        not analysed, as in early files.
    """

    n_layers: int
    cell: str
    corpus: str
    n_train: int
    classes: tuple[str, ...]
    split: str
    test_accuracy: float
    train_accuracy: float | None
    baseline: Baseline
    chance: float
    validation_loss: float
    best_epoch: int
    readout: NDArray[np.float64]
    layers: tuple[LayerAnalysis, ...]
    seconds: dict[str, float]
    checkpoint_sha256: str | None = None
    snapshot: int | None = None
    context: ContextAnalysis | None = None

    def to_json(self) -> dict[str, Any]:
        """Return every number as plain Python values, for results.json."""
        own = {name: value for name, value in vars(self).items() if name not in _NOT_FOR_READERS}
        for name in ("checkpoint_sha256", "snapshot"):
            if own[name] is None:
                del own[name]
        found: dict[str, Any] = as_json(
            {
                **own,
                "bag_of_words": self.baseline,
                "layers": [layer.to_json() for layer in self.layers],
                **({} if self.context is None else {"context": self.context.to_json()}),
            }
        )
        return found

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` (.npz, nothing pickled), whole or not at all."""
        archive.write_record(path, _FORMAT, self, omit=_NOT_IN_FILES)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NetworkAnalysis:
        """Read what `save` wrote.

        Raises
        ------
        OSError
            The file cannot be opened.
        ValueError
            It was not written by `save`, or is damaged.
        """
        with reading(path, "an analysis") as file:
            found = archive.read_record(file, _FORMAT, cls)
            found.to_json()  # arrays that do not fit each other are refused here
            return found
