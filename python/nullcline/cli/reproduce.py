"""`nullcline reproduce`: the study's figures, numbers and page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline._support.options import from_options
from nullcline._support.reading import read_json
from nullcline.cli.options import (
    GOES_ON,
    VARIED,
    add_corpus,
    add_out,
    add_search,
    add_seed,
    add_seeds,
    add_training,
    add_workers,
    command,
    require_left_out,
    train_size,
)
from nullcline.cli.running import say
from nullcline.study.settings import AnalysisSettings
from nullcline.training.settings import CELLS, SPLITS, TrainingSettings

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline reproduce                          # on a generated language, without a download",
    "nullcline reproduce --corpus imdb --out imdb --resume",
    "nullcline reproduce --cells gru lstm --corpora sst imdb --train-sizes 500 all --out study",
    "nullcline reproduce --seeds 0:5 --workers 2 --out seeds",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "reproduce",
        _reproduce,
        "reproduce the study: figures, numbers and a page",
        kept=GOES_ON,
        examples=_EXAMPLES,
        extra="study",
    )
    parser.add_argument(
        "--layers",
        type=int,
        nargs="+",
        metavar="N",
        help="depths of the networks; 1 3 by default, 1 alone if the study is widened",
    )
    _add_study(parser)
    add_workers(parser)
    add_out(parser, "reproduction")
    add_corpus(parser, default="synthetic")
    add_training(parser, leave_out=VARIED)
    # --splits has several; pages are about the network that training chose.
    add_search(parser, leave_out=("split", "snapshot"))
    add_seed(parser)


def _add_study(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "the study, widened (each of these makes a table of networks, and one page per network)"
    )
    group.add_argument("--cells", nargs="+", choices=CELLS, help="what a layer is")
    group.add_argument(
        "--corpora", nargs="+", metavar="CORPUS", help="corpora to train on, in place of --corpus"
    )
    group.add_argument(
        "--train-sizes",
        nargs="+",
        type=train_size,
        metavar="N",
        help="numbers of reviews to train on, or all",
    )
    add_seeds(group, "seeds of corpus, training and analysis, such as 0 1 2 or 0:20")
    group.add_argument(
        "--hidden-sizes", nargs="+", type=int, metavar="N", help="units in each recurrent layer"
    )
    group.add_argument(
        "--splits", nargs="+", choices=SPLITS, help="reviews whose states are analysed"
    )


def _reproduce(options: argparse.Namespace) -> None:
    from nullcline.study.reproduce import reproduce
    from nullcline.study.study import study

    common: dict[str, Any] = {
        "training": from_options(TrainingSettings, options, leave_out=VARIED),
        "analysis": from_options(AnalysisSettings, options),
        "data_dir": options.data_dir,
        "device": options.device,
        "workers": options.workers,
        "resume": options.resume,
        "progress": not options.quiet,
    }
    if options.seeds is not None:
        require_left_out(options, ("seed",), "--seeds names several")
    if options.hidden_sizes is not None:
        require_left_out(options, ("hidden_size",), "--hidden-sizes names several")
    widened = (options.cells, options.corpora, options.train_sizes, options.splits, options.seeds,
               options.hidden_sizes)  # fmt: skip
    if any(option is not None for option in widened):
        page = study(
            options.out,
            cells=options.cells or ["gru"],
            corpora=options.corpora or [options.corpus],
            layers=options.layers or [1],
            train_sizes=options.train_sizes or [None],
            splits=options.splits or ["test"],
            seeds=options.seeds,
            hidden_sizes=options.hidden_sizes,
            **common,
        )
        _require_all(page)
    else:
        page = reproduce(
            options.out, corpus=options.corpus, layers=options.layers or [1, 3], **common
        )
    say(page)


def _require_all(page: Path) -> None:
    """Raise ValueError if a network of a widened study has failed; its summary is there."""
    failed = read_json(page.with_name("results.json"), "a study's results")["failed"]
    if failed:
        raise ValueError(
            f"{len(failed)} of the networks are not there, the first of them "
            f"{failed[0]['network']}: {failed[0]['reason']}; {page} has the others"
        )
