"""`nullcline explore`: a page in which to turn, filter and click points and states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.options import from_options
from nullcline._support.reading import reading
from nullcline.cli.arrays import FILE_OF_ARRAYS, one_array
from nullcline.cli.corpora import corpus_of
from nullcline.cli.networks import (
    OF_NETWORK,
    WEIGHTS,
    add_network,
    is_points,
    is_run,
    read_layers,
    read_points_of,
)
from nullcline.cli.options import add_corpus, add_search, add_seed, command, require_left_out
from nullcline.cli.outputs import add_output, require_suffix, require_writable
from nullcline.cli.running import say
from nullcline.interactive import explore
from nullcline.interactive.page import plotly_script
from nullcline.study.settings import AnalysisSettings

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands
    from nullcline.search.fixed_points import FixedPoints

PAGE = Path("explore.html")

_EXAMPLES = (
    "nullcline explore points/layer-1.npz --states states.npy --trajectories trials.npy",
    "nullcline explore points/layer-1.npz points/layer-2.npz --network model.safetensors",
    "nullcline explore checkpoint           # what `nullcline train` wrote: words, reviews and all",
)

_OF_FILES = ("states", "trajectories", "texts", "dt", "unit", *OF_NETWORK)
"""Options of points from files, which a training run has of itself."""

_OF_SEARCHES = ("method", "tol_unique", "tol_slow", "n_threads")
"""Options of a search, where there are no points yet."""

_OF_RUNS = (
    "corpus", "data_dir", "split", "n_starts", "n_sample", "n_words", "seed", "snapshot",
)  # fmt: skip
"""Options of what is drawn from the corpus of a training run."""


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "explore",
        _explore,
        "write a page in which to turn the state space, click points and walk along trajectories",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="POINTS",
        help="files of points, as nullcline find writes them, one for each layer; or the folder of "
        "a finished training run",
    )
    parser.add_argument(
        "--network",
        type=Path,
        metavar="WEIGHTS",
        help=f"the network of the points, if their files do not hold it: {WEIGHTS}; or the folder "
        "of a training run, which brings its reviews and words, too",
    )
    add_output(parser, f"the page ({PAGE})")
    _add_around(parser)
    add_network(parser)
    add_search(parser, leave_out=("n_reviews", "n_context_reviews"))
    add_corpus(parser, default=None)
    add_seed(parser)


def _add_around(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is shown around points from a file")
    group.add_argument(
        "--states", metavar="FILE", help=f"states that the network visits: {FILE_OF_ARRAYS}"
    )
    group.add_argument(
        "--trajectories",
        metavar="FILE",
        help="trajectories, (trials, time, S), to walk along; NaN breaks them",
    )
    group.add_argument(
        "--texts", type=Path, metavar="FILE", help="a text for each state, a line each, in UTF-8"
    )
    group.add_argument("--title", help="title of the page")
    group.add_argument("--dt", type=float, metavar="X", help="duration of a step (the cell's own)")
    group.add_argument("--unit", help="unit of that duration, such as ms")


def _explore(options: argparse.Namespace) -> None:
    path = PAGE if options.out is None else options.out
    require_suffix(path, (".html", ".htm"))
    require_writable(path, options)
    plotly_script()  # missed now, not after a search
    runs = [source for source in options.sources if is_run(source)]
    if runs and len(options.sources) > 1:
        raise ValueError(f"{runs[0]} is a training run, which has its own points and network")
    if runs:
        require_left_out(options, ("network",), f"{runs[0]} is a training run, which has its own")
        say(_of_run(options, path, runs[0], None))
    elif options.network is not None and is_run(options.network):
        points = [_load(source) for source in options.sources]
        say(_of_run(options, path, options.network, points))
    else:
        say(_of_files(options, path))


def _of_run(
    options: argparse.Namespace, path: Path, folder: Path, points: list[FixedPoints] | None
) -> Path:
    """Write the page of a training run, whose corpus has its reviews and words."""
    from nullcline.study.interactive_pages import write_network_page
    from nullcline.training import load_checkpoint

    require_left_out(options, _OF_FILES, "a training run has its own, and all layers are shown")
    if points is not None:
        require_left_out(options, _OF_SEARCHES, "points are given, and none are searched for")
    checkpoint = load_checkpoint(folder)
    corpus = corpus_of(options, checkpoint)
    settings = from_options(AnalysisSettings, options)
    return write_network_page(
        path,
        checkpoint,
        corpus,
        settings,
        points,
        title=options.title,
        progress=not options.quiet,
    )


def _of_files(options: argparse.Namespace, path: Path) -> Path:
    """Write the page of points in files, one for each layer."""
    why = "points come from files, and no training run is named"
    require_left_out(options, (*_OF_RUNS, *_OF_SEARCHES), why)
    if options.network is None:
        require_left_out(options, OF_NETWORK, "no file of weights is named (--network)")
    points = [_load(source) for source in options.sources]
    names = [source.stem for source in options.sources]
    several = len(points) > 1
    given = _around(options)
    if several and given:
        raise ValueError(
            f"{next(iter(given))} must be left out: it is of one layer, and there are points of "
            f"{len(points)}"
        )
    if several and len(set(names)) < len(names):
        names = [str(source) for source in options.sources]
    if options.network is not None:
        layers = read_layers(options.network, options)
        if len(layers) != len(points):
            raise ValueError(
                f"{options.network} has {len(layers)} layer{'s' * (len(layers) > 1)} for "
                f"{len(points)} file{'s' * several} of points: choose one (--layer N), or name a "
                "file for each"
            )
        cells = {name: layer.cell for name, layer in zip(names, layers, strict=True)}
        given["cell"] = cells if several else cells[names[0]]
    return explore(
        dict(zip(names, points, strict=True)) if several else points[0],
        **given,
        dt=options.dt,
        unit=options.unit,
        title=options.title or ", ".join(names),
        path=path,
    )


def _load(source: Path) -> FixedPoints:
    if not is_points(source):
        raise ValueError(
            f"{source} holds no points: find them first (nullcline find), which writes "
            "points/layer-1.npz, say"
        )
    return read_points_of(source)


def _around(options: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if options.states is not None:
        states = one_array(options.states)
        given["states"] = states.reshape(-1, states.shape[-1]) if states.ndim == 3 else states
    if options.trajectories is not None:
        given["trajectories"] = one_array(options.trajectories)
    if options.texts is not None:
        with reading(options.texts, "a file of texts in UTF-8") as file:
            given["texts"] = file.read().decode("utf-8").removesuffix("\n").split("\n")
    return given
