"""Running a command: what ends it, and what is said of that in the command line's words."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline._support.extras import what_brings
from nullcline._support.options import with_flags
from nullcline.gpu.availability import CudaUnavailableError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

# What a user can mend; anything else is a defect of ours and keeps its traceback.
USER_ERRORS = (
    ValueError,
    TypeError,
    NotImplementedError,
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


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def run(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> int:
    """Parse the words of a command line, run the command that they name, and return its code."""
    with _giving_up_output():
        _say_in_letters_there_are()
        options = parser.parse_args(arguments)
        try:
            with _sigterm_as_ctrl_c():
                options.run(options)
        except _Terminated:
            return _fail(f"terminated; {options.kept}", options, 143)
        except KeyboardInterrupt:
            return _fail(f"interrupted; {options.kept}", options, 130)
        except ModuleNotFoundError as error:
            return _fail(what_brings(error, options.extra), options)
        except USER_ERRORS as error:
            return _fail(_sentence(error, options), options)
    return 0


_PLAIN = {
    **dict.fromkeys("−–", "-"),
    **dict.fromkeys("“”", '"'),
    "»": ">",
    "«": "<",
    "→": "->",
    "…": "...",
    "×": "x",
    "∞": "inf",
    "λ": "lambda",
    "τ": "tau",
    **dict.fromkeys("\u2066\u2067\u2068\u2069", ""),  # which isolate a direction of writing
}
"""What is written for letters that the output's encoding lacks; ``?`` for all others."""


def _in_plain_letters(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return what is written for the first letter that could not be, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = error.object[error.start]
    if "\udc80" <= letter <= "\udcff":  # a byte of a file's name that was no text
        return bytes([ord(letter) - 0xDC00]), error.start + 1
    return _PLAIN.get(letter, "?"), error.start + 1


codecs.register_error("nullcline-plain", _in_plain_letters)


def _say_in_letters_there_are() -> None:
    """Let no result be lost because a terminal's encoding lacks a minus sign or a word's letter."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="nullcline-plain")


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
        plain = isinstance(error, ValueError | TypeError | NotImplementedError)
        return str(error) if plain else f"{type(error).__name__}: {error}"
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


def say(message: object) -> None:
    """Print a result."""
    try:
        print(message, flush=True)  # noqa: T201 - minds an output that is closed
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error
