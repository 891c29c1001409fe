"""`nullcline info`: what is in a file, or in the folder of a training run."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells.bidirectional import Bidirectional
from nullcline.cli.arrays import read_arrays
from nullcline.cli.networks import OF_WEIGHTS, add_weights, is_run, of_weights
from nullcline.cli.options import command, require_left_out
from nullcline.cli.point_tables import all_points_table, linearization_table, points_table
from nullcline.cli.tables import Table, add_json, records, show, show_json
from nullcline.completeness.found import AllFixedPoints
from nullcline.interop.weight_files import FileFormat, format_of, prefixes_in
from nullcline.linearization.linear_map import Linearization
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nullcline.cells.protocol import Cell
    from nullcline.cli.options import Commands
    from nullcline.interop.weight_files import WeightsFile

_EXAMPLES = (
    "nullcline info model.safetensors",
    "nullcline info points/*.npz states.npy checkpoint",
    "nullcline info checkpoint.ckpt --json",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "info",
        _info,
        "tell what is in files: points, linearizations, weights, arrays, training runs",
        examples=_EXAMPLES,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="file, or folder")
    add_weights(parser.add_argument_group("weights (needed where their file leaves them open)"))
    add_json(parser)


def _info(options: argparse.Namespace) -> None:
    tables = [(path, *_described(path, options)) for path in options.paths]
    if all(what != "weights" for _, what, _ in tables):
        require_left_out(options, OF_WEIGHTS, "none of these files holds weights")
    if options.json:
        show_json(
            [
                {"file": str(path), "is": what, "holds": records(table)}
                for path, what, table in tables
            ]
        )
    else:
        show([table for _, _, table in tables])


def _described(path: Path, options: argparse.Namespace) -> tuple[str, Table]:
    """Return what a file is, in a word or two, and a table of what it holds."""
    if is_run(path):
        return "training run", _of_run(path)
    if format_of(path) in {FileFormat.NPY, FileFormat.NPZ}:
        return _of_arrays(path, options)
    return "weights", _of_weights(path, options)


def _of_arrays(path: Path, options: argparse.Namespace) -> tuple[str, Table]:
    arrays = read_arrays(path)
    kind = str(arrays["format"]) if "format" in arrays else ""
    if kind == "nullcline.FixedPoints":
        points = FixedPoints.load(path)
        return "points", points_table(points.unique(), f"{path}: {points!r}{_of(points.cell)}")
    if kind == "nullcline.AllFixedPoints":
        every = AllFixedPoints.load(path)
        title = f"{path}: {every!r}{_of(every.points.cell)}"
        return "all fixed points", all_points_table(every, title)
    if kind == "nullcline.Linearization":
        found = Linearization.load(path)
        title = f"{path}: {found!r} of {found.cell!r}"
        return "linearization", linearization_table(found, title)
    if any(name.endswith(("weight_hh", "weight_hh_l0")) for name in arrays):
        return "weights", _of_weights(path, options)
    what = kind or "arrays"
    rows = [_array_row(name, array) for name, array in arrays.items()]
    return what, Table(f"{path}: {what}", ["name", "shape", "type", "least", "most", "NaN"], rows)


def _of(cell: Cell | None) -> str:
    return "" if cell is None else f" of {cell!r}"


def _array_row(name: str, array: Any) -> list[Any]:
    shape = " x ".join(map(str, array.shape)) or "one value"
    if array.dtype.kind not in "iuf" or array.size == 0:
        return [name, shape, str(array.dtype), None, None, None]
    finite = array[np.isfinite(array)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (None, None)
    return [name, shape, str(array.dtype), least, most, array.size - finite.size]


def _of_weights(path: Path, options: argparse.Namespace) -> Table:
    modules = _modules(path, options)
    several = len(modules) > 1
    rows = [
        [number, (module.prefix if several else name) or None, *row]
        for module in modules
        for number, (name, entry) in enumerate(zip(module.names, module.layers, strict=True), 1)
        for row in _cell_rows(entry)
    ]
    columns = ["layer", "name", "cell", "inputs", "units", "state", "direction"]
    first = modules[0]
    after = f" after {first.prefix!r}" if first.prefix and not several else ""
    return Table(f"{path}: weights, {first.format.value}{after}", columns, rows)


def _modules(path: Path, options: argparse.Namespace) -> list[WeightsFile]:
    """Return the recurrent modules in a file of weights: all, unless a prefix chooses one."""
    prefixes = prefixes_in(path) if options.prefix is None else []
    if len(prefixes) > 1:
        with contextlib.suppress(ValueError):  # one leaves something open: it must be chosen
            return [of_weights(path, options, prefix=prefix) for prefix in prefixes]
    return [of_weights(path, options)]


def _cell_rows(entry: Any) -> Sequence[list[Any]]:
    both = isinstance(entry, Bidirectional)
    cells = {"forward": entry.forward, "backward": entry.backward} if both else {None: entry}
    return [
        [type(cell).__name__, cell.input_size, cell.hidden_size, cell.state_size, direction]
        for direction, cell in cells.items()
    ]


def _of_run(path: Path) -> Table:
    from nullcline.training import load_checkpoint

    run = load_checkpoint(path)
    facts = {
        "corpus": run.corpus,
        "cell": run.settings.cell,
        "layers": run.settings.layers,
        "units": run.settings.hidden_size,
        "embedding": run.settings.embedding_size,
        "words": len(run.vocabulary),
        "epochs": len(run.history),
        "best epoch": run.best_epoch,
        "test accuracy": run.test_accuracy,
    }
    return Table(f"{path}: finished training run", ["what", "value"], [*map(list, facts.items())])
