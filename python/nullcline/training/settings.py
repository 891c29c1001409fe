"""What a training run is: the paper's settings as defaults, in one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a sentiment network and of its training; the defaults are the paper's.

    Parameters
    ----------
    layers
        Number of GRU layers, 1 or more.
    hidden_size
        Units in each GRU layer.
    embedding_size
        Dimension of the word vectors.
    dropout
        Probability of dropping an embedding or readout feature in training, in [0, 1).
    epochs
        Passes over the training reviews.
    batch_size
        Reviews in one step of Adam.
    learning_rate
        Adam's step size; its other parameters are its defaults.
    validation_fraction
        Part of the training split that is held out to choose the epoch, in (0, 1).
    vocabulary_size
        Number of the most common training tokens that get a vector of their own.
    max_tokens
        Keep only the *last* tokens of longer reviews (a verdict tends to come at the end);
        None keeps all.
    patience
        Stop after so many epochs without a lower validation loss; None runs all epochs.
    seed
        Seed of the split, the weights, the order of batches and the dropout.

    Raises
    ------
    ValueError
        A value is out of its range.
    """

    layers: int = 1
    hidden_size: int = 256
    embedding_size: int = 100
    dropout: float = 0.5
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    validation_fraction: float = 0.3
    vocabulary_size: int = 25_000
    max_tokens: int | None = None
    patience: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "layers",
            "hidden_size",
            "embedding_size",
            "epochs",
            "batch_size",
            "vocabulary_size",
        ):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("max_tokens", "patience"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, "None or at least 1", value)
        _require(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        _require(self.learning_rate > 0, "learning_rate", "positive", self.learning_rate)
        _require(
            0 < self.validation_fraction < 1,
            "validation_fraction",
            "in (0, 1)",
            self.validation_fraction,
        )
        _require(self.seed >= 0, "seed", "at least 0", self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        return asdict(self)


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{name} must be {rule}, not {value!r}")
