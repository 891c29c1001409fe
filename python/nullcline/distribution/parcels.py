"""What workers are sent: pickles, in which what a worker holds already is only named.

What all chunks of a job have in common, such as the cell, is `shared`: an object under a name,
pickled once and known by the hash of that pickle. Arguments and answers refer to it, and an answer
that holds the cell comes back with the caller's own.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Parcel:
    """A shared object as bytes, and the hash that names it on every worker."""

    key: str
    content: bytes


def parcels_of(shared: Mapping[str, Any]) -> dict[str, Parcel]:
    """Pickle what all chunks have in common.

    Raises
    ------
    pickle.PicklingError
        If something cannot be pickled; the message names it and the fix.
    """
    return {name: _parcel(name, value) for name, value in shared.items()}


def _parcel(name: str, value: Any) -> Parcel:
    try:
        content = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise pickle.PicklingError(
            f"{name} cannot be sent to an executor's workers, as it cannot be pickled ({error}): "
            "make it of functions that are defined with `def` at the top level of a module, pip "
            "install cloudpickle, or use a ThreadPoolExecutor, which sends nothing"
        ) from error
    return Parcel(sha256(content).hexdigest(), content)


def pack(value: Any, shared: Mapping[str, Any]) -> bytes:
    """Return a pickle in which shared objects are only named."""
    file = io.BytesIO()
    _Packer(file, shared).dump(value)
    return file.getvalue()


def unpack(content: bytes, shared: Mapping[str, Any]) -> Any:
    """Return what `pack` was given, with this side's shared objects in it."""
    return _Unpacker(io.BytesIO(content), shared).load()


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, shared: Mapping[str, Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._names = {id(value): name for name, value in shared.items() if value is not None}

    def persistent_id(self, value: Any) -> str | None:
        return self._names.get(id(value))


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, name: str) -> Any:
        return self._shared[name]
