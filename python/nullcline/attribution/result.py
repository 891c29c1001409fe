"""What every input adds to a logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nullcline._support.shown import Shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats


@dataclass(frozen=True, eq=False, repr=False)
class Attribution(Shown):
    """Every step's exact share of the change of a logit from its baseline.

    `shares.sum(axis=1) + start` is `change` to rounding. Shapes are those for n texts padded to T
    steps and one readout; for C readouts arrays have a last axis C (`by_mode` one before its last);
    for one text that was given as (T, D) they lack the axis n.

    Attributes
    ----------
    shares
        λ_tᵀ B̄_t Δx_t, shape (n, T): what the input of step t adds to the logit, by what of it
        lasts to the end. Zero beyond a text's length.
    start
        λ_0ᵀ (h_0 - h*), shape (n,): what the initial state adds, summed over layers.
    logit
        The readout's value after the last step, shape (n,).
    baseline_logit
        The same of the baseline, shape (n,).
    at_once
        What the logit would gain by the input of step t if it were read right after it: the change
        of the output at that step alone, all else as it is, shape (n, T).
    by_layer
        The shares of the changes of each layer's own inputs, shape (n, L, T). That of the first is
        `shares`. With the starts of this layer and of those above it, each sums to `change`.
    start_by_layer
        What each layer's initial state adds, shape (n, L).
    by_mode
        `shares` through each mode of a linearization, shape (n, T, k), or None; the two modes of a
        conjugate pair have half of what the pair carries. For a list of linearizations a tuple,
        which splits `by_layer` layer by layer. What goes through no mode is the rest to the share.
    lengths
        How many steps each text has, shape (n,).
    baseline
        The states from which changes are counted, one array (1, S_l) a layer; it may be passed as
        `baseline` again.
    baseline_kind
        "fixed point", where the baseline rests, or "trajectory", where it moves from these states
        at the baseline's input.
    """

    shares: NDArray[np.float64]
    start: NDArray[np.float64]
    logit: NDArray[np.float64]
    baseline_logit: NDArray[np.float64]
    at_once: NDArray[np.float64]
    by_layer: NDArray[np.float64]
    start_by_layer: NDArray[np.float64]
    by_mode: NDArray[np.float64] | tuple[NDArray[np.float64] | None, ...] | None
    lengths: NDArray[np.intp]
    baseline: tuple[Floats, ...]
    baseline_kind: str

    @property
    def change(self) -> NDArray[np.float64]:
        """`logit - baseline_logit`, shape (n,)."""
        return self.logit - self.baseline_logit

    @property
    def error(self) -> NDArray[np.float64]:
        """How far the shares and the start are from `change`, shape (n,): rounding alone."""
        total: NDArray[np.float64] = self.shares.sum(axis=self._step_axis) + self.start
        return abs(total - self.change)

    @property
    def held(self) -> NDArray[np.float64]:
        """What of each input lasts to the end: `shares`, by its other name beside `at_once`."""
        return self.shares

    @property
    def afterwards(self) -> NDArray[np.float64]:
        """What later steps made of each input, `held - at_once`, shape (n, T)."""
        return self.shares - self.at_once

    def __repr__(self) -> str:
        n = f"{len(self.lengths)} texts" if self.lengths.ndim else "one text"
        return f"Attribution({n}, {self.shares.shape[self._step_axis]} steps; {self.baseline_kind})"

    @property
    def _step_axis(self) -> int:
        return self.lengths.ndim
