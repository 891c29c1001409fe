"""The fixed-point homotopy as a textbook has it: small steps, and Newton's corrections in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_TURN = 0.999
"""The least cosine between tangents of neighbouring points."""


class Path:
    """The path {h = (1 - λ) a + λ n(h)} of one start a, its points (h, λ) as one array."""

    def __init__(self, cell: Any, start: Array, x: Array | None = None) -> None:
        self._cell = cell
        self._start = start
        self._x = x

    def end(self) -> Array:
        """Return the outputs where the path first comes to λ = 1."""
        *_, last = self.points()
        return last[:-1]

    def points(self, longest: float = 0.05, turn: float = _TURN) -> Iterator[Array]:
        """Yield points along the path, by steps of so much at most, until it comes to λ = 1."""
        y, length = np.append(self._start, 0.0), 1e-2
        tangent = self._tangent(y, np.append(np.zeros_like(self._start), 1.0))
        while True:
            trial = self._corrected(y + length * tangent, tangent)
            if trial is not None and trial[-1] >= 1:
                share = (1 - y[-1]) / (trial[-1] - y[-1])
                last = np.append(np.zeros_like(self._start), 1.0)
                end = self._corrected(np.append(y + share * (trial - y), 1)[:-1], last)
                assert end is not None
                yield end
                return
            following = None if trial is None else self._tangent(trial, tangent)
            if trial is None or following is None or following @ tangent < turn:
                length /= 2
                assert length > 1e-12
                continue
            y, tangent, length = trial, following, min(1.5 * length, longest)
            yield y

    def equations(self, y: Array) -> tuple[Array, Array]:
        """Return ρ(h, λ) = h - (1 - λ) a - λ n(h), and its derivative, a column for λ the last."""
        h, share = y[:-1], y[-1]
        f = self._cell.residual(h[None], self._x)[0]
        by_state = self._cell.residual_jacobian(h[None], self._x)[0] + np.eye(len(h))
        value = h - (1 - share) * self._start - share * (h + f)
        return value, np.column_stack([np.eye(len(h)) - share * by_state, self._start - h - f])

    def _tangent(self, y: Array, before: Array) -> Array:
        """Return the unit vector along the path, on the side of the tangent before it."""
        matrix = np.vstack([self.equations(y)[1], before])
        t = np.linalg.solve(matrix, np.append(np.zeros(len(y) - 1), 1.0))
        return t / float(np.linalg.norm(t))

    def _corrected(self, predicted: Array, normal: Array) -> Array | None:
        y, before = predicted.copy(), np.inf
        for _ in range(8):
            value, derivative = self.equations(y)
            step = np.linalg.solve(
                np.vstack([derivative, normal]), -np.append(value, normal @ (y - predicted))
            )
            size = float(np.linalg.norm(step))
            if size > before / 2:
                return None
            y, before = y + step, size
            if size < 1e-12:
                return y
        return None
