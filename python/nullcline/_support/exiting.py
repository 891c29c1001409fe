"""What threads must not be in the middle of when the interpreter ends."""

from __future__ import annotations

import atexit
import os
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE = 10.0
"""Seconds that the interpreter waits for other threads' calls at its end."""

_inside: set[object] = set()
_ends = False


def over_before_exit(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function as one that the end of the interpreter does not interrupt.

    A daemon thread in PyTorch releases the GIL, and up to Python 3.13 the whole process aborts if
    the interpreter ends before the thread has it back. So the end waits for such calls, and a
    daemon thread that begins another one after that is ended, by `SystemExit`.
    """

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        call = object()
        _inside.add(call)  # first, so that the end sees it or is seen
        try:
            if _ends and threading.current_thread() is not threading.main_thread():
                raise SystemExit
            return function(*args, **kwargs)
        finally:
            _inside.discard(call)

    return guarded


@atexit.register
def _wait_for_calls() -> None:
    global _ends  # noqa: PLW0603 - of the whole interpreter
    _ends = True
    deadline = time.monotonic() + PATIENCE
    while _inside and time.monotonic() < deadline:
        time.sleep(0.001)


os.register_at_fork(after_in_child=_inside.clear)  # those of threads that stayed in the parent
