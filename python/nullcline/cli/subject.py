"""What a command looks at: points of a search, or states, and the cell that they are of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline.cli.arrays import FILE_OF_ARRAYS, read_inputs, read_states
from nullcline.cli.networks import WEIGHTS, add_network, cell_of, is_points, read_layer
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.kinds import KINDS

if TYPE_CHECKING:
    import argparse

    from nullcline.cells.protocol import Cell


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
        "--states",
        metavar="FILE",
        help=f"states to look at in place of points: {FILE_OF_ARRAYS}",
    )
    parser.add_argument(
        "--inputs", metavar="FILE", help="the constant input at these states (zero without it)"
    )
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, help="kinds of points (all that converged)"
    )
    parser.add_argument(
        "--point",
        type=int,
        nargs="+",
        metavar="N",
        help="these points alone, by their numbers in the table, from 1",
    )
    parser.add_argument(
        "--threads", dest="n_threads", type=int, metavar="N", help="most threads (a core each)"
    )
    add_network(parser)


def read_subject(options: argparse.Namespace) -> tuple[Cell, FixedPoints]:
    """Return a cell and its distinct points, or states, that the options of `add_subject` choose.

    States are judged where they are, and so have a kind as points have.

    Raises
    ------
    OSError, ValueError, TypeError, NotImplementedError
        If a file cannot be read, or does not fit the others.
    """
    read = _points if is_points(options.source) else _states
    cell, points = read(options)
    if options.kinds:
        points = points.select([kind in options.kinds for kind in points.kind.tolist()])
    if len(points) == 0:
        raise ValueError(
            f"{options.source} has no point "
            + (f"that is {' or '.join(options.kinds)}" if options.kinds else "that converged")
        )
    if options.point:
        if not all(1 <= number <= len(points) for number in options.point):
            raise ValueError(f"point must be one of 1 to {len(points)}, not {options.point}")
        points = points.select([number - 1 for number in options.point])
    return cell, points


def _points(options: argparse.Namespace) -> tuple[Cell, FixedPoints]:
    for name in ("states", "inputs"):
        if getattr(options, name) is not None:
            raise ValueError(f"{name} must be left out: {options.source} holds points, with theirs")
    points = FixedPoints.load(options.source)
    if options.network is None:
        cell = cell_of(options.source, points)
    else:
        cell = read_layer(options.network, options).cell
        _require_fitting(options, points, cell)
    return cell, replace(points, cell=cell).unique()


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


def _states(options: argparse.Namespace) -> tuple[Cell, FixedPoints]:
    cell = read_layer(options.source, options).cell
    if options.states is None:
        raise ValueError(
            f"{options.source} holds a network: pass its points, as nullcline find writes them, or "
            "states to look at (--states FILE)"
        )
    states = read_states(options.states, cell)
    inputs = None if options.inputs is None else read_inputs(options.inputs, cell)
    return cell, find_fixed_points(cell, states, inputs, max_iterations=0)
