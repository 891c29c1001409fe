"""What became of a network along its training: the records that rows, figures and files share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nullcline._support import archive
from nullcline._support.reading import reading
from nullcline.search.fixed_points import FixedPoints
from nullcline.training.snapshots import Snapshot

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    import numpy as np
    from numpy.typing import NDArray

_FORMAT = "nullcline.Learning 1"
_FORMAT_OF_STEP = "nullcline.Learning.step 1"

_NOT_IN_FILES: dict[type, Collection[str]] = {FixedPoints: {"cell"}}
"""The checkpoint beside the file holds the cells."""


@dataclass(frozen=True, eq=False)
class LayerAtStep:
    """One layer with the weights after a step, whose states have S numbers.

    Attributes
    ----------
    layer
        Number of the layer, from 1.
    unique
        The distinct ends of the search, and after them the fixed points in which no start ended.
    stability
        How stable each is, shape (u,); "fixed" where it was not linearized.
    point
        The row that the layer is linearized around, the end of most starts; None without a point.
    eigenvalues, errors
        Of J_rec there, by falling modulus, and how far each may be off, shape (S,).
    mean, components
        Mean of sampled states (S,), and their first two principal components (2, S).
    cloud, labels
        Some of the states on these components, shape (m, 2), and their reviews' classes, (m,).
    numbers
        What rows hold (`nullcline.study.learning_measures.measure`).
    """

    layer: int
    unique: FixedPoints
    stability: NDArray[np.str_]
    point: int | None
    eigenvalues: NDArray[np.complex128]
    errors: NDArray[np.float64]
    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    cloud: NDArray[np.float32]
    labels: NDArray[np.int64]
    numbers: dict[str, Any]


@dataclass(frozen=True, eq=False)
class NetworkAtStep:
    """All layers with the weights after a step, and what they were measured of.

    Attributes
    ----------
    step
        The step.
    source
        What says which run it is of, and how it was measured.
    layers
        One entry per layer.
    """

    step: int
    source: str
    layers: tuple[LayerAtStep, ...]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` (.npz, nothing pickled), whole or not at all."""
        archive.write_record(path, _FORMAT_OF_STEP, self, omit=_NOT_IN_FILES)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NetworkAtStep:
        """Read what `save` wrote, or raise OSError or ValueError."""
        with reading(path, "the measures of a snapshot") as file:
            return archive.read_record(file, _FORMAT_OF_STEP, cls)


@dataclass(frozen=True, eq=False)
class PairEvent:
    """Two fixed points of a layer that are born together, or vanish together, between snapshots.

    Attributes
    ----------
    what
        "born" or "vanished".
    step
        When, in steps of Adam: a fraction of the way between the snapshots before and after.
    points
        The numbers of the two, rows of `Course.h`.
    h
        The state there, shape (S,).
    ghost_kind, ghost_q
        What a search finds at the snapshot before a birth, or after an end: "slow" or "minimum" for
        a ghost that they come from or leave; and its speed.
    """

    what: str
    step: float
    points: tuple[int, int]
    h: NDArray[np.float64]
    ghost_kind: str
    ghost_q: float

    @property
    def has_ghost(self) -> bool:
        """Whether there is a ghost at the snapshot: a minimum of the speed, slow or not."""
        return self.ghost_kind in ("slow", "minimum")


@dataclass(frozen=True, eq=False)
class Course:
    """The fixed points of a layer, followed from snapshot to snapshot (`nc.follow_training`).

    Attributes
    ----------
    layer
        Number of the layer, from 1.
    steps
        The K snapshots.
    h
        Where each of p points is at each, shape (p, K, S), NaN where it is not.
    n_unstable
        Eigenvalues outside of the unit circle, shape (p, K), -1 where the point is not there.
    was_found
        Whether the search at that snapshot found it, shape (p, K), or only following.
    events
        Births and ends in their order in time.
    faults
        What could not be followed, in sentences.
    """

    layer: int
    steps: NDArray[np.int64]
    h: NDArray[np.float64]
    n_unstable: NDArray[np.int64]
    was_found: NDArray[np.bool_]
    events: tuple[PairEvent, ...]
    faults: tuple[str, ...]

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Whether a point is there at a snapshot, shape (p, K)."""
        there: NDArray[np.bool_] = self.n_unstable >= 0
        return there


@dataclass(frozen=True, eq=False)
class Learning:
    """A training run, snapshot by snapshot.

    Attributes
    ----------
    corpus, cell, n_layers, seed
        What was trained.
    classes
        What the corpus calls its classes.
    chance
        Share of the validation reviews that are of the most common class.
    kept
        The step whose weights the run kept: the end of the epoch of lowest validation loss.
    snapshots
        Loss and accuracy after each step.
    networks
        The layers after each step.
    courses
        Their fixed points, followed; one entry per layer.
    """

    corpus: str
    cell: str
    n_layers: int
    seed: int
    classes: tuple[str, ...]
    chance: float
    kept: int
    snapshots: tuple[Snapshot, ...]
    networks: tuple[NetworkAtStep, ...]
    courses: tuple[Course, ...]

    @property
    def steps(self) -> list[int]:
        """The K steps, from 0 on."""
        return [one.step for one in self.snapshots]

    def layer(self, number: int) -> list[LayerAtStep]:
        """Return a layer, numbered from 1, at every snapshot."""
        return [network.layers[number - 1] for network in self.networks]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path` (.npz, nothing pickled), whole or not at all."""
        archive.write_record(path, _FORMAT, self, omit=_NOT_IN_FILES)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Learning:
        """Read what `save` wrote, or raise OSError or ValueError."""
        with reading(path, "an analysis of learning") as file:
            return archive.read_record(file, _FORMAT, cls)
