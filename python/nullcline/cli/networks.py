"""The network that a command works on: a finished training run, or a file of weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive
from nullcline._support.reading import reading
from nullcline.cells.bidirectional import Bidirectional
from nullcline.cells.stack import Stack
from nullcline.cli.options import require_left_out
from nullcline.completeness.found import AllFixedPoints
from nullcline.interop.weight_files import FileFormat, format_of, read_weights
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from numpy.typing import DTypeLike

    from nullcline.cells.protocol import Cell
    from nullcline.interop.weight_files import WeightsFile

WEIGHTS = (
    "a file of weights: safetensors, a state dict of PyTorch, a model or weights of Keras, or an "
    ".npz of arrays under PyTorch's names"
)

OF_NETWORK = ("layer", "joint", "direction", "prefix", "kind", "nonlinearity", "dtype")
"""Options of `add_network`."""

OF_WEIGHTS = ("prefix", "kind", "nonlinearity")
"""Options of `add_weights`."""

_OF_POINTS = "nullcline.FixedPoints", "nullcline.AllFixedPoints"
"""What files of points say they are."""

_KINDS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM", "ugrnn": "UGRNN", "leaky": "LeakyRNN"}


@dataclass(frozen=True)
class Layer:
    """One layer of a network, or all of them jointly.

    Attributes
    ----------
    name
        What files that are written of it are called: layer-1, say, or stack.
    cell
        The cell.
    """

    name: str
    cell: Cell


def add_network(parser: argparse.ArgumentParser) -> None:
    """Add what says which layer of a network is meant, and how its weights are to be read."""
    group = parser.add_argument_group("the network (needed where its file leaves them open)")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--layer", type=int, metavar="N", help="layer, from 1")
    which.add_argument("--joint", action="store_true", help="all layers as one network")
    group.add_argument(
        "--direction", choices=("forward", "backward"), help="of a layer of two directions"
    )
    add_weights(group)
    group.add_argument(
        "--dtype",
        choices=("float64", "float32"),
        default="float64",
        help="what the cells compute in",
    )


def add_weights(group: argparse._ArgumentGroup) -> None:
    """Add what a file of weights may leave open."""
    group.add_argument("--prefix", help="what precedes the names of its parameters, such as rnn.")
    group.add_argument(
        "--cell",
        dest="kind",
        choices=sorted(_KINDS),
        help="what a layer is (else the shapes of its weights say)",
    )
    group.add_argument(
        "--nonlinearity",
        choices=("tanh", "relu"),
        help="of an RNN, whose weights do not say which",
    )


def of_weights(
    path: Path,
    options: argparse.Namespace,
    dtype: DTypeLike = np.float64,
    prefix: str | None = None,
) -> WeightsFile:
    """Return what is in a file of weights, read as the options of `add_weights` say.

    Of several recurrent modules it is the one after `prefix`, by default that of the options.
    """
    return read_weights(
        path,
        prefix=options.prefix if prefix is None else prefix,
        kind=_KINDS.get(options.kind),
        nonlinearity=options.nonlinearity,
        dtype=dtype,
    )


def is_run(path: Path) -> bool:
    """Whether a path is a folder, which is taken for a training run."""
    return path.is_dir()


def is_points(path: Path) -> bool:
    """Whether a file holds fixed points."""
    if is_run(path) or format_of(path) is not FileFormat.NPZ:
        return False
    with reading(path, "an archive of NumPy") as file:
        return archive.kind_of(file) in _OF_POINTS


def read_points_of(path: Path) -> FixedPoints:
    """Return the points in a file, those that `find` wrote or `find-all`."""
    with reading(path, "an archive of NumPy") as file:
        found_all = archive.kind_of(file) == _OF_POINTS[1]
    return AllFixedPoints.load(path).points if found_all else FixedPoints.load(path)


def cell_of(path: Path, points: FixedPoints) -> Cell:
    """Return the cell that a file of points holds."""
    if points.cell is None:
        raise ValueError(
            f"{path} does not hold the network of its points: name it (--network WEIGHTS), or save "
            "them with it, points.save(path, cell=True)"
        )
    return points.cell


def read_layers(path: Path, options: argparse.Namespace) -> list[Layer]:
    """Return the layers of a network that the options of `add_network` choose: by default all.

    Raises
    ------
    OSError, ValueError, TypeError, NotImplementedError
        If the network cannot be read, or has no such layer.
    """
    entries, ordered = _entries(path, options)
    if options.joint:
        if not ordered:
            raise ValueError(
                f"{path} does not say in which order data pass through its {len(entries)} layers: "
                "choose one by --layer, or save the whole model"
            )
        return [Layer("stack", Stack(_layers(path, entries, options.direction)))]
    numbers = range(1, len(entries) + 1)
    if options.layer is not None:
        if options.layer not in numbers:
            raise ValueError(f"layer must be one of 1 to {len(entries)}, not {options.layer}")
        numbers = range(options.layer, options.layer + 1)
    return [
        Layer(f"layer-{number}", _one_way(path, entries[number - 1], options.direction))
        for number in numbers
    ]


def read_layer(path: Path, options: argparse.Namespace) -> Layer:
    """Return the one layer that is meant; where there are several, one must be chosen."""
    layers = read_layers(path, options)
    if len(layers) > 1:
        raise ValueError(
            f"{path} has {len(layers)} layers: choose one (--layer N), or take all as one network "
            "(--joint), whose states are the layers' side by side"
        )
    return layers[0]


def _entries(path: Path, options: argparse.Namespace) -> tuple[list[Any], bool]:
    """Return the layers of a network, and whether data pass through them in this order."""
    if is_points(path):
        why = f"{path} holds points, with their network as it was searched"
        require_left_out(options, (*OF_WEIGHTS, "dtype"), why)
        return [cell_of(path, read_points_of(path))], True
    if not is_run(path):
        found = of_weights(path, options, options.dtype)
        return found.layers, found.ordered
    require_left_out(options, OF_WEIGHTS, f"{path} is a training run, which says what it holds")
    from nullcline.interop import from_torch
    from nullcline.training import load_checkpoint

    return from_torch(load_checkpoint(path).model().rnn, dtype=options.dtype), True


def _layers(path: Path, entries: list[Any], direction: str | None) -> list[Any]:
    """Return the layers of a stack: both directions of each, or of one the one that is chosen."""
    if direction is None:
        return entries
    if len(entries) > 1 and any(isinstance(entry, Bidirectional) for entry in entries):
        raise ValueError(
            f"direction must be left out where all layers of {path} are joint: a layer reads both "
            "directions of the one below; or choose one (--layer N)"
        )
    return [_one_way(path, entry, direction) for entry in entries]


def _one_way(path: Path, entry: Any, direction: str | None) -> Cell:
    if not isinstance(entry, Bidirectional):
        if direction is not None:
            raise ValueError(
                f"direction must be left out: {path} has a layer that has one alone (--layer N "
                "chooses another)"
            )
        cell: Cell = entry
        return cell
    if direction is None:
        raise ValueError(
            f"{path} has layers of two directions: choose one (--direction forward or backward)"
        )
    chosen: Cell = getattr(entry, direction)
    return chosen
