"""The SHA-256 of what a value holds: the same for equal values, in whatever process."""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nullcline._support.files import sha256


def content_sha256(value: Any) -> str:
    """Return the hash of what a value holds.

    Parameters
    ----------
    value
        None, numbers, texts, bytes, paths, arrays, members of enumerations, records (dataclasses),
        objects of this package such as cells, and sequences and mappings of these. A path stands
        for what its file holds, or all files of its folder; a list is as good as a tuple of the
        same.

    Raises
    ------
    OSError
        A file cannot be read.
    TypeError
        It holds anything else.
    """
    digest = hashlib.sha256()
    _add(digest, value)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, value: Any) -> None:
    """Add a value as the name of its kind, the length of what follows, and that."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, enum.Enum):
        _add_text(digest, "member", f"{_name_of(type(value))}.{value.name}")
    elif value is None or isinstance(value, bool | int):
        _add_text(digest, type(value).__name__, str(value))
    elif isinstance(value, float):
        _add_text(digest, "float", value.hex())
    elif isinstance(value, complex):
        _add_text(digest, "complex", f"{value.real.hex()} {value.imag.hex()}")
    elif isinstance(value, str):
        _add_text(digest, "text", value)
    elif isinstance(value, bytes):
        _add_bytes(digest, "bytes", value)
    elif isinstance(value, Path):
        _add_files(digest, value)
    elif isinstance(value, np.ndarray):
        _add_array(digest, value)
    else:
        _add_compound(digest, value)


def _add_compound(digest: hashlib._Hash, value: Any) -> None:
    """Add what is made of other values."""
    if isinstance(value, list | tuple | range):
        _add_text(digest, "sequence", str(len(value)))
        for item in value:
            _add(digest, item)
    elif isinstance(value, Mapping):
        _add_mapping(digest, "mapping", value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        _add_mapping(digest, _name_of(type(value)), named)
    elif type(value).__module__.startswith("nullcline.") and hasattr(value, "__getstate__"):
        _add_mapping(digest, _name_of(type(value)), value.__getstate__())
    else:
        raise TypeError(
            f"a {type(value).__name__} has no content that could be told from another's: pass "
            "numbers, texts, arrays, paths, records (dataclasses), or lists and dictionaries of "
            "these"
        )


def _add_mapping(digest: hashlib._Hash, kind: str, named: Mapping[str, Any]) -> None:
    if not all(isinstance(name, str) for name in named):
        raise TypeError("a mapping must have texts as keys")
    _add_text(digest, kind, str(len(named)))
    for name in sorted(named):
        _add_text(digest, "name", name)
        _add(digest, named[name])


def _add_array(digest: hashlib._Hash, array: np.ndarray[Any, Any]) -> None:
    if array.dtype.hasobject:
        raise TypeError("an array must be of numbers or texts, not of Python's objects")
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    _add_text(digest, "array", f"{little.dtype.str} {array.shape}")
    _add_bytes(digest, "entries", np.ascontiguousarray(little).tobytes())


def _add_files(digest: hashlib._Hash, path: Path) -> None:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        _add_text(digest, "folder", str(len(files)))
        for file in files:
            _add_text(digest, "file", file.relative_to(path).as_posix())
            _add_text(digest, "sha256", _file_sha256(file))
    else:
        _add_text(digest, "sha256", _file_sha256(path))


def _file_sha256(path: Path) -> str:
    """Return a file's hash, made once as long as the file stays as it is."""
    found = path.stat()
    return _hashed(os.fspath(path.resolve()), found.st_size, found.st_mtime_ns, found.st_ino)


@functools.lru_cache(maxsize=4096)
def _hashed(path: str, *_: int) -> str:
    return sha256(path)


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _add_text(digest: hashlib._Hash, kind: str, text: str) -> None:
    _add_bytes(digest, kind, text.encode("utf-8", "surrogatepass"))


def _add_bytes(digest: hashlib._Hash, kind: str, content: bytes) -> None:
    for part in (kind.encode(), content):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
