"""Reading archives and compressed files without unpacking them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from nullcline._support import zips
from nullcline._support.reading import FileError, bounded, explaining, open_regular, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MEND", "open_decompressed", "open_members", "read_members"]

_CHUNK = 1 << 20
_PIECE = 1 << 16  # of a member, most of which are smaller
_ZIP_MAGIC = b"PK\x03\x04"
_DECODERS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}
"""What a compressed file begins with, and what reads it."""

_LARGEST_MEMBER = 1 << 26  # the largest that is read as a whole, the trees of SST, has 2 MB
_LARGEST_STREAM = 1 << 32  # the largest that is read bit by bit, Yelp's reviews, has 0.5 GB

MEND = "delete it and copy or download it again"
"""What to do about a damaged download."""


def is_zip(path: Path) -> bool:
    """Say whether the file at `path` begins as a zip archive does."""
    with open_regular(path) as file:
        return file.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


def open_decompressed(path: Path) -> IO[bytes]:
    """Open a file for reading through gzip, xz or bzip2, told by its first bytes, or as it is.

    What comes out of it is bounded by its size (`nullcline._support.reading`).
    """
    file = open_regular(path)
    start = file.read(max(map(len, _DECODERS)))
    file.seek(0)
    for magic, decoder in _DECODERS.items():
        if start.startswith(magic):
            return bounded(file, decoder(file))
    return file


def read_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Read files out of an archive, one after the other, in the archive's order.

    Parameters
    ----------
    path, wanted
        As for `open_members`.

    Yields
    ------
    (str, bytes)
        Name and content of each file that is wanted.

    Raises
    ------
    ValueError
        As `open_members` raises it, or a file has more than 64 MiB.
    """
    with explaining(path, "an archive", MEND):
        for name, stream in open_members(path, wanted, largest=_LARGEST_MEMBER):
            yield name, b"".join(iter(partial(stream.read, _PIECE), b""))


def open_members(
    path: Path, wanted: Callable[[str], bool], *, largest: int = _LARGEST_STREAM
) -> Iterator[tuple[str, IO[bytes]]]:
    """Open files in an archive, one after the other, in the archive's order.

    Nothing is unpacked, so that nothing can be written where it should not be; all the same, an
    archive with a member that would leave the folder it is unpacked to is refused as a whole.

    Parameters
    ----------
    path
        A tar archive, by itself or compressed with gzip, xz or bzip2, a zip archive, or a folder
        with what such an archive holds.
    wanted
        Says of a member's name whether it shall be read.
    largest
        How many bytes a member may have.

    Yields
    ------
    (str, IO)
        Name of each file that is wanted, and a stream of its content, which ends with the step to
        the next. What a damaged archive makes the stream raise is for the reader to explain
        (`nullcline._support.reading.explaining`).

    Raises
    ------
    ValueError
        The archive is damaged or cut short, has too many members or ones that are too large,
        unpacks to over a hundred times its size, or a member is a link, a device, encrypted, or has
        an absolute name or one with ``..``.
    """
    with explaining(path, "an archive", MEND):
        if path.is_dir():
            yield from _open_folder(path, wanted, largest)
        elif is_zip(path):
            yield from _open_zip(path, wanted, largest)
        else:
            yield from _open_tar(path, wanted, largest)


def _open_folder(
    path: Path, wanted: Callable[[str], bool], largest: int
) -> Iterator[tuple[str, IO[bytes]]]:
    for folder, _, files in os.walk(path):
        for file in sorted(files):
            member = Path(folder, file)
            name = member.relative_to(path.parent).as_posix()
            if wanted(name):
                kind = member.lstat()
                if not stat.S_ISREG(kind.st_mode):
                    raise _unsafe(path, name, "is a link or a device")
                _refuse_large(path, name, kind.st_size, largest)
                with open_regular(member) as stream:
                    yield name, stream


def _open_zip(
    path: Path, wanted: Callable[[str], bool], largest: int
) -> Iterator[tuple[str, IO[bytes]]]:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            plain = member.is_dir() or kind in (0, stat.S_IFREG)
            _refuse_unsafe(path, member.filename, plain=plain)
        for member in zips.members(path, archive, size_of(file)):
            if wanted(member.filename):
                _refuse_large(path, member.filename, member.file_size, largest)
                with archive.open(member) as stream:
                    yield member.filename, stream


def _open_tar(
    path: Path, wanted: Callable[[str], bool], largest: int
) -> Iterator[tuple[str, IO[bytes]]]:
    """Open members as they come, never going back, which in a compressed file is to begin anew."""
    with open_decompressed(path) as stream:
        forward: Any = _Forward(path, stream)
        with tarfile.TarFile(fileobj=forward) as opened:
            archive: Any = opened  # whose list of members no type checker knows
            for _ in range(zips.MOST_MEMBERS):
                member = archive.next()
                if member is None:
                    break
                archive.members = []  # it would keep them all
                _refuse_unsafe(path, member.name, plain=member.isfile() or member.isdir())
                if member.isfile() and wanted(member.name):
                    _refuse_large(path, member.name, member.size, largest)
                    content = archive.extractfile(member)
                    yield member.name, content or io.BytesIO()
            else:
                raise FileError(f"{path} is refused: it has over {zips.MOST_MEMBERS:,} members")
        while stream.read(_CHUNK):  # the checksum comes last
            pass


class _Forward:
    """What tarfile reads, which goes forward only, and in no larger steps than a member may have.

    Headers say how long they are and where the next one lies, and tarfile believes them.
    """

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream
        self._at = 0

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_MEMBER:
            raise FileError(f"{self._path} is damaged: a header in it has {size:,} bytes")
        parts = []
        while size > 0 and (part := self._stream.read(min(size, _CHUNK))):
            parts.append(part)
            size -= len(part)
            self._at += len(part)
        return b"".join(parts)

    def seek(self, place: int) -> int:
        if place < self._at:
            raise FileError(f"{self._path} is damaged: a member in it lies within another")
        while self._at < place and self.read(min(_CHUNK, place - self._at)):
            pass
        return self._at


def _refuse_large(path: Path, name: str, size: int, largest: int) -> None:
    if not 0 <= size <= largest:
        raise FileError(
            f"{path} is refused: its member {name!r} has {size:,} bytes, and texts have up to "
            f"{largest:,}"
        )


def _refuse_unsafe(path: Path, name: str, *, plain: bool) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or parts[:1] == ("/",) or any(part.endswith(":") for part in parts[:1]):
        raise _unsafe(path, name, "leaves the archive's folder")
    if not plain:
        raise _unsafe(path, name, "is a link or a device")


def _unsafe(path: Path, name: str, why: str) -> FileError:
    return FileError(f"{path} is refused: its member {name!r} {why}; get it from its source again")
