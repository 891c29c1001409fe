"""What a training run on disk must be, beyond what the types of its records say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safetensors import safe_open

from nullcline._support.reading import explaining, open_regular

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from nullcline.training.settings import TrainingSettings


def require_sound(epochs: Sequence[int], best_epoch: int, *shares: float | None) -> None:
    """Raise ValueError unless epochs are numbered from 1 and shares are in [0, 1].

    Parameters
    ----------
    epochs
        The numbers of the epochs of a run.
    best_epoch
        One of them.
    shares
        Accuracies, or None.
    """
    if not epochs or list(epochs) != list(range(1, len(epochs) + 1)):
        raise ValueError("history must hold epochs 1, 2, ...")
    if not 1 <= best_epoch <= len(epochs):
        raise ValueError(f"best_epoch must be from 1 to {len(epochs)}, not {best_epoch}")
    for share in shares:
        if not (share is None or 0 <= share <= 1):
            raise ValueError(f"an accuracy must be in [0, 1], not {share}")


def require_finite(weights: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError if a weight is infinite or NaN."""
    for name, value in weights.items():
        if not value.isfinite().all():
            raise ValueError(f"{name} is not finite")


def require_fitting(path: Path, settings: TrainingSettings, n_words: int) -> None:
    """Refuse weights of other sizes, before a network of the settings' sizes is made.

    Sizes in damaged settings may be anything; those of tensors are bounded by their file.

    Parameters
    ----------
    path
        A safetensors file of weights.
    settings, n_words
        What the network is said to be, and its words.

    Raises
    ------
    ValueError
        The file is damaged, or its tensors are not those of such a network.
    OSError
        It cannot be opened.
    """
    with explaining(path, "a file of this network's weights"):
        open_regular(path).close()
        with safe_open(path, framework="pt") as file:
            shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        layers = sum(name.startswith("rnn.weight_hh_l") for name in shapes)
        found = (layers, *shapes["embedding.weight"], *shapes["readout.weight"])
        logits = 1 if settings.n_classes == 2 else settings.n_classes
        wanted = (settings.layers, n_words, settings.embedding_size, logits, settings.hidden_size)
        if found != wanted:
            raise ValueError(
                "layers, words, embedding_size, logits and hidden_size are "
                f"{found} there, and {wanted} in the settings"
            )
