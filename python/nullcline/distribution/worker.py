"""What runs on a worker: a chunk of work, with what all chunks share from a bounded store."""

from __future__ import annotations

import sys
import traceback
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from nullcline._native.blas import one_blas_thread
from nullcline._support.forking import fork_safe_lock
from nullcline._support.versions import own_version
from nullcline.distribution.machine import this_machine
from nullcline.distribution.parcels import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWERED, LACKING, FAILED, REFUSED = "answered", "lacking", "failed", "refused"
"""What a worker may say of a chunk."""

_MOST_KEPT, _MOST_BYTES = 32, 2**30
"""Shared objects that a worker keeps, and their pickles' bytes; the newest one always."""


class Task(NamedTuple):
    """A chunk as it is sent, all of it of types that any version unpickles.

    Attributes
    ----------
    version
        The sender's version of this package.
    keys
        The hashes of what is shared, by its name.
    contents
        Pickles of shared objects, by hash: of those that the worker may lack.
    call
        The function and its arguments, as `pack` writes them.
    n_threads
        How many threads the worker may use for it.
    """

    version: str
    keys: dict[str, str]
    contents: dict[str, bytes]
    call: bytes
    n_threads: int


_lock = fork_safe_lock()
_kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()


def run_task(*fields: Any) -> tuple[str, Any, str]:
    """Do a chunk on a worker, and say what came of it: a word, what it stands for, the machine."""
    if fields[0] != own_version():
        return REFUSED, own_version(), ""
    task = Task(*fields)
    try:
        shared, lacking = _shared(task)
        if lacking:
            return LACKING, lacking, ""
        function, arguments = unpack(task.call, shared)
        with _threads(task.n_threads):
            answer = function(shared, *arguments, n_threads=task.n_threads, report=None)
        return ANSWERED, pack(answer, shared), this_machine()
    except Exception as error:  # noqa: BLE001 - whatever it is, the sender raises it
        return FAILED, (_pickled(error), traceback.format_exc()), ""


def _shared(task: Task) -> tuple[dict[str, Any], list[str]]:
    """Return what is shared, by name, and the names of what this worker has not got."""
    found, lacking = {}, []
    for name, key in task.keys.items():
        with _lock:
            if key not in _kept and key in task.contents:
                content = task.contents[key]
                _keep(key, unpack(content, {}), len(content))
            if key in _kept:
                _kept.move_to_end(key)
                found[name] = _kept[key][0]
            else:
                lacking.append(name)
    return found, lacking


def _keep(key: str, value: Any, size: int) -> None:
    _kept[key] = value, size
    while len(_kept) > 1 and (
        len(_kept) > _MOST_KEPT or sum(size for _, size in _kept.values()) > _MOST_BYTES
    ):
        _kept.popitem(last=False)


@contextmanager
def _threads(n_threads: int) -> Iterator[None]:
    """Hold NumPy's BLAS at one thread, and PyTorch, where a cell uses it, at `n_threads`."""
    torch = sys.modules.get("torch")
    with one_blas_thread():
        if torch is None or torch.get_num_threads() == n_threads:
            yield
            return
        found = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(found)


def _pickled(error: Exception) -> bytes | None:
    """Return an exception as bytes, if it is one that can be read again."""
    try:
        content = pack(error, {})
        unpack(content, {})
    except Exception:  # noqa: BLE001 - what it holds may raise anything
        return None
    return content
