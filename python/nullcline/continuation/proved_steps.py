"""Steps along a fiber that are taken only where exactly one curve is proved to lie along them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nullcline.cells.protocol import Layered
from nullcline.certify.arcs import ArcProver, are_joined
from nullcline.certify.enclosure import enclosure_for, why_not_enclosed
from nullcline.certify.tubes import Tube
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT
from nullcline.continuation.extended_enclosure import ExtendedEnclosure
from nullcline.continuation.extended_map import Saturation

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.certify.arcs import Arc
    from nullcline.certify.enclosure import Enclosure
    from nullcline.continuation.curve_problem import Vector

EASY = 0.1
"""An arc whose radius of existence is this part of that of uniqueness may be followed by a longer
one. Of 1/64, 0.1 and 0.5 this takes the fewest proofs on curves of all smooth cells of 3 to 16
units (`python -m benchmarks.certificates --easy`)."""


class ProvedSteps:
    """The arcs of one branch, each proved, and proved to be one curve with the one before."""

    def __init__(self, prover: ArcProver) -> None:
        self._prover = prover
        self.arcs: list[Arc] = []

    def takes(self, a: Vector, b: Vector, *, closes: bool = False) -> bool:
        """Prove the arc of a step, and keep it; False where it is not proved.

        A step that `closes` the curve ends where the first one began.
        """
        with np.errstate(all="ignore"):  # what overflows proves nothing
            arc = self._prover.prove(a, b)
        is_joined = not self.arcs or are_joined(self.arcs[-1], arc)
        if not (arc.is_proved and is_joined) or (closes and not are_joined(arc, self.arcs[0])):
            return False
        self.arcs.append(arc)
        return True

    def take_back(self) -> None:
        """Forget the arc that was proved last, whose step was not taken after all."""
        self.arcs.pop()

    @property
    def may_be_longer(self) -> bool:
        """Whether the arc that was proved last may be followed by a longer one."""
        last = self.arcs[-1]
        return last.exists <= EASY * last.unique


def require_provable(cell: Cell) -> None:
    """Raise unless steps along a cell's fibers can be proved."""
    if isinstance(cell, Layered):
        raise TypeError("certified must be False for a stack: trace its layers one by one")
    reason = why_not_enclosed(cell)
    if reason is not None:
        raise TypeError(reason)
    if cell.hidden_size > LARGEST_WRITTEN_OUT:
        raise ValueError(
            f"certified must be False for more than {LARGEST_WRITTEN_OUT} units, whose Jacobians "
            f"are not written out; cell has {cell.hidden_size}"
        )


def arc_prover(cell: Cell, x: Floats | None, direction: Vector, *, beyond: bool) -> ArcProver:
    """Return what proves arcs of a fiber, in the box or of the map that is extended beyond it."""
    one = None if x is None else np.asarray(x[0], np.float64)
    own = enclosure_for(cell)

    def enclose(h: Vector) -> Enclosure:
        return own(h, one)

    if not beyond:
        return ArcProver(enclose, direction)
    return ArcProver(partial(ExtendedEnclosure, enclose, Saturation(cell.box_at(x))), direction)


def tube_of(backward: ProvedSteps | None, onward: ProvedSteps | None) -> Tube | None:
    """Return the tube of branches that begin at one point, the first reversed."""
    before = [] if backward is None else [arc.reversed() for arc in reversed(backward.arcs)]
    arcs = [*before, *(() if onward is None else onward.arcs)]
    return Tube.of_arcs(arcs) if arcs else None
