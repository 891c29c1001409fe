"""`nullcline find`: the fixed points of a trained network."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline._support.files import remove_abandoned, replacing
from nullcline._support.folder_lock import locked
from nullcline._support.options import from_options
from nullcline.cli.options import add_corpus, add_out, add_search, add_seed, command
from nullcline.cli.running import say
from nullcline.gpu.device import chosen_gpu
from nullcline.study.settings import AnalysisSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from nullcline.cli.options import Commands
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.training import Checkpoint

OF_FIGURES = ("n_sample", "n_reviews", "n_words")
"""Settings of the analysis that a search alone has no use for."""

_POINTS_KEPT = "files of points that are there are whole: start again with --overwrite"


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands, "find", _find, "find the fixed points of a trained network", kept=_POINTS_KEPT
    )
    parser.add_argument("checkpoint", type=Path, help="folder of a finished training run")
    add_out(parser, "points")
    add_corpus(parser, default=None)
    add_search(parser, leave_out=OF_FIGURES)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the points that --out holds"
    )
    parser.add_argument("--device", default="cpu", help="where to search: cpu, cuda or cuda:N")
    add_seed(parser)


def _find(options: argparse.Namespace) -> None:
    from nullcline.training import load_checkpoint

    chosen_gpu(options.device)  # refused now, not after the network has read a corpus
    checkpoint = load_checkpoint(options.checkpoint)
    with locked(options.out, "out"):
        if _points_in(options.out) and not options.overwrite:
            raise FileExistsError(
                f"{options.out} holds points already; replace them (--overwrite), or choose "
                "another folder by --out"
            )
        remove_abandoned(options.out)
        _write_points(options.out, _search(options, checkpoint))


def _search(options: argparse.Namespace, checkpoint: Checkpoint) -> list[FixedPoints]:
    from nullcline.study.analysis import find_points
    from nullcline.text import load_corpus

    corpus = load_corpus(
        options.corpus or checkpoint.corpus,
        data_dir=options.data_dir,
        classes=checkpoint.settings.classes,
        seed=checkpoint.settings.seed,
        progress=not options.quiet,
    )
    if options.corpus is None:
        checkpoint.require_corpus(corpus)
    return find_points(
        checkpoint,
        corpus,
        from_options(AnalysisSettings, options),
        device=options.device,
        progress=not options.quiet,
    )


def _write_points(folder: Path, layers: Sequence[FixedPoints]) -> None:
    """Write a file for each layer; old ones go when all are written and before one is in place."""
    paths = [folder / f"layer-{layer}.npz" for layer in range(1, len(layers) + 1)]
    with contextlib.ExitStack() as files:
        for path, points in zip(paths, layers, strict=True):
            points.save(files.enter_context(replacing(path)))
        for path in _points_in(folder):
            path.unlink()
    for path, points in zip(paths, layers, strict=True):
        say(f"{path}: {points!r}, {len(points.unique())} distinct")


def _points_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("layer-*.npz"))
