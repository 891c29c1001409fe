"""The paper's sentiment networks and how they are fitted; needs the `study` extra."""

from nullcline.training.checkpoint import (
    SPLITS,
    Checkpoint,
    CheckpointError,
    Epoch,
    load_checkpoint,
    require_new,
)
from nullcline.training.fit import train
from nullcline.training.model import SentimentRNN
from nullcline.training.settings import CELLS, TrainingSettings
from nullcline.training.ugrnn import UGRNN

__all__ = [
    "CELLS",
    "SPLITS",
    "UGRNN",
    "Checkpoint",
    "CheckpointError",
    "Epoch",
    "SentimentRNN",
    "TrainingSettings",
    "load_checkpoint",
    "require_new",
    "train",
]
