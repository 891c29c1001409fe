"""A cell at one input as the equations that are enumerated, nothing of it rounded unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native import _core
from nullcline._support import validation
from nullcline.cells.double_precision import in_float64
from nullcline.cells.protocol import HasExactWeights, Layered, require_cell
from nullcline.enumeration.low_rank import Factors, factors_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

    Vector = NDArray[np.float64]

RATES = ("rnn", "leaky_rnn", "rate_rnn")
"""The core's names of cells that are one activation of one product, in whatever order."""

MOST_UNKNOWNS = 64
"""Boxes of more unknowns take an inverse each that is too slow for the thousands that there are."""


@dataclass(frozen=True)
class Network:
    """What the core enumerates.

    Attributes
    ----------
    cell, x
        The cell, and its input, shape (1, D) or None.
    kind, weight, parameters, activations
        As the core has them; `weight` of shape (blocks H, H).
    core
        The core's enclosure of the cell.
    drive
        The ends of what input and biases add, each of shape (blocks H,).
    low, high
        The box of the outputs, shape (H,).
    factors
        Factors of a recurrence of low rank, where it has one and no unit is rectified linear.
    """

    cell: Cell
    x: Floats | None
    kind: str
    weight: Any
    parameters: NDArray[np.float64] | None
    activations: list[str] | None
    core: Any
    drive: tuple[Vector, Vector]
    low: Vector
    high: Vector
    factors: Factors | None

    @property
    def is_rectified(self) -> bool:
        """Whether all its units are rectified linear."""
        return set(self.activations or ()) == {"relu"}

    @property
    def of_arguments(self) -> bool:
        """Whether its outputs are the arguments of φ, h = W φ(h) + b, and not its values."""
        return self.kind == "rate_rnn"


def read_network(cell: Cell, inputs: ArrayLike | None) -> Network:
    """Check a cell and its input, and return its equations.

    Raises
    ------
    TypeError, ValueError
        If it cannot be enumerated, with what can be done instead.
    """
    require_cell(cell)
    if isinstance(cell, Layered):
        raise TypeError(
            "a Stack is not enumerated as a whole: enumerate its cells one after the other, each "
            "at the outputs of the fixed points of the one below"
        )
    if not isinstance(cell, HasExactWeights):
        raise TypeError(
            f"a {type(cell).__name__} cannot be enumerated: the core does not know its equations, "
            "and so cannot bound them over boxes; give a native cell, such as nullcline.GRU, or "
            "search with find_fixed_points"
        )
    x = validation.inputs("inputs", inputs, (1, cell.input_size), cell.dtype)
    exact: Any = cell
    kind, weight_ih, weight, biases, parameters, activations = exact.exact_weights()
    core = _core.CellEnclosure(kind, weight_ih, weight, biases, parameters, activations)
    wide = None if x is None else x[0].astype(np.float64)
    drive = core.zero_input_drive() if wide is None else core.drive(wide, wide)
    if not all(np.isfinite(end).all() for end in drive):
        raise ValueError("inputs and biases must add up to finite numbers; they overflow")
    box = in_float64(cell).box_at(wide)
    margin = 1e-9 * (1 + np.maximum(np.abs(box.low), np.abs(box.high)))
    is_rate = kind in RATES and "relu" not in activations
    network = Network(
        cell=cell,
        x=x,
        kind=kind,
        weight=weight,
        parameters=parameters,
        activations=activations,
        core=core,
        drive=drive,
        low=box.low - margin,
        high=box.high + margin,
        factors=factors_of(weight) if is_rate else None,
    )
    _require_possible(network)
    return network


def _require_possible(network: Network) -> None:
    is_bounded = bool(np.isfinite([network.low, network.high]).all())
    if network.is_rectified:
        if isinstance(network.weight, tuple):
            raise ValueError(
                "weight_hh must be one matrix for a ReLU network to be enumerated, not factors: "
                "pass left @ right.T"
            )
    elif not is_bounded:
        raise ValueError(
            f"cell must have bounded outputs, or be all ReLU, to be enumerated; activations "
            f"{sorted(set(network.activations or ()))} leave its box without faces: search with "
            "find_fixed_points"
        )
    if not network.is_rectified:  # those may have one point for a reason that needs no boxes
        require_few_unknowns(network)


def require_few_unknowns(network: Network) -> None:
    """Raise unless boxes of so many unknowns can be divided."""
    factors = network.factors
    unknowns = network.cell.hidden_size if factors is None else factors.rank
    if unknowns > MOST_UNKNOWNS:
        raise ValueError(
            f"cell has {unknowns} unknowns, and more than {MOST_UNKNOWNS} cannot be enumerated: "
            "boxes grow exponentially with them; search with find_fixed_points, and ask "
            "points.completeness() whether points are missing"
        )
