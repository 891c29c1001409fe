"""A folder that one process alone may write to for a while."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_FILE = ".lock"
"""What a process holds a lock on as long as it works in a folder; gone when it has ended well."""


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str], argument: str) -> Iterator[None]:
    """Keep other processes, and other threads, out of a folder while the block runs.

    The lock is the operating system's, on a file in the folder, so it ends with the process that
    holds it, however that ends.

    Parameters
    ----------
    folder
        The folder, made if need be; one that was made here and is empty in the end is removed.
    argument
        By what argument a user names the folder, for the message.

    Raises
    ------
    BlockingIOError
        Another process works in the folder.
    OSError
        The folder cannot be made, or not be written to.
    """
    place = Path(folder)
    is_new = _is_new(place, argument)
    handle = _acquire(place, argument)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (place / LOCK_FILE).unlink()
        os.close(handle)
        if is_new:
            with contextlib.suppress(OSError):  # it holds what it was made for
                place.rmdir()


def _is_new(place: Path, argument: str) -> bool:
    """Tell whether there is nothing yet; at one look, as a holder may remove what it has made."""
    try:
        mode = place.stat().st_mode
    except OSError:
        return True
    if not stat.S_ISDIR(mode):
        raise NotADirectoryError(errno.ENOTDIR, f"{argument} must name a folder", str(place))
    return False


def _acquire(folder: Path, argument: str) -> int:
    path = folder / LOCK_FILE
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, flags, 0o666)
        except FileNotFoundError:  # removed by a holder that has just ended
            continue
        except FileExistsError:
            if folder.is_symlink() or folder.is_file():
                raise
            continue  # a folder that was there, and was removed by such a holder
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = _holder(handle)
            os.close(handle)
            raise BlockingIOError(
                errno.EWOULDBLOCK,
                f"{holder} is writing to this folder; wait until it has ended, or choose another "
                f"folder by {argument}",
                str(folder),
            ) from error
        except OSError as error:
            warnings.warn(
                f"{folder} is on a file system without locks ({error.strerror}): see to it that no "
                "other process writes to it",
                RuntimeWarning,
                stacklevel=4,
            )
            return handle
        if _is_at(handle, path):
            with contextlib.suppress(OSError):  # a full disk keeps nobody from what needs no more
                os.truncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
            return handle
        os.close(handle)  # of a holder that has just ended, and removed it


def _holder(handle: int) -> str:
    number = os.pread(handle, 20, 0).decode("ascii", "replace").strip()
    return f"another process ({number})" if number.isdigit() else "another process"


def _is_at(handle: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle), there)
