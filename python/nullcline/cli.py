"""The command line: `nullcline reproduce | train | find | data fetch`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.options import add_options, from_options
from nullcline._support.versions import own_version
from nullcline.gpu.availability import CudaUnavailableError
from nullcline.gpu.device import chosen_gpu
from nullcline.study.settings import AnalysisSettings
from nullcline.text.originals import ORIGINALS
from nullcline.training.settings import CELLS, SPLITS, TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIED = ("cell", "layers", "train_size")
"""Settings of the training that `reproduce` has lists of, and `train` one value."""

OF_FIGURES = ("n_sample", "n_reviews", "n_words")
"""Settings of the analysis that a search alone has no use for."""

# What a user can mend; anything else is a defect of ours and keeps its traceback.
USER_ERRORS = (
    ValueError,
    TypeError,
    OSError,
    ArithmeticError,
    MemoryError,
    CudaUnavailableError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The words after `nullcline`; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 for success, 1 for an error (one line on stderr), 130 after Ctrl-C. Wrong
        usage exits with 2.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        return _fail("interrupted; what was finished is kept", 130)
    except ModuleNotFoundError as error:
        return _fail(f"{error}; install the study's packages: pip install 'nullcline[study]'")
    except USER_ERRORS as error:
        return _fail(f"{type(error).__name__}: {error}")
    return 0


def _fail(message: str, code: int = 1) -> int:
    sys.stderr.write(f"nullcline: {' '.join(message.split())}\n")
    return code


def _say(message: object) -> None:
    sys.stdout.write(f"{message}\n")


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
    _say(page)


def _train(options: argparse.Namespace) -> None:
    from nullcline.text import load_corpus
    from nullcline.training import require_new, train

    if not options.resume:
        require_new(options.out)
    checkpoint = train(
        load_corpus(
            options.corpus,
            data_dir=options.data_dir,
            classes=options.classes,
            seed=options.seed,
            progress=not options.quiet,
        ),
        from_options(TrainingSettings, options),
        options.out,
        data_dir=options.data_dir,
        device=options.device,
        resume=options.resume,
        progress=not options.quiet,
    )
    _say(f"{options.out}: test accuracy {checkpoint.test_accuracy:.2%}")


def _find(options: argparse.Namespace) -> None:
    from nullcline.study.analysis import find_points
    from nullcline.text import load_corpus
    from nullcline.training import load_checkpoint

    chosen_gpu(options.device)  # refused now, not after the network has read a corpus
    checkpoint = load_checkpoint(options.checkpoint)
    corpus = load_corpus(
        options.corpus or checkpoint.corpus,
        data_dir=options.data_dir,
        classes=checkpoint.settings.classes,
        seed=checkpoint.settings.seed,
        progress=not options.quiet,
    )
    layers = find_points(
        checkpoint,
        corpus,
        from_options(AnalysisSettings, options),
        device=options.device,
        progress=not options.quiet,
    )
    for layer, points in enumerate(layers, 1):
        path = options.out / f"layer-{layer}.npz"
        points.save(path)
        _say(f"{path}: {points!r}, {len(points.unique())} distinct")


def _fetch(options: argparse.Namespace) -> None:
    from nullcline.text.download import fetch

    for name in options.names:
        _say(fetch(name, data_dir=options.data_dir, progress=not options.quiet))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nullcline",
        description="Fixed points of recurrent networks, and the study that nullcline grew from.",
    )
    parser.add_argument("--version", action="version", version=f"nullcline {own_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_reproduce(commands)
    _add_train(commands)
    _add_find(commands)
    _add_data(commands)
    return parser


def _add_reproduce(commands: Any) -> None:
    parser = _command(
        commands, "reproduce", _reproduce, "reproduce the study: figures, numbers and a page"
    )
    parser.add_argument(
        "--layers",
        type=int,
        nargs="+",
        metavar="N",
        help="depths of the networks; 1 3 by default, 1 alone if the study is widened",
    )
    _add_study(parser)
    _add_out(parser, "reproduction")
    _add_corpus(parser, default="synthetic")
    _add_training(parser, leave_out=VARIED)
    _add_search(parser, leave_out=("split",))  # --splits has several
    _add_seed(parser)


def _add_train(commands: Any) -> None:
    parser = _command(commands, "train", _train, "train one network")
    _add_out(parser, "checkpoint")
    _add_corpus(parser, default="synthetic")
    _add_training(parser)
    _add_seed(parser)


def _add_find(commands: Any) -> None:
    parser = _command(commands, "find", _find, "find the fixed points of a trained network")
    parser.add_argument("checkpoint", type=Path, help="folder of a finished training run")
    _add_out(parser, "points")
    _add_corpus(parser, default=None)
    _add_search(parser, leave_out=OF_FIGURES)
    parser.add_argument("--device", default="cpu", help="where to search: cpu, cuda or cuda:N")
    _add_seed(parser)


def _add_data(commands: Any) -> None:
    data = commands.add_parser("data", help="corpora and word vectors")
    parser = _command(
        data.add_subparsers(required=True, metavar="COMMAND"),
        "fetch",
        _fetch,
        "download originals into the cache, or find the local copies",
    )
    parser.add_argument("names", nargs="+", choices=list(ORIGINALS), help="what to fetch")
    _add_data_dir(parser)


def _command(commands: Any, name: str, run: Any, description: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=description,
        description=f"{description[0].upper()}{description[1:]}.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--quiet", action="store_true", help="print results and errors only")
    return parser


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


def _add_out(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--out", type=Path, default=Path(default), help="folder to write to")


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder with local copies of corpora and vectors (else $NULLCLINE_DATA, else fetched)",
    )


def _add_corpus(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--corpus",
        default=default,
        help="synthetic, imdb, sst, or a CSV file with text and label"
        + ("" if default else " (the one trained on)"),
    )
    _add_data_dir(parser)


def _add_training(parser: argparse.ArgumentParser, leave_out: Sequence[str] = ()) -> None:
    group = parser.add_argument_group("training (the paper's settings by default)")
    add_options(group, TrainingSettings, leave_out=(*leave_out, "seed"))
    group.add_argument("--device", help="cpu or cuda; cuda where there is one")
    group.add_argument("--resume", action="store_true", help="go on with what --out holds")


def _add_search(parser: argparse.ArgumentParser, leave_out: Sequence[str] = ()) -> None:
    group = parser.add_argument_group("search and analysis (the paper's settings by default)")
    add_options(group, AnalysisSettings, leave_out=(*leave_out, "seed"))


def _add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
