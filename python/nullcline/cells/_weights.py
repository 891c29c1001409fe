"""Weights in PyTorch's layout, checked and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nullcline._support import validation
from nullcline._support.state import frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._support.validation import Floats


_NEEDED = {"weight_ih", "weight_hh"}


class CellWeights:
    """Input weights, recurrent weights and biases, with the blocks of the gates stacked."""

    _gates: ClassVar[tuple[str, ...]]
    """Names of the gates, in the order in which weights are given."""

    def arguments(self) -> dict[str, Any]:
        """Return what the class makes the same cell of: `type(cell)(**cell.arguments())`."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return dict(zip(names, self._weights, strict=True))

    def _keep(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike,
        bias_ih: ArrayLike | None,
        bias_hh: ArrayLike | None,
    ) -> None:
        """Check and copy weights."""
        arrays = self._checked_weights(
            weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih, bias_hh=bias_hh
        )
        self._weights: tuple[Floats, ...] = frozen(tuple(arrays))

    @property
    def weight_ih(self) -> Floats:
        """Input weights, shape (gates H, D), read-only."""
        return self._weights[0]

    @property
    def weight_hh(self) -> Floats:
        """Recurrent weights, shape (gates H, H), read-only."""
        return self._weights[1]

    @property
    def bias_ih(self) -> Floats:
        """Biases, shape (gates H,), read-only; zeros if none were given."""
        return self._weights[2]

    @property
    def bias_hh(self) -> Floats:
        """Biases on the recurrent side, shape (gates H,), read-only; zeros if none were given."""
        return self._weights[3]

    @classmethod
    def _checked_weights(cls, **given: ArrayLike | None) -> list[Floats]:
        """Check the four weights and bring them to one type; missing biases are zeros."""
        arrays = validation.of_one_type(
            **{name: w for name, w in given.items() if w is not None or name in _NEEDED}
        )
        weight_ih, weight_hh = arrays["weight_ih"], arrays["weight_hh"]
        n, names = len(cls._gates), ", ".join(cls._gates)
        rows = "H" if n == 1 else f"{n}H"
        gates = "" if n == 1 else f" (gates {names})"
        if (
            weight_hh.ndim != 2
            or weight_hh.shape[1] < 1
            or len(weight_hh) != n * weight_hh.shape[1]
        ):
            raise ValueError(
                f"weight_hh must have shape ({rows}, H) with H >= 1{gates}, not {weight_hh.shape}"
            )
        length = len(weight_hh)
        if weight_ih.ndim != 2 or len(weight_ih) != length or weight_ih.shape[1] < 1:
            raise ValueError(
                f"weight_ih must have shape ({length}, D) with D >= 1, not {weight_ih.shape}; "
                "for a cell without input pass one column of zeros"
            )
        for name in ("bias_ih", "bias_hh"):
            bias = arrays.setdefault(name, np.zeros(length, weight_hh.dtype))
            if bias.shape != (length,):
                raise ValueError(f"{name} must have shape ({length},), not {bias.shape}")
        return [arrays[name] for name in given]
