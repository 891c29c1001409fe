"""The command line: `nullcline reproduce | train | find | data fetch`."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.files import remove_abandoned, replacing
from nullcline._support.folder_lock import locked
from nullcline._support.options import add_options, from_options, with_flags
from nullcline._support.versions import own_version
from nullcline.gpu.availability import CudaUnavailableError
from nullcline.gpu.device import chosen_gpu
from nullcline.study.settings import AnalysisSettings
from nullcline.text.originals import ORIGINALS
from nullcline.training.settings import CELLS, SPLITS, TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nullcline.search.fixed_points import FixedPoints
    from nullcline.training import Checkpoint

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


TAKES_NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What the operating system says when a disk takes no more."""

# What arguments of functions are called here, where it is not the name with dashes.
ALIASES = {
    "directory": "--out",
    "name": "--corpus",
    "dimension": "--embedding-size",
    "cell": "--cells",
    "split": "--splits",
    "train_size": "--train-sizes",
}

# What is kept of a command that was cut off.
GOES_ON = "what was finished is kept: go on with the same command and --resume"
POINTS_KEPT = "files of points that are there are whole: start again with --overwrite"
DOWNLOAD_KEPT = "what has come is kept: the same command goes on there"


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The words after `nullcline`; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 for success, 1 for an error (one line on stderr), 130 after Ctrl-C, 143 after
        SIGTERM. Wrong usage exits with 2.
    """
    with _giving_up_output():
        options = _parser().parse_args(arguments)
        try:
            with _sigterm_as_ctrl_c():
                options.run(options)
        except _Terminated:
            return _fail(f"terminated; {options.kept}", options, 143)
        except KeyboardInterrupt:
            return _fail(f"interrupted; {options.kept}", options, 130)
        except ModuleNotFoundError as error:
            mend = "install the study's packages: pip install 'nullcline[study]'"
            return _fail(f"{error}; {mend}", options)
        except USER_ERRORS as error:
            return _fail(_sentence(error, options), options)
    return 0


@contextlib.contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM interrupt the block, unless someone has other plans with it."""

    def terminate(*_: object) -> None:
        raise _Terminated

    ours = threading.current_thread() is threading.main_thread()  # which alone gets signals
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def _giving_up_output() -> Iterator[None]:
    """Write out what was said; if nobody takes it, drop it, so that Python does not try again."""
    try:
        yield
    finally:
        try:
            print(end="", flush=True)  # noqa: T201 - minds an output that is closed
        except OSError:
            with Path(os.devnull).open("w") as nowhere, contextlib.suppress(OSError):
                os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _sentence(error: BaseException, options: argparse.Namespace) -> str:
    """Say what went wrong in the words of the command line, and after a full disk what is kept."""
    if not isinstance(error, OSError) or error.errno is None:
        return f"{type(error).__name__}: {error}"
    where = "" if error.filename is None else f"{error.filename}: "
    kept = f"; {options.kept}" if error.errno in TAKES_NO_MORE else ""
    return f"{where}{error.strerror}{kept}"


def _flags(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Return the flag for each argument of a function that a message may name."""
    own = {
        action.dest: action.option_strings[0] for action in parser._actions if action.option_strings
    }
    return {name: flag for name, flag in ALIASES.items() if flag in own.values()} | own


def _fail(message: str, options: argparse.Namespace, code: int = 1) -> int:
    said = with_flags(" ".join(message.split()), _flags(options.parser))
    sys.stderr.write(f"nullcline: {said}\n")
    return code


def _say(message: object) -> None:
    try:
        print(message, flush=True)  # noqa: T201 - minds an output that is closed
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


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
        overwrite=False,
        progress=not options.quiet,
    )
    _say(f"{options.out}: test accuracy {checkpoint.test_accuracy:.2%}")


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
        _say(f"{path}: {points!r}, {len(points.unique())} distinct")


def _points_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("layer-*.npz"))


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
        commands,
        "reproduce",
        _reproduce,
        "reproduce the study: figures, numbers and a page",
        kept=GOES_ON,
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
    parser = _command(commands, "train", _train, "train one network", kept=GOES_ON)
    _add_out(parser, "checkpoint")
    _add_corpus(parser, default="synthetic")
    _add_training(parser)
    _add_seed(parser)


def _add_find(commands: Any) -> None:
    parser = _command(
        commands, "find", _find, "find the fixed points of a trained network", kept=POINTS_KEPT
    )
    parser.add_argument("checkpoint", type=Path, help="folder of a finished training run")
    _add_out(parser, "points")
    _add_corpus(parser, default=None)
    _add_search(parser, leave_out=OF_FIGURES)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the points that --out holds"
    )
    parser.add_argument("--device", default="cpu", help="where to search: cpu, cuda or cuda:N")
    _add_seed(parser)


def _add_data(commands: Any) -> None:
    data = commands.add_parser("data", help="corpora and word vectors")
    parser = _command(
        data.add_subparsers(required=True, metavar="COMMAND"),
        "fetch",
        _fetch,
        "download originals into the cache, or find the local copies",
        kept=DOWNLOAD_KEPT,
    )
    parser.add_argument("names", nargs="+", choices=list(ORIGINALS), help="what to fetch")
    _add_data_dir(parser)


def _command(
    commands: Any, name: str, run: Any, description: str, *, kept: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=description,
        description=f"{description[0].upper()}{description[1:]}.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.set_defaults(run=run, parser=parser, kept=kept)
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
