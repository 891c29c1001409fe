"""The state of an unfinished run, in one file: tensors, and beside them a record in JSON.

One file holds all of it, so it is of one epoch and of one run, whenever a run is killed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import safe_open
from safetensors.torch import save

from nullcline._support.files import write_bytes
from nullcline._support.reading import explaining, open_regular
from nullcline._support.records import pack, unpack
from nullcline.training.checkpoint import Epoch  # noqa: TC001 - read back by its fields' types
from nullcline.training.settings import TrainingSettings  # noqa: TC001 - the same
from nullcline.training.snapshots import Snapshot  # noqa: TC001 - the same

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    Tensors = dict[str, torch.Tensor]

_RECORD = "nullcline"
"""The one entry of the file's metadata; the order of several is up to chance."""


@dataclass(frozen=True)
class Origin:
    """What a run is made of: a run that differs in any of it is another run.

    Parameters
    ----------
    corpus
        Name of the corpus.
    settings
        The settings, with what None stands for.
    corpus_sha256, vectors_sha256
        Hashes of the corpus and of the word vectors; None where they are not known.
    """

    corpus: str
    settings: TrainingSettings
    corpus_sha256: str | None
    vectors_sha256: str | None = None

    def differences(self, other: Origin) -> str:
        """Say in what `other` differs from this; empty if it does not."""
        mine, others = (
            {"corpus": origin.corpus, **origin.settings.to_dict()} for origin in (self, other)
        )
        said = [f"{name}: {others[name]!r} there" for name in mine if mine[name] != others[name]]
        if said:
            return f"of other settings ({', '.join(said)})"
        if _differ(self.corpus_sha256, other.corpus_sha256):
            return (
                f"on other reviews: what {self.corpus} holds has changed since, or it is another "
                "file of that name"
            )
        if _differ(self.vectors_sha256, other.vectors_sha256):
            return "that began with other word vectors: their file has changed since"
        return ""


def _differ(one: str | None, other: str | None) -> bool:
    return None not in {one, other} and one != other


@dataclass(frozen=True)
class Progress:
    """A run between two epochs.

    Parameters
    ----------
    origin
        What the run is made of.
    history
        The epochs so far.
    files
        SHA-256 of the files that the run has written for good.
    snapshots
        What was noted after each step whose weights were kept.
    """

    origin: Origin
    history: tuple[Epoch, ...]
    files: dict[str, str]
    snapshots: tuple[Snapshot, ...] = ()


def save_progress(path: Path, progress: Progress, tensors: dict[str, Tensors]) -> None:
    """Write a run's state to `path`, whole or not at all.

    Parameters
    ----------
    path
        The file.
    progress
        The run.
    tensors
        Named groups of named tensors; a group's name has no slash.
    """
    record, _ = pack(progress)
    flat = {
        f"{group}/{name}": tensor.detach().cpu()
        for group, members in tensors.items()
        for name, tensor in members.items()
    }
    whole = {"sha256": _digest(record, flat), "progress": record}
    write_bytes(path, save(flat, {_RECORD: json.dumps(whole)}))


def load_progress(path: Path) -> tuple[Progress, dict[str, Tensors]]:
    """Read what `save_progress` wrote.

    Raises
    ------
    OSError
        If it cannot be opened.
    FileError
        If it is damaged, or holds no run; a ValueError.
    """
    tensors: dict[str, Tensors] = {}
    open_regular(path).close()  # what is not there, or no file, is refused before it is mapped
    with explaining(path, "an unfinished training run"), safe_open(path, framework="pt") as file:
        whole = json.loads(file.metadata()[_RECORD])
        flat = {place: file.get_tensor(place).clone() for place in file.keys()}  # noqa: SIM118
        if whole["sha256"] != _digest(whole["progress"], flat):
            raise ValueError("its SHA-256 is not that of what it holds")
        progress = unpack(Progress, whole["progress"])
    for place, tensor in flat.items():
        group, _, name = place.partition("/")
        tensors.setdefault(group, {})[name] = tensor
    return progress, tensors


def _digest(record: Any, flat: Tensors) -> str:
    """Return the SHA-256 of a record and of tensors with their names, types and shapes."""
    digest = hashlib.sha256(json.dumps(record).encode())
    for place, tensor in sorted(flat.items()):
        digest.update(f"{place} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
