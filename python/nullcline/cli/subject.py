"""What a command looks at: points of a search, or states, and the cell that they are of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cli.arrays import FILE_OF_ARRAYS, read_inputs, read_states
from nullcline.cli.networks import (
    OF_NETWORK,
    WEIGHTS,
    add_network,
    cell_of,
    is_points,
    read_layer,
    read_points_of,
)
from nullcline.cli.options import require_left_out
from nullcline.search.find import find_fixed_points
from nullcline.search.kinds import KINDS

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.search.fixed_points import FixedPoints


@dataclass(frozen=True)
class Subject:
    """A cell and points, or states, of it.

    Attributes
    ----------
    cell
        The cell.
    points
        Distinct points; or states, each with the kind that a point there would have.
    numbers
        What tables call them, from 0: their rows among the distinct points of their file.
    are_points
        Whether they are points that a search found, rather than states.
    """

    cell: Cell
    points: FixedPoints
    numbers: NDArray[np.intp]
    are_points: bool

    def select(self, rows: NDArray[Any]) -> Subject:
        """Return some of the points, with the numbers that they had."""
        return replace(self, points=self.points.select(rows), numbers=self.numbers[rows])


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Add what a command looks at."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="POINTS",
        help=f"file of points, as nullcline find writes it; or {WEIGHTS}, with --states",
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="WEIGHTS",
        help="the network of the points, if their file does not hold it",
    )
    parser.add_argument(
        "--inputs", metavar="FILE", help="the constant input at --states (zero without it)"
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, help="kinds of points (all that converged)"
    )
    parser.add_argument(
        "--point",
        type=int,
        nargs="+",
        metavar="N",
        help="these points alone, by their numbers in the tables, from 0",
    )
    parser.add_argument(
        "--condition", metavar="LABEL", help="points under this condition of their inputs alone"
    )
    parser.add_argument(
        "--threads", dest="n_threads", type=int, metavar="N", help="most threads (a core each)"
    )
    add_network(parser)


def add_states_in_place(parser: argparse.ArgumentParser) -> None:
    """Add states that a command looks at where it is given no points."""
    parser.add_argument(
        "--states",
        metavar="FILE",
        help=f"states to look at in place of points: {FILE_OF_ARRAYS}",
    )


def read_subject(options: argparse.Namespace) -> Subject:
    """Return the distinct points, or the states, that the options of `add_subject` choose.

    Raises
    ------
    OSError, ValueError, TypeError, NotImplementedError
        If a file cannot be read, or does not fit the others.
    """
    if is_points(options.source):
        if options.states is not None:
            raise ValueError(f"states must be left out: {options.source} holds points")
        return read_points(options)
    require_left_out(options, ("network",), f"{options.source} is a network, and not points")
    return _chosen(options, _states(options))


def read_points(options: argparse.Namespace) -> Subject:
    """Return the distinct points in the file that is named, as `read_subject` does."""
    if options.inputs is not None:
        raise ValueError(f"inputs must be left out: {options.source} holds points, with theirs")
    points = read_points_of(options.source)
    if options.network is None:
        why = f"{options.source} holds the network of its points (another one is --network)"
        cell = cell_of(options.source, points)
        require_left_out(options, OF_NETWORK, why)
    else:
        cell = read_layer(options.network, options).cell
        _require_fitting(options, points, cell)
    distinct = replace(points, cell=cell).unique()
    return _chosen(options, Subject(cell, distinct, np.arange(len(distinct)), are_points=True))


def _chosen(options: argparse.Namespace, subject: Subject) -> Subject:
    """Return the points of the kinds, the condition and the numbers that are asked for."""
    if options.condition is not None:
        subject = subject.select(_under_condition(options, subject.points))
    if options.kinds:
        subject = subject.select(np.flatnonzero(np.isin(subject.points.kind, options.kinds)))
    if len(subject.points) == 0:
        raise ValueError(
            f"{options.source} has no point "
            + (f"that is {' or '.join(options.kinds)}" if options.kinds else "that converged")
        )
    if options.point:
        rows = [np.flatnonzero(subject.numbers == number) for number in options.point]
        if not all(len(found) for found in rows):
            raise ValueError(
                f"point must be among {shown_numbers(subject.numbers)}, not "
                f"{', '.join(map(str, options.point))}"
            )
        subject = subject.select(np.concatenate(rows))
    return subject


def _under_condition(options: argparse.Namespace, points: FixedPoints) -> NDArray[np.intp]:
    labels = [] if points.condition is None else points.condition.astype(str).tolist()
    if options.condition not in labels:
        there = ", ".join(dict.fromkeys(labels)) or "none, since their inputs have no labels"
        raise ValueError(
            f"condition must be one of the points in {options.source} ({there}), not "
            f"{options.condition!r}"
        )
    return np.flatnonzero([label == options.condition for label in labels])


def require_one_condition(subject: Subject, what: str) -> None:
    """Raise ValueError if points are under several conditions of their inputs."""
    labels = subject.points.condition
    if labels is not None and len(set(labels.tolist())) > 1:
        there = ", ".join(dict.fromkeys(labels.astype(str).tolist()))
        raise ValueError(f"condition must be chosen, one of {there}: {what} is at one input")


def shown_numbers(numbers: NDArray[np.intp]) -> str:
    """Return numbers in words: 0 to 8, or 0, 3, 7 and 12 more."""
    if len(numbers) > 1 and np.ptp(numbers) == len(numbers) - 1:
        return f"{numbers.min()} to {numbers.max()}"
    first = ", ".join(map(str, numbers[:10]))
    return first if len(numbers) <= 10 else f"{first} and {len(numbers) - 10} more"


def _require_fitting(options: argparse.Namespace, points: FixedPoints, cell: Cell) -> None:
    sizes = [("states", points.h.shape[1], cell.state_size)]
    if points.inputs is not None:
        sizes.append(("inputs", points.inputs.shape[1], cell.input_size))
    for what, own, wanted in sizes:
        if own != wanted:
            raise ValueError(
                f"{options.source} has {what} of width {own}, and {type(cell).__name__} of "
                f"{options.network} takes {wanted}: it is another network's, or another layer's "
                "(--layer)"
            )
    if points.h.dtype != cell.dtype:
        raise ValueError(
            f"{options.source} is of {points.h.dtype}: read its network in that type, --dtype "
            f"{points.h.dtype}"
        )


def _states(options: argparse.Namespace) -> Subject:
    cell = read_layer(options.source, options).cell
    if options.states is None:
        raise ValueError(
            f"{options.source} holds a network: pass its points, as nullcline find writes them, or "
            "states to look at (--states FILE)"
        )
    states = read_states(options.states, cell)
    inputs = None if options.inputs is None else read_inputs(options.inputs, cell)
    judged = find_fixed_points(cell, states, inputs, max_iterations=0)
    return Subject(cell, judged, np.arange(len(judged)), are_points=False)
