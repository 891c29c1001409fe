"""The paper's sentiment networks and how they are fitted; needs the `study` extra.

Each name is loaded when it is first asked for: the settings, which the command line shows, need no
PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.lazy import lazy

if TYPE_CHECKING:
    from nullcline.training.checkpoint import (
        Checkpoint,
        CheckpointError,
        Epoch,
        load_checkpoint,
        require_new,
    )
    from nullcline.training.fit import train
    from nullcline.training.model import SentimentRNN
    from nullcline.training.recurrent import GRU, LSTM, RNN, UGRNN, LeakyRNN
    from nullcline.training.settings import CELLS, SPLITS, TrainingSettings
    from nullcline.training.snapshots import Snapshot

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "RNN",
    "SPLITS",
    "UGRNN",
    "Checkpoint",
    "CheckpointError",
    "Epoch",
    "LeakyRNN",
    "SentimentRNN",
    "Snapshot",
    "TrainingSettings",
    "load_checkpoint",
    "require_new",
    "train",
]

_HOMES = {
    "CELLS": "settings",
    "GRU": "recurrent",
    "LSTM": "recurrent",
    "RNN": "recurrent",
    "SPLITS": "settings",
    "UGRNN": "recurrent",
    "Checkpoint": "checkpoint",
    "CheckpointError": "checkpoint",
    "Epoch": "checkpoint",
    "LeakyRNN": "recurrent",
    "SentimentRNN": "model",
    "Snapshot": "snapshots",
    "TrainingSettings": "settings",
    "load_checkpoint": "checkpoint",
    "require_new": "checkpoint",
    "train": "fit",
}
"""The file that each public name is in."""


__getattr__, __dir__ = lazy(__name__, _HOMES)
