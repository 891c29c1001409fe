"""Weights that are kept along a run: after which steps, in which files, and what is noted."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nullcline._support.files import remove_abandoned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = "snapshots"
"""The folder of the run's that snapshots are in."""

N_NOTED = 1000
"""Reviews that a loss and an accuracy are noted on: the standard error of a share is 1.6% at most.

They are read at each snapshot, so their number is bounded by time: with IMDB, 2,000 more reviews to
read for a snapshot are 4% of the time of an epoch.
"""


@dataclass(frozen=True)
class Snapshot:
    """What is noted of a network after a step of Adam, without dropout.

    Parameters
    ----------
    step
        The number of steps that were taken, from 0.
    epoch
        The epoch that ended with this step; None within one, and before the first.
    validation_loss, validation_accuracy
        Mean loss in nats per review and accuracy in [0, 1] on validation reviews: all of them at
        step 0 and after an epoch, else the first `N_NOTED` of them, which are in random order.
    training_loss, training_accuracy
        The same on the first `N_NOTED` of the training reviews, in random order, too.
    n_validation, n_training
        How many reviews these are.
    """

    step: int
    epoch: int | None
    validation_loss: float
    validation_accuracy: float
    training_loss: float
    training_accuracy: float
    n_validation: int
    n_training: int


def is_kept(step: int, every: int | None, steps_per_epoch: int) -> bool:
    """Tell whether the weights after a step are kept.

    They are after every so many steps, after each epoch, and, since much of what is learned is
    learned at first, after step 1, 2, 4, 8 and so on up to the first multiple.

    Parameters
    ----------
    step
        The number of steps that were taken, from 1.
    every
        `TrainingSettings.snapshot_steps`; None keeps none.
    steps_per_epoch
        The number of steps of an epoch.
    """
    if every is None:
        return False
    is_power_of_two = step & (step - 1) == 0
    is_due = step % every == 0 or (step < every and is_power_of_two)
    return is_due or step % steps_per_epoch == 0


def require_reached(every: int | None, steps_per_epoch: int, epochs: int) -> None:
    """Raise ValueError if a run has fewer steps than there are between two snapshots."""
    steps = steps_per_epoch * epochs
    if every is not None and every > steps:
        raise ValueError(
            f"snapshot_steps={every} is more than the run has: {steps} steps, {steps_per_epoch} "
            f"in each of {epochs} epochs; choose fewer"
        )


def name_of(step: int) -> str:
    """Return the name of a snapshot's file within the run's folder."""
    return f"{FOLDER}/step-{step:06d}.safetensors"


def require_among(step: int, snapshots: Sequence[Snapshot]) -> None:
    """Raise ValueError unless the weights after a step were kept."""
    steps = [0, *(one.step for one in snapshots if one.step)]
    if isinstance(step, bool) or step not in steps:
        also = "" if snapshots else "; train with snapshot_steps to keep more"
        raise ValueError(
            f"snapshot must be a step whose weights were kept, one of "
            f"{', '.join(map(str, steps))}, not {step!r}{also}"
        )


def require_in_order(snapshots: Sequence[Snapshot]) -> None:
    """Raise ValueError unless snapshots are of step 0 and of rising others."""
    steps = [one.step for one in snapshots]
    if steps and (steps[0] != 0 or steps != sorted(set(steps))):
        raise ValueError("snapshots must be of step 0 and of rising steps")


def remove_snapshots(directory: Path) -> None:
    """Remove a run's snapshots, and their folder if nothing else is in it."""
    for path in (directory / FOLDER).glob("step-*.safetensors"):
        path.unlink(missing_ok=True)
    remove_unfinished(directory)
    with contextlib.suppress(OSError):
        (directory / FOLDER).rmdir()


def remove_unfinished(directory: Path) -> None:
    """Remove what killed processes left of snapshots."""
    remove_abandoned(directory / FOLDER)
