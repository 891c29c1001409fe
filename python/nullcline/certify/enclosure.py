"""A cell's residual, its Jacobian and its curvature around a state, every rounding error bounded.

The core evaluates the equations that its searches evaluate, on intervals with outward rounding:
`numerics/interval.hpp` and `cells/enclosure.hpp` in C++. What is enclosed is the real network whose
weights, inputs and states are the floating-point numbers given, evaluated exactly, those of a
float32 cell too. exp and tanh are trusted to 16 units of rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native import _core
from nullcline._native.blas import one_blas_thread
from nullcline.cells.protocol import HasExactWeights, Layered
from nullcline.certify.balls import UNIT, UP, Ball

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.balls import Matrix, Vector


class Enclosure:
    """What is known of a reduced residual G = n(h) - h around one state, all errors bounded.

    Parameters
    ----------
    core
        The core's enclosure of the cell.
    h
        Outputs, shape (H,).
    x
        The input, or all inputs of a ball, shape (D,); None for zero input. Every bound holds for
        each of these inputs.

    Attributes
    ----------
    residual
        G at the state, shape (H,).
    jacobian, jacobian_error
        DG at the state as floating point finds it, and a bound of each entry's error, shape (H, H).
    """

    def __init__(self, core: Any, h: Vector, x: Ball | None) -> None:
        self._core = core
        self._h = h
        self._drive = core.zero_input_drive() if x is None else core.drive(x.low, x.high)
        low, high, self.jacobian, self.jacobian_error = self._linearize(True, Ball.exactly(h))
        self.residual = Ball.between(low, high)

    def is_finite(self) -> bool:
        """Whether the residual, the Jacobian and its error are finite."""
        return bool(
            np.isfinite(self.residual.magnitude()).all()
            and np.isfinite(self.jacobian).all()
            and np.isfinite(self.jacobian_error).all()
        )

    def curvature(self, within: float, v: Vector | None = None, w: Vector | None = None) -> Vector:
        """Return a bound of |D²G_i(v, w)| for each unit, over all states at most `within` away.

        Without v or w, of all directions that are at most 1 in the sup norm.
        """
        around = self._around(within)
        found: Vector = self._core.curvature(around.low, around.high, *self._drive, v, w)
        return found

    def states(self, within: float) -> Ball:
        """Return all states (S,) whose outputs are at most `within` away, else at equilibrium."""
        around = self._around(within)
        return Ball.between(*self._core.complete(around.low, around.high, *self._drive))

    def step_jacobian(self, within: float) -> Ball:
        """Return J, the Jacobian (S, S) of the whole step F, at each of `states(within)`."""
        _, _, middle, radius = self._linearize(False, self.states(within))
        size = np.arange(len(middle))
        middle[size, size] += 1  # the core's is that of F(s) - s
        radius[size, size] = UP * (radius[size, size] + UNIT * np.abs(middle[size, size]))
        return Ball(middle, radius)

    def _around(self, within: float) -> Ball:
        return Ball(self._h, np.full_like(self._h, within))

    def _linearize(self, is_reduced: bool, states: Ball) -> tuple[Vector, Vector, Matrix, Matrix]:
        found: tuple[Vector, Vector, Matrix, Matrix] = self._core.linearize(
            is_reduced, states.low, states.high, *self._drive
        )
        return found


def can_be_enclosed(cell: Cell) -> bool:
    """Tell whether there are certificates for a cell of this type."""
    return why_not_enclosed(cell) is None


def why_not_enclosed(cell: Cell) -> str | None:
    """Return why there are no certificates for a cell; None where there are."""
    if isinstance(cell, Layered):
        return next(filter(None, map(why_not_enclosed, cell.cells)), None)
    if not isinstance(cell, HasExactWeights):
        return (
            f"a {type(cell).__name__} cannot be certified: the core does not know its equations, "
            "and so cannot bound their rounding errors; certify a native cell, such as "
            "nullcline.GRU"
        )
    if not cell.is_smooth:
        return (
            f"this {type(cell).__name__} cannot be certified: an activation has a kink (relu, "
            "hard_tanh, rectified_tanh), and the theorem needs continuous derivatives"
        )
    return None


def enclosure_for(cell: Cell) -> Callable[[Vector, Ball | Floats | None], Enclosure]:
    """Return what encloses a cell's equations at a state (S,) or outputs (H,), and an input (D,).

    Raises
    ------
    TypeError
        If nothing does, with the reason.
    """
    reason = why_not_enclosed(cell)
    if reason is not None:
        raise TypeError(reason)
    known: Any = cell
    with one_blas_thread():
        core = _core.CellEnclosure(*known.exact_weights())

    def enclose(state: Vector, x: Ball | Floats | None) -> Enclosure:
        given = x if x is None or isinstance(x, Ball) else Ball.exactly(x.astype(np.float64))
        return Enclosure(core, state[: cell.hidden_size].astype(np.float64), given)

    return enclose
