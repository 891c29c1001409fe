"""Reading files that may be damaged, hostile, or no files at all.

Every reader keeps three rules. What it opens is a regular file: a FIFO would hang it, a device
never ends. Whatever is wrong with the content ends in one exception, `FileError`, which names the
file. And what a file unpacks to is bounded by its size, so that a small one can neither fill the
memory nor take for ever.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import stat
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

RATIO = 100
"""How many bytes may come out of one; text and numbers give 2 to 20, decompression bombs 1,000."""

ALLOWANCE = 1 << 26
"""How many bytes may come out of any file."""

_MOST_JSON = 1 << 28
_LONGEST_REASON = 300
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class FileError(ValueError):
    """A file is not what it should be, or it is damaged; the message names it."""


@contextlib.contextmanager
def explaining(path: str | os.PathLike[str], what: str, mend: str = "") -> Iterator[None]:
    """Turn whatever a damaged file makes its decoders raise into a `FileError` that names it.

    Decoders do not say what they may raise: AttributeError, IndexError, NotImplementedError,
    RecursionError and TokenError have all been seen. So everything is caught, except that a disk or
    network that fails to be read (an OSError with a number) is not the content's fault.

    Parameters
    ----------
    path
        The file.
    what
        What it should be, with its article.
    mend
        What to do about it.
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
            raise
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        raise FileError(
            f"{Path(path)} is not {what}, or it is damaged or cut short ({reason})"
            + (f"; {mend}" if mend else "")
        ) from error


@contextlib.contextmanager
def reading(path: str | os.PathLike[str], what: str, mend: str = "") -> Iterator[BinaryIO]:
    """Yield a regular file to read; what its content makes decoders raise becomes a `FileError`.

    Parameters
    ----------
    path, what, mend
        As for `explaining`. What opening the file raises, OSError, is left as it is.
    """
    with open_regular(path) as file, explaining(path, what, mend):
        yield file


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file, or a link to one; refuse FIFOs, devices and sockets without waiting."""
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - it is returned
    kind = stat.S_IFMT(os.fstat(file.fileno()).st_mode)
    if kind == stat.S_IFREG:
        return file
    file.close()
    raise FileError(
        f"{Path(path)} is {_KINDS.get(kind, 'something else')}, not a regular file; "
        "copy what it gives into one"
    )


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def size_of(file: IO[bytes]) -> int:
    """Return how many bytes an open file has."""
    return os.fstat(file.fileno()).st_size


def most_unpacked(size: int) -> int:
    """Return how many bytes a file of `size` bytes may unpack to."""
    return ALLOWANCE + RATIO * size


def require_bounded(path: str | os.PathLike[str], unpacked: int, size: int) -> None:
    """Raise `FileError` if a file of `size` bytes unpacks to too many."""
    if unpacked > most_unpacked(size):
        raise FileError(
            f"{Path(path)} unpacks to more than {most_unpacked(size):,} bytes, over {RATIO} times "
            "its size: it is refused as a decompression bomb; if it is none, unpack it first"
        )


def bounded(file: IO[bytes], stream: Any) -> io.BufferedReader:
    """Return what `stream` unpacks of `file`, refused beyond bounds; to close it closes both."""
    return io.BufferedReader(_Bounded(file, stream), 1 << 16)


class _Bounded(io.RawIOBase):
    def __init__(self, file: IO[bytes], stream: Any) -> None:
        self._file = file
        self._stream = stream
        self._unpacked = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count: int = self._stream.readinto(buffer)
        self._unpacked += count
        require_bounded(self._file.name, self._unpacked, size_of(self._file))
        return count

    def close(self) -> None:
        self._stream.close()
        self._file.close()
        super().close()


def read_json(path: str | os.PathLike[str], what: str) -> Any:
    """Return what a JSON file holds; NaN and numbers that are not finite are refused.

    Parameters
    ----------
    path, what
        As for `reading`.
    """
    with reading(path, what) as file:
        if size_of(file) > _MOST_JSON:
            raise FileError(f"{Path(path)} is not {what}: it has more than {_MOST_JSON:,} bytes")
        return json.loads(file.read().decode("utf-8"), parse_float=_finite, parse_constant=_finite)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits[:40]} is not a finite number")
    return value
