"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEM_LENGTH = 40  # of a temporary name, which may be no longer than the file system allows
_ABANDONED = re.compile(r"\..*-[a-z0-9_]{8}\.partial(\.[^.]*)?")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place when the block ends well.

    Whatever interrupts the block (an exception, Ctrl-C, a full disk) leaves `path` as it was and
    removes the temporary file. What a killed process left of the same file is removed by the next
    one that writes it. The temporary name keeps the suffix, for writers that look at it.

    Parameters
    ----------
    path
        Where the file shall be in the end. Its parent folder is made if it does not exist.

    Yields
    ------
    pathlib.Path
        The temporary path to write to, in the same folder, hence on the same file system.

    Raises
    ------
    OSError
        The file cannot be written; `filename` is `path`, or the folder that cannot be made.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        raise FileExistsError(errno.EEXIST, "it is no ordinary file, and is left alone", str(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_name(target)
    with _naming(target, temporary):
        remove_abandoned(target.parent, target)
        lock = _create(temporary)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
            os.close(lock)


def remove_abandoned(folder: Path, target: Path | None = None) -> None:
    """Remove the temporary files in a folder whose writers have ended without a chance to.

    A writer holds a lock on its temporary file as long as it lives, so no file that is still being
    written is removed. Where the file system has no locks, none is removed at all.

    Parameters
    ----------
    folder
        The folder; those within it are left alone.
    target
        The file that they were to become; None stands for any.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _is_temporary(entry.name, target) and entry.is_file(follow_symlinks=False):
                _remove_unless_locked(Path(entry))


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` in UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all; NaN is refused."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of what a file holds, in hexadecimal digits."""
    with Path(path).open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


# Temporary files: a lock on each tells whether its writer lives, in whatever container or machine


def _temporary_name(target: Path) -> Path:
    return target.with_name(
        f".{target.stem[:_STEM_LENGTH]}-{secrets.token_hex(4)}.partial{target.suffix}"
    )


def _is_temporary(name: str, target: Path | None) -> bool:
    if not _ABANDONED.fullmatch(name):
        return False
    if target is None:
        return True
    before, after = f".{target.stem[:_STEM_LENGTH]}-", f".partial{target.suffix}"
    random = name.removeprefix(before).removesuffix(after)
    return name == f"{before}{random}{after}" and len(random) == 8


def _create(path: Path) -> int:
    """Create a file with the permissions that the user's mask leaves; return its locked handle."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(OSError):  # a file system without locks: then nobody tidies up
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle
        os.close(handle)  # taken for abandoned, before it was locked


def _remove_unless_locked(path: Path) -> None:
    with contextlib.suppress(OSError):  # its writer lives, it is gone, or it is not ours
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(handle)


@contextlib.contextmanager
def _naming(target: Path, temporary: Path) -> Iterator[None]:
    """Let errors of the operating system name the file that was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in {None, str(temporary), temporary}:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error
