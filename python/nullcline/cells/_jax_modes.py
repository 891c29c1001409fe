"""JAX's modes while something of ours is computed, whatever the caller's are."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def as_outside(dtype: np.dtype[Any]) -> Iterator[None]:
    """Compute in a type, whatever the caller's precision of numbers and of products.

    JAX makes float32 of all float64 unless `jax_enable_x64` is set. It is set here, for this
    thread and for as long as this takes.
    """
    import jax

    _require_own_threads()
    with ExitStack() as within:
        if dtype == np.float64:
            within.enter_context(_with_float64())
        within.enter_context(jax.default_matmul_precision("float32"))
        yield


def _with_float64() -> Any:
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64()


_threads_are_the_parents = threading.Event()
"""Set in the child of a fork, if JAX had begun to compute before: its threads are its parent's."""


def _note_the_fork() -> None:
    if getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", None):
        _threads_are_the_parents.set()


os.register_at_fork(after_in_child=_note_the_fork)


def _require_own_threads() -> None:
    if _threads_are_the_parents.is_set():
        raise RuntimeError(
            "JAX cannot compute in the child of a fork, where it waits for threads of its parent: "
            "start workers by 'spawn' or 'forkserver', as multiprocessing.get_context('spawn') does"
        )
