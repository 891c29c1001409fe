"""The paper's sentiment networks and how they are fitted; needs the `study` extra."""

from nullcline.training.checkpoint import (
    Checkpoint,
    CheckpointError,
    Epoch,
    load_checkpoint,
    require_new,
)
from nullcline.training.fit import train
from nullcline.training.model import SentimentGRU
from nullcline.training.settings import TrainingSettings

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Epoch",
    "SentimentGRU",
    "TrainingSettings",
    "load_checkpoint",
    "require_new",
    "train",
]
