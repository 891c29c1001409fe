"""How many threads a thread of Python may use at most, where somebody holds it to fewer."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_limits = threading.local()


def thread_limit() -> int | None:
    """Return the most threads that calls of this thread of Python may use; None for no limit."""
    most: int | None = getattr(_limits, "most", None)
    return most


@contextmanager
def at_most(n_threads: int) -> Iterator[None]:
    """Hold what this thread of Python calls inside to so many threads where nothing is said."""
    before = thread_limit()
    _limits.most = n_threads
    try:
        yield
    finally:
        _limits.most = before
