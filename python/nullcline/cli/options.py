"""What commands share: how one is registered, and the options that several have."""

from __future__ import annotations

import argparse
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nullcline._support import validation
from nullcline._support.options import add_options
from nullcline.study.settings import AnalysisSettings
from nullcline.training.settings import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

VARIED = ("cell", "layers", "train_size")
"""Settings of the training that `reproduce` has lists of, and `train` one value."""

GOES_ON = "what was finished is kept: go on with the same command and --resume"
"""What is kept of a command that was cut off, where it can go on."""


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Defaults are told where there is something to tell, and examples keep their lines."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        has_none = action.default is None or action.default is False
        return action.help if has_none else super()._get_help_string(action)


def command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], None],
    description: str,
    *,
    kept: str = "nothing was written",
    examples: Sequence[str] = (),
    extra: str | None = None,
) -> argparse.ArgumentParser:
    """Add a command, and return its parser for the command's own options.

    Parameters
    ----------
    commands
        What `add_subparsers` returned: what the `add` of a command is called with.
    name
        The word after `nullcline`.
    run
        What does it, with the options that were parsed. Exceptions that a user can mend become one
        line, in which arguments of functions are called by their flags.
    description
        One sentence on what it does, without its capital and its full stop.
    kept
        What is left where it is cut off, by Ctrl-C or by a full disk.
    examples
        Command lines to show below the options.
    extra
        The extra of the package that brings all that it needs; None where each that is missing
        names its own.
    """
    parser = commands.add_parser(
        name,
        help=description,
        description=f"{description[0].upper()}{description[1:]}.",
        epilog="\n  ".join(("examples:", *examples)) if examples else None,
        formatter_class=_Help,
    )
    parser.set_defaults(run=run, parser=parser, kept=kept, extra=extra)
    parser.add_argument("--quiet", action="store_true", help="print results and errors only")
    return parser


def is_given(options: argparse.Namespace, name: str) -> bool:
    """Whether an option has another value than where it is left out."""
    return bool(getattr(options, name) != options.parser.get_default(name))


def require_left_out(options: argparse.Namespace, names: Sequence[str], why: str) -> None:
    """Raise ValueError if one of these options is given, which the command would not heed.

    Parameters
    ----------
    options
        What the parser returned.
    names
        Options by the names that they have there.
    why
        What has no use for them, or where it is said already.
    """
    for name in names:
        if is_given(options, name):
            raise ValueError(f"{name} must be left out: {why}")


def add_out(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the folder that a command writes to."""
    parser.add_argument("--out", type=Path, default=Path(default), help="folder to write to")


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add where corpora and vectors are looked for."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder with local copies of corpora and vectors (else $NULLCLINE_DATA, else fetched)",
    )


def add_corpus(parser: argparse.ArgumentParser, default: str | None) -> None:
    """Add the corpus, and where it is looked for."""
    parser.add_argument(
        "--corpus",
        default=default,
        help="synthetic, synthetic-unordered, synthetic-ordered, synthetic-context, imdb, sst, "
        "yelp-polarity, yelp-full, ag-news, or a CSV file with text and label"
        + ("" if default else " (the one trained on)"),
    )
    add_data_dir(parser)


def add_training(parser: argparse.ArgumentParser, leave_out: Sequence[str] = ()) -> None:
    """Add the settings of a training run."""
    group = parser.add_argument_group("training (the paper's settings by default)")
    add_options(group, TrainingSettings, leave_out=(*leave_out, "seed"))
    group.add_argument("--device", help="cpu or cuda; cuda where there is one")
    group.add_argument("--resume", action="store_true", help="go on with what --out holds")


def add_executor(parser: argparse.ArgumentParser, each: str = "") -> None:
    """Add who does the work, if it is not this process; `each` says what a process does it with."""
    where = parser.add_argument_group("who searches (this process)").add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help=f"N processes on this machine{each}",
    )
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="the workers of Dask's scheduler there, tcp://..."
    )


def executor_of(options: argparse.Namespace) -> Callable[[], Any] | None:
    """Return what makes the executor that was chosen; None for this process.

    Raises
    ------
    ValueError, TypeError
        If the number of workers is none.
    """
    if options.workers is not None:
        n_workers = validation.whole_number("workers", options.workers, 1, 1024)
        return partial(_processes, n_workers)
    return None if options.scheduler is None else partial(_of_dask, options.scheduler)


def _processes(n_workers: int) -> Any:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Ctrl-C, which a terminal sends to all, is this process's to heed: it ends the others.
    ignore = signal.SIGINT, signal.SIG_IGN
    return ProcessPoolExecutor(
        n_workers, mp_context=get_context("spawn"), initializer=signal.signal, initargs=ignore
    )


def _of_dask(address: str) -> Any:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--scheduler needs Dask: pip install distributed", name=error.name
        ) from error
    try:
        connect: Any = Client
        return connect(address).get_executor()
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no scheduler of Dask answers at {address}: {error}") from error


def add_search(parser: argparse.ArgumentParser, leave_out: Sequence[str] = ()) -> None:
    """Add the settings of the study's searches and analyses."""
    group = parser.add_argument_group("search and analysis (the paper's settings by default)")
    add_options(group, AnalysisSettings, leave_out=(*leave_out, "seed"))


def add_seeds(parser: argparse._ActionsContainer, what: str) -> None:
    """Add several seeds, one by one or as ranges; `what` says of what they are."""
    parser.add_argument(
        "--seeds", nargs="+", type=_seeds, action=_Joined, metavar="SEED", help=what
    )


class _Joined(argparse.Action):
    """Joins the lists that each word stands for."""

    def __call__(self, _parser: Any, namespace: Any, values: Any, _option: Any = None) -> None:
        setattr(namespace, self.dest, [value for several in values for value in several])


def _seeds(word: str) -> list[int]:
    """Return the seeds that a word names: one, or those from one up to another."""
    first, colon, end = word.partition(":")
    found = list(range(int(first), int(end))) if colon else [int(first)]
    if not found:
        raise argparse.ArgumentTypeError(f"{word!r} names no seed: write 0:20 for 0 to 19")
    return found


def train_size(word: str) -> int | None:
    """Return a number of reviews to train on; None for all."""
    return None if word == "all" else int(word)


def add_workers(parser: argparse._ActionsContainer) -> None:
    """Add how many processes do jobs at the same time."""
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="processes that work at the same time, with one thread each, on a network each",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Add the seed."""
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
