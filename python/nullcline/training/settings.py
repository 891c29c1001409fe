"""What a training run is: the paper's settings as defaults, in one frozen record."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nullcline._support.validation import whole_number

CELLS = ("gru", "lstm", "ugrnn", "rnn", "leaky")
"""The recurrent cells that a network can be made of; "rnn" is the vanilla RNN, with tanh."""

_WITHOUT_GATES = ("rnn", "leaky")

DEFAULT_ALPHA = 0.1
"""The leak that None stands for with a leaky network, one of neuroscience's usual ones.

On SST, whose sentences have some 20 tokens, test accuracies with leaks of 0.05, 0.1, 0.2 and 0.5
are 0.786, 0.778, 0.792 and 0.796 at a learning rate of 1e-3 (64 units, 5 epochs, seed 0), and lower
by 0.03 to 0.06 at 3e-4: the choice of the leak is free there, and 1e-3 is not too large a step.
"""

SPLITS = ("train", "validation", "test")
"""The reviews that a network was trained on, those that chose its epoch, and those held back."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of a sentiment network and of its training; the defaults are the paper's.

    Parameters
    ----------
    cell
        Kind of the recurrent layers. "ugrnn" is `nullcline.training.UGRNN`, "rnn" the vanilla
        network with tanh, and "leaky" `nullcline.training.LeakyRNN`; the paper's is "gru".
    layers
        Number of recurrent layers, 1 or more.
    hidden_size
        Units in each recurrent layer.
    embedding_size
        Dimension of the word vectors.
    dropout
        Probability of dropping an embedding or readout feature in training, in [0, 1).
    epochs
        Passes over the training reviews.
    batch_size
        Reviews in one step of Adam.
    learning_rate
        Step size of Adam. Its other parameters are its defaults. None stands for 1e-3, and for 3e-4
        with a vanilla network, whose loss jumps at larger steps.
    max_gradient_norm
        Largest Euclidean norm of the gradient by all parameters together. A longer gradient is
        scaled down to it (Pascanu, Mikolov and Bengio 2013). None stands for 1 with a vanilla or
        leaky network, whose gradients can explode, and for no bound with the gated ones.
    validation_fraction
        Part of the train split that is held out to choose the epoch, in (0, 1). A corpus with
        validation reviews of its own has all others to train on, and this is not looked at.
    train_size
        Number of reviews to train on, drawn at random from those that are not held out. None takes
        all.
    vectors
        File of the word vectors to start from, "random" (or "none"), "word2vec", "fasttext", or
        the name of published ones. Random ones are drawn for each word. Those of "word2vec" and
        "fasttext" are trained on the reviews to train on, before the network
        (`nullcline.text.train_word_vectors`). Published ones are listed at
        `nullcline.text.load_vectors_for_corpus`. None stands for GloVe's, and with a generated
        language for its own.
    classes
        Number of classes of the corpus, 2 or more. None stands for the corpus's own number, and for
        2 where there is a choice. Two are told apart by one logit and the binary cross-entropy,
        more by one logit each and the cross-entropy. Labels of a CSV file that are numbers are in
        the order of the numbers, others by alphabet.
    vocabulary_size
        Number of the most common training tokens that get a vector of their own.
    max_tokens
        Number of tokens that are read of longer reviews, the *last* ones. A review's conclusion
        tends to come at its end. None reads all.
    patience
        Number of epochs without a lower validation loss after which training stops. None runs all
        epochs.
    seed
        Seed of the split, the weights, the order of batches and the dropout.
    frozen_vectors
        Leave the word vectors as they start, those of unknown words, too: they are not learned.
    alpha
        Leak α of a leaky network, in (0, 1], the same in all units and not learned: without its
        recurrence, a unit forgets within 1/α tokens. None stands for 0.1. Other cells have none,
        and it is not looked at with them.
    snapshot_steps
        Weights are kept after every so many steps of Adam, after each epoch, and, before the first
        of these, after step 1, 2, 4, 8 and so on. None keeps those of the best epoch alone, and
        those before the first step. Snapshots change nothing else of a run.

    Raises
    ------
    ValueError
        A value is out of its range.
    """

    cell: str = field(default="gru", metadata={"choices": CELLS})
    layers: int = 1
    hidden_size: int = 256
    embedding_size: int = 100
    dropout: float = 0.5
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float | None = None
    max_gradient_norm: float | None = None
    validation_fraction: float = 0.3
    train_size: int | None = None
    vectors: str | None = None
    classes: int | None = None
    vocabulary_size: int = 25_000
    max_tokens: int | None = None
    patience: int | None = None
    seed: int = 0
    alpha: float | None = None
    snapshot_steps: int | None = None
    frozen_vectors: bool = False

    def __post_init__(self) -> None:
        _require(self.cell in CELLS, "cell", f"one of {', '.join(CELLS)}", self.cell)
        for name in (
            "layers",
            "hidden_size",
            "embedding_size",
            "epochs",
            "batch_size",
            "vocabulary_size",
        ):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("max_tokens", "patience", "train_size"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, "None or at least 1", value)
        if self.snapshot_steps is not None:
            whole_number("snapshot_steps", self.snapshot_steps, 1)
        _require(0 <= self.dropout < 1, "dropout", "in [0, 1)", self.dropout)
        _require(
            0 < self.validation_fraction < 1,
            "validation_fraction",
            "in (0, 1)",
            self.validation_fraction,
        )
        if self.vectors is not None:  # a path is kept as JSON can hold it
            object.__setattr__(self, "vectors", os.fspath(self.vectors))
        _require(self.vectors != "", "vectors", "None, a file or 'random'", self.vectors)
        frozen = self.frozen_vectors
        _require(isinstance(frozen, bool), "frozen_vectors", "True or False", frozen)
        _require(self.n_classes >= 2, "classes", "at least 2", self.classes)
        for name in ("learning_rate", "max_gradient_norm"):
            value = getattr(self, name)
            _require(value is None or value > 0, name, "None or positive", value)
        _require(
            self.alpha is None or 0 < self.alpha <= 1, "alpha", "None or in (0, 1]", self.alpha
        )
        _require(self.seed >= 0, "seed", "at least 0", self.seed)

    @property
    def step_size(self) -> float:
        """`learning_rate`, or what None stands for."""
        return self.learning_rate or (3e-4 if self.cell == "rnn" else 1e-3)

    @property
    def n_classes(self) -> int:
        """`classes`, or 2 where it is left to a corpus that is not known yet."""
        return 2 if self.classes is None else self.classes

    def resolved(self, classes: int = 2) -> TrainingSettings:
        """Return these settings with the numbers that None stands for, and one name for each.

        Parameters
        ----------
        classes
            How many the corpus has, where the settings leave them to it.
        """
        bound = self.max_gradient_norm or (1.0 if self.cell in _WITHOUT_GATES else None)
        alpha = (self.alpha or DEFAULT_ALPHA) if self.cell == "leaky" else None
        vectors = "random" if self.vectors == "none" else self.vectors
        return replace(
            self,
            learning_rate=self.step_size,
            max_gradient_norm=bound,
            alpha=alpha,
            vectors=vectors,
            classes=classes if self.classes is None else self.classes,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as a dictionary that JSON can hold."""
        return asdict(self)


def _require(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{name} must be {rule}, not {value!r}")
