"""Reading archives and compressed files without unpacking them."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["explain_damage", "open_decompressed", "read_members"]

_CHUNK = 1 << 20
_ZIP_MAGIC = b"PK\x03\x04"
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, lzma.LZMAError, zlib.error,
)  # fmt: skip


@contextlib.contextmanager
def explain_damage(path: Path) -> Iterator[None]:
    """Turn what the decompressors raise on bad data into a ValueError that names the file."""
    try:
        yield
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if error.errno is None:  # bz2's word for bad data
            raise _damaged(path, error) from error
        raise


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} is damaged or cut short ({error}); delete it and copy or download it again"
    )


def is_zip(path: Path) -> bool:
    """Say whether the file at `path` begins as a zip archive does."""
    with path.open("rb") as file:
        return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


def open_decompressed(path: Path) -> IO[bytes]:
    """Open a file for reading through gzip, xz or bzip2, told by its first bytes, or as it is."""
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return cast("IO[bytes]", gzip.open(path))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.open(path)
    if magic.startswith(b"BZh"):
        return bz2.open(path)
    return path.open("rb")


def read_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Read files out of an archive, one after the other, in the archive's order.

    Nothing is unpacked, so that nothing can be written where it should not be; all the same, an
    archive with a member that would leave the folder it is unpacked to is refused as a whole.

    Parameters
    ----------
    path
        A tar archive, by itself or compressed with gzip, xz or bzip2, a zip archive, or a folder
        with what such an archive holds.
    wanted
        Says of a member's name whether it shall be read.

    Yields
    ------
    (str, bytes)
        Name and content of each file that is wanted.

    Raises
    ------
    ValueError
        The archive is damaged or cut short, or a member is a link, a device, or has an absolute
        name or one with ``..``.
    """
    with explain_damage(path):
        if path.is_dir():
            yield from _read_folder(path, wanted)
        elif is_zip(path):
            yield from _read_zip(path, wanted)
        else:
            yield from _read_tar(path, wanted)


def _read_folder(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for folder, _, files in os.walk(path):
        for file in sorted(files):
            member = Path(folder, file)
            name = member.relative_to(path.parent).as_posix()
            if wanted(name):
                if not stat.S_ISREG(member.lstat().st_mode):
                    raise _unsafe(path, name, "is a link or a device")
                yield name, member.read_bytes()


def _read_zip(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            plain = member.is_dir() or kind in (0, stat.S_IFREG)
            _refuse_unsafe(path, member.filename, plain=plain)
            if not member.is_dir() and wanted(member.filename):
                if member.flag_bits & 1:
                    raise ValueError(f"{path}: {member.filename} is encrypted; decrypt it first")
                yield member.filename, archive.read(member)


def _read_tar(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    with open_decompressed(path) as stream:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                _refuse_unsafe(path, member.name, plain=member.isfile() or member.isdir())
                if member.isfile() and wanted(member.name):
                    content = archive.extractfile(member)
                    yield member.name, content.read() if content else b""
        while stream.read(_CHUNK):  # the checksum comes last
            pass


def _refuse_unsafe(path: Path, name: str, *, plain: bool) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or parts[:1] == ("/",) or any(part.endswith(":") for part in parts[:1]):
        raise _unsafe(path, name, "leaves the archive's folder")
    if not plain:
        raise _unsafe(path, name, "is a link or a device")


def _unsafe(path: Path, name: str, why: str) -> ValueError:
    return ValueError(f"{path} is refused: its member {name!r} {why}; get it from its source again")
