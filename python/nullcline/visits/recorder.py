"""What is kept of one module of a model, call by call: a hook that draws from its states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nullcline.visits.calls import Call, CallError, CallReader
from nullcline.visits.reservoir import Column, Reservoir
from nullcline.visits.states import VisitedStates

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from nullcline.visits.calls import Run


@dataclass
class _Kept:
    """The columns of one layer in one direction."""

    states: Column = field(default_factory=Column)
    inputs: Column = field(default_factory=Column)
    previous: Column = field(default_factory=Column)


class Recorder:
    """Keeps states of one module; it is called after each call of it.

    Parameters
    ----------
    name
        What the model calls the module; empty for the model itself.
    module
        The module.
    size, seed
        How many states to keep, and the seed of the draw.
    """

    def __init__(self, name: str, module: torch.nn.Module, size: int | None, seed: int) -> None:
        self.name = name or type(module).__name__
        self.module = module
        self.failure: Exception | None = None
        self._prefix = name
        self._reader = CallReader(module)
        self._reservoir = Reservoir(size, seed)
        self._kept: dict[str, _Kept] = {}
        self._positions, self._sequences, self._labels = Column(), Column(), Column()
        self._is_labelled: bool | None = None
        self._n_sequences = 0
        self.start_batch(None, None, labels_needed=False)

    def start_batch(
        self, lengths: Tensor | None, labels: NDArray[Any] | None, *, labels_needed: bool
    ) -> None:
        """Begin with sequences of these lengths, if they are known, and labels, if there are."""
        self._lengths, self._batch_labels, self._labels_needed = lengths, labels, labels_needed
        self._n_rows = self._n_steps = self._position = 0
        self._last: tuple[Tensor, ...] = ()

    @property
    def was_called(self) -> bool:
        """Whether the module has been called."""
        return self._n_sequences > 0

    def end_batch(self) -> None:
        """Count the sequences of a batch.

        Raises
        ------
        ValueError
            If one is longer than what the module was called with.
        """
        longest = 0 if self._lengths is None else max(self._lengths.tolist(), default=0)
        if 0 < self._n_steps < longest:
            raise ValueError(
                f"lengths must be of the steps of {self.name}, which made {self._n_steps}, not "
                f"{longest}; choose other layers by layers=..."
            )
        self._n_sequences += self._n_rows

    def __call__(
        self, _: torch.nn.Module, args: tuple[Any, ...], keywords: dict[str, Any], output: Any
    ) -> None:
        """Keep what a call of the module tells: a forward hook."""
        try:
            self._keep(self._reader.read(args, keywords, output))
        except CallError as error:
            self.failure = ValueError(
                f"{self.name} {error}; leave it out by layers=..., or step it in a loop of your own"
            )
            raise self.failure from error
        except Exception as error:
            self.failure = error
            raise

    def _keep(self, call: Call) -> None:
        first = call.runs[0]
        n, n_steps = first.states.shape[:2]
        start = self._begins_at(call, n_steps)
        valid = self._visited(first, start)
        sequence, place = valid.nonzero(as_tuple=True)
        slots, rows = self._reservoir.offer(len(sequence))
        self._last, self._position = call.last, start + n_steps
        self._n_steps = max(self._n_steps, self._position)
        self._n_rows = max(self._n_rows, n)
        labels = self._labels_of(n)
        if len(rows) == 0:
            return
        picked = torch.from_numpy(rows).to(sequence.device)
        sequence, place = sequence[picked], place[picked]
        numbers = sequence.cpu().numpy()
        self._positions.put(slots, place.cpu().numpy() + start)
        self._sequences.put(slots, numbers + self._n_sequences)
        if labels is not None:
            self._labels.put(slots, labels[numbers])
        for run in call.runs:
            self._keep_run(run, slots, sequence, place)

    def _keep_run(
        self, run: Run, slots: NDArray[np.int64], sequence: Tensor, place: Tensor
    ) -> None:
        kept = self._kept.setdefault(run.name, _Kept())
        states = _array(run.states[sequence, place])
        if not np.isfinite(states).all():
            raise ValueError(f"{self.name} has visited states that are not finite: it diverges")
        kept.states.put(slots, states)
        kept.inputs.put(slots, _array(run.inputs[sequence, place]))
        kept.previous.put(slots, _array(run.before(sequence, place)))

    def _begins_at(self, call: Call, n_steps: int) -> int:
        """Return at which place of the sequences a call begins: beyond the last, or at the first.

        One goes on if it is given a state that is not zero: one that steps, any; a longer one, that
        in which the last call ended.
        """
        shapes = [part.shape for part in call.given]
        if not shapes or shapes != [part.shape for part in self._last]:
            return 0
        if not any(bool(part.any()) for part in call.given):
            return 0
        pairs = zip(call.given, self._last, strict=True)
        if n_steps > 1 and not all(torch.equal(*pair) for pair in pairs):
            return 0
        return self._position

    def _visited(self, run: Run, start: int) -> Tensor:
        """Return which places of which sequences are no padding, (n, T)."""
        n, n_steps = run.states.shape[:2]
        places = torch.arange(n_steps, device=run.states.device)
        lengths = run.lengths
        if lengths is None and self._lengths is not None:
            if len(self._lengths) != n:
                raise ValueError(
                    f"lengths must be one for each of the {n} sequences of {self.name}, not "
                    f"{len(self._lengths)}; choose other layers by layers=..."
                )
            lengths = self._lengths.to(places.device) - start
        if lengths is None:
            return torch.ones((n, n_steps), dtype=torch.bool, device=places.device)
        return places < lengths[:, None]

    def _labels_of(self, n: int) -> NDArray[Any] | None:
        """Return the labels of a call's sequences, where the first call had any."""
        labels = self._batch_labels
        fits = labels is not None and len(labels) == n
        if self._is_labelled is None:
            self._is_labelled = fits or self._labels_needed
        if not self._is_labelled:
            return None
        if labels is None or not fits:
            found = "none" if labels is None else str(len(labels))
            raise ValueError(
                f"labels must be one for each of the {n} sequences of {self.name}, in every batch, "
                f"not {found}"
            )
        return labels

    def results(self, cells: dict[str, Any]) -> dict[str, VisitedStates]:
        """Return what was kept, for each layer and direction, with these cells."""
        order = self._reservoir.order()
        found = {}
        for run, kept in self._kept.items():
            name = ".".join(filter(None, (self._prefix, run))) or "cell"
            found[name] = VisitedStates(
                layer=name,
                states=kept.states.rows(order),
                inputs=kept.inputs.rows(order),
                previous=kept.previous.rows(order),
                positions=self._positions.rows(order),
                sequences=self._sequences.rows(order),
                labels=self._labels.rows(order) if self._is_labelled else None,
                n_visited=self._reservoir.n_seen,
                cell=cells.get(run),
            )
        return found


def _array(tensor: Tensor) -> NDArray[Any]:
    """Return a tensor as an array of its type; of float32, where NumPy lacks it or it is narrow."""
    if tensor.is_floating_point() and tensor.dtype not in {torch.float32, torch.float64}:
        tensor = tensor.float()
    return tensor.detach().cpu().numpy()
