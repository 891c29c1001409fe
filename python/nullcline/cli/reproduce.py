"""`nullcline reproduce`: the study's figures, numbers and page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline._support.options import from_options
from nullcline.cli.options import (
    GOES_ON,
    VARIED,
    add_corpus,
    add_out,
    add_search,
    add_seed,
    add_training,
    command,
)
from nullcline.cli.running import say
from nullcline.study.settings import AnalysisSettings
from nullcline.training.settings import CELLS, SPLITS, TrainingSettings

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline reproduce                          # on a generated language, without a download",
    "nullcline reproduce --corpus imdb --out imdb --resume",
    "nullcline reproduce --cells gru lstm --corpora sst imdb --train-sizes 500 all --out study",
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
    add_out(parser, "reproduction")
    add_corpus(parser, default="synthetic")
    add_training(parser, leave_out=VARIED)
    add_search(parser, leave_out=("split",))  # --splits has several
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
        type=_size,
        metavar="N",
        help="numbers of reviews to train on, or all",
    )
    group.add_argument(
        "--splits", nargs="+", choices=SPLITS, help="reviews whose states are analysed"
    )


def _size(word: str) -> int | None:
    return None if word == "all" else int(word)


def _reproduce(options: argparse.Namespace) -> None:
    from nullcline.study.reproduce import reproduce
    from nullcline.study.study import study

    common: dict[str, Any] = {
        "training": from_options(TrainingSettings, options, leave_out=VARIED),
        "analysis": from_options(AnalysisSettings, options),
        "data_dir": options.data_dir,
        "device": options.device,
        "resume": options.resume,
        "progress": not options.quiet,
    }
    widened = (options.cells, options.corpora, options.train_sizes, options.splits)
    if any(option is not None for option in widened):
        page = study(
            options.out,
            cells=options.cells or ["gru"],
            corpora=options.corpora or [options.corpus],
            layers=options.layers or [1],
            train_sizes=options.train_sizes or [None],
            splits=options.splits or ["test"],
            **common,
        )
    else:
        page = reproduce(
            options.out, corpus=options.corpus, layers=options.layers or [1, 3], **common
        )
    say(page)
