"""`nullcline find`: the fixed points of a network, of a training run or of one's own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline._support.files import remove_abandoned, replacing
from nullcline._support.folder_lock import locked
from nullcline._support.options import from_options
from nullcline.cli.arrays import FILE_OF_ARRAYS, random_states, read_inputs, read_states
from nullcline.cli.corpora import corpus_of
from nullcline.cli.find_in_store import find_in_store
from nullcline.cli.networks import (
    WEIGHTS,
    add_network,
    is_run,
    read_layer,
    read_layers,
    read_points_of,
)
from nullcline.cli.options import (
    add_corpus,
    add_executor,
    add_out,
    add_search,
    add_seed,
    command,
    executor_of,
    require_left_out,
)
from nullcline.cli.point_tables import points_table
from nullcline.cli.tables import add_json, records, show, show_json
from nullcline.distribution import held
from nullcline.gpu.device import chosen_gpu
from nullcline.search.find import find_fixed_points
from nullcline.search.problem import RESORTS
from nullcline.study.settings import AnalysisSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cli.networks import Layer
    from nullcline.cli.options import Commands
    from nullcline.search.fixed_points import FixedPoints

    Search: TypeAlias = Callable[[], dict[str, FixedPoints]]
    Rows: TypeAlias = tuple[NDArray[np.intp], int] | None

OF_FIGURES = ("n_sample", "n_reviews", "n_words", "n_context_reviews")
"""Settings of the analysis that a search alone has no use for."""

_POINTS_KEPT = "files of points that are there are whole: start again with --overwrite"

_EXAMPLES = (
    "nullcline find model.safetensors --states states.npy",
    "nullcline find checkpoint.pt --prefix encoder.rnn. --layer 2 --states states.npz:layer2",
    "nullcline find model.keras --random 500 --inputs conditions.npz --out points",
    "nullcline find model.safetensors --states states.npy --store points.zarr",
    "nullcline find model.safetensors --random 100000 --workers 8",
    "nullcline find checkpoint              # what `nullcline train` wrote",
)

_OF_GIVEN = (
    "inputs",
    "unresolved",
    "deflate",
    "max_iterations",
    "layer",
    "direction",
    "prefix",
    "kind",
    "nonlinearity",
    "joint",
    "dtype",
    "workers",
    "scheduler",
)
"""Options of a search from states that are given, or drawn at random."""

_OF_VISITED = ("corpus", "data_dir", "split", "snapshot")
"""Options of a search from states that a training run visits."""


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "find",
        _find,
        "find the fixed and slow points of a network, one file a layer",
        kept=_POINTS_KEPT,
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "network", type=Path, help=f"folder of a finished training run, or {WEIGHTS}"
    )
    add_out(parser, "points")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the points that --out holds"
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="search from all --states, an .npy file or a folder of Zarr that may be larger than "
        "memory, into this folder instead, and go on where an earlier search to it stopped",
    )
    add_json(parser)
    _add_starts(parser)
    add_network(parser)
    add_search(parser, leave_out=OF_FIGURES)
    parser.add_argument(
        "--max-iterations", type=int, metavar="N", help="most steps of a start (the method's own)"
    )
    parser.add_argument(
        "--unresolved",
        choices=RESORTS,
        help="how starts go on that auto leaves without a fixed point",
    )
    parser.add_argument(
        "--deflate", type=Path, metavar="POINTS", help="file of points to divide out"
    )
    parser.add_argument("--device", default="cpu", help="where to search: cpu, cuda or cuda:N")
    add_executor(parser, ", each with --threads threads (1)")
    add_corpus(parser, default=None)
    add_seed(parser)


def _add_starts(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "starts and inputs (a training run is searched from states that it visits, without these)"
    )
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--states",
        metavar="FILE",
        help=f"states that the network visits: {FILE_OF_ARRAYS}, of shape (n, S) or (trials, time, "
        "S); --starts of them, drawn at random, are searched from",
    )
    where.add_argument(
        "--random", type=int, metavar="N", help="start from N states drawn at random instead"
    )
    group.add_argument(
        "--inputs",
        metavar="FILE",
        help="constant input (zero without it), of shape (D,), or one for each state; several "
        "arrays in an .npz are conditions, under each of which every start is searched",
    )


def _find(options: argparse.Namespace) -> None:
    chosen_gpu(options.device)  # refused now, not after the network has read a corpus
    if options.store is not None:
        find_in_store(options)
        return
    given = options.states is not None or options.random is not None
    search = _of_visited(options) if is_run(options.network) and not given else _of_given(options)
    with locked(options.out, "out"):
        if _points_in(options.out) and not options.overwrite:
            raise FileExistsError(
                f"{options.out} holds points already; replace them (--overwrite), or choose "
                "another folder by --out"
            )
        remove_abandoned(options.out)
        found = search()
        _write_points(options.out, found)
    _report(options, {options.out / f"{name}.npz": points for name, points in found.items()})


def _of_visited(options: argparse.Namespace) -> Search:
    """Return the search of a training run from the states that it visits on a split."""
    from nullcline.study.analysis import find_points
    from nullcline.training import load_checkpoint

    require_left_out(
        options,
        _OF_GIVEN,
        "a training run is searched as the study does, unless --states are given",
    )
    checkpoint = load_checkpoint(options.network)

    def search() -> dict[str, FixedPoints]:
        layers = find_points(
            checkpoint,
            corpus_of(options, checkpoint),
            from_options(AnalysisSettings, options),
            device=options.device,
            progress=not options.quiet,
        )
        return {f"layer-{number}": points for number, points in enumerate(layers, 1)}

    return search


def _of_given(options: argparse.Namespace) -> Search:
    """Return the search of a network from the states in a file, or from any in the box."""
    require_left_out(options, _OF_VISITED, "states come from a file, or are drawn")
    if options.random is not None:
        require_left_out(options, ("n_starts",), f"{options.random} states are drawn (--random)")
    settings = from_options(AnalysisSettings, options)
    if options.random is None and options.states is None:
        read_layers(options.network, options)  # what is wrong with it is the first thing to say
        raise ValueError(
            f"{options.network} holds weights, and no states that the network visits: pass some "
            "(--states FILE), or start from states drawn at random (--random 500)"
        )
    if options.states is None:
        layers = read_layers(options.network, options)
        starts: list[tuple[Floats, Rows]] = [
            (random_states(options.random, layer.cell, settings.seed), None) for layer in layers
        ]
    else:
        layers = [read_layer(options.network, options)]
        states = read_states(options.states, layers[0].cell)
        starts = [_drawn(states, settings)]
    deflate = None if options.deflate is None else read_points_of(options.deflate)
    jobs = [
        (layer, states, _inputs(options, layer, rows))
        for layer, (states, rows) in zip(layers, starts, strict=True)
    ]

    executor = executor_of(options)

    def search() -> dict[str, FixedPoints]:
        with held(executor) as workers:
            return {
                layer.name: find_fixed_points(
                    layer.cell,
                    states,
                    inputs,
                    method=settings.method,
                    unresolved=options.unresolved,
                    deflate=deflate,
                    tol_unique=settings.tol_unique,
                    tol_slow=settings.tol_slow,
                    max_iterations=options.max_iterations,
                    n_threads=settings.n_threads,
                    device=options.device,
                    executor=workers,
                    progress=not options.quiet,
                )
                for layer, states, inputs in jobs
            }

    return search


def _drawn(states: Floats, settings: AnalysisSettings) -> tuple[Floats, Rows]:
    """Return some of the states, drawn at random, and the numbers of their rows."""
    rng = np.random.default_rng(settings.seed)
    rows = np.sort(rng.permutation(len(states))[: settings.n_starts])
    return states[rows], (rows, len(states))


def _inputs(options: argparse.Namespace, layer: Layer, rows: Rows) -> Any:
    """Return the inputs of the states that were drawn."""
    if options.inputs is None:
        return None
    inputs = read_inputs(options.inputs, layer.cell)
    if isinstance(inputs, dict) or inputs.ndim == 1 or len(inputs) == 1:
        return inputs
    if rows is None or len(inputs) != rows[1]:
        n = "as it is for every start" if rows is None else f"or {rows[1]}, one for each state"
        raise ValueError(f"{options.inputs} has {len(inputs)} inputs: pass one, {n}")
    return inputs[rows[0]]


# What it writes, and what it says


def _write_points(folder: Path, found: Mapping[str, FixedPoints]) -> None:
    """Write a file for each layer; old ones go when all are written and before one is in place."""
    with contextlib.ExitStack() as files:
        for name, points in found.items():
            points.save(files.enter_context(replacing(folder / f"{name}.npz")), cell=True)
        for path in _points_in(folder):
            path.unlink()


def _points_in(folder: Path) -> list[Path]:
    return sorted([*folder.glob("layer-*.npz"), *folder.glob("stack.npz")])


def _report(options: argparse.Namespace, found: Mapping[Path, FixedPoints]) -> None:
    tables = {
        path: points_table(points.unique(), f"{path}: {points!r}") for path, points in found.items()
    }
    if options.json:
        show_json(
            [
                {
                    "file": str(path),
                    "starts": len(found[path]),
                    "completeness": table.note,
                    "points": records(table),
                }
                for path, table in tables.items()
            ]
        )
    else:
        show(list(tables.values()))
