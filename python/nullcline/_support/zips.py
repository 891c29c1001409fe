"""What a zip archive must be before any of it is read."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from nullcline._support.reading import FileError, require_bounded

if TYPE_CHECKING:
    from pathlib import Path

MOST_MEMBERS = 1_000_000
"""IMDB, the largest archive of many files that is read, has 100,021."""

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Of the others, zipfile unpacks a member at once, whatever it grows to."""


def members(path: Path, archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """Return the files in an archive of `size` bytes; no folders, and nothing that a Mac adds.

    Raises
    ------
    FileError
        There are too many, they unpack to too much, two have one name, or one is encrypted or
        compressed in an uncommon way.
    """
    listed = archive.infolist()
    if len(listed) > MOST_MEMBERS:
        raise FileError(f"{path} is refused: it has more than {MOST_MEMBERS:,} members")
    require_bounded(path, sum(member.file_size for member in listed), size)
    names: set[str] = set()
    for member in listed:
        if member.filename in names:
            raise FileError(f"{path} is damaged: it holds {member.filename!r} twice")
        names.add(member.filename)
        if member.flag_bits & 1:
            raise FileError(f"{path}: {member.filename} is encrypted; decrypt it first")
        if member.compress_type not in _METHODS:
            raise FileError(
                f"{path}: {member.filename!r} is compressed by method {member.compress_type}, or "
                "damaged; make the archive anew, with deflate"
            )
    return [
        member for member in listed if not member.is_dir() and not is_mac_extra(member.filename)
    ]


def is_mac_extra(name: str) -> bool:
    """Say whether a member is what a Mac adds to archives: a file's attributes, a folder's view."""
    *folders, file = name.split("/")
    return "__MACOSX" in folders or file.startswith("._") or file == ".DS_Store"
