"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it into place when the block ends well.

    Whatever interrupts the block (an exception, Ctrl-C, a full disk) leaves `path` as it was and
    removes the temporary file. The temporary name keeps the suffix, for writers that look at it.

    Parameters
    ----------
    path
        Where the file shall be in the end. Its parent folder is made if it does not exist.

    Yields
    ------
    pathlib.Path
        The temporary path to write to, in the same folder, hence on the same file system.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _new_file_beside(target)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` in UTF-8, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all; NaN is refused."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _new_file_beside(target: Path) -> Path:
    """Make an empty file under a name that is free, with the mode that any new file gets.

    The system derives the mode from the umask. Files of `tempfile` are their owner's alone, and
    whoever asks for the umask, to change that, must set it: what other threads make in that moment
    is then open to everyone.
    """
    while True:
        name = f".{target.stem}-{secrets.token_hex(4)}.partial{target.suffix}"
        temporary = target.with_name(name)
        with contextlib.suppress(FileExistsError):
            temporary.touch(exist_ok=False)
            return temporary
