"""The executor as a sender sees it: where tasks go, how many are to be on their way, and renewal.

All that is asked of an executor is `submit`, and of what that returns `result`, `cancel` and
`add_done_callback`, as `concurrent.futures.Future` has them.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    GivenExecutor: TypeAlias = "Executes | Callable[[], Executes]"
    """What users pass: an executor, or what makes one."""

_UNKNOWN = 16
"""Tasks on their way where an executor does not tell how many workers it has."""

_ASKED_EVERY = 1.0
"""Seconds after which an executor is asked again: clusters grow and shrink."""


class Executes(Protocol):
    """What `executor` must have: `submit`, as `concurrent.futures.Executor` has it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        """Begin a call of `fn`, and return its future."""


def require_executor(executor: Any) -> None:
    """Raise TypeError unless this is an executor or makes one; None is fine, too."""
    if executor is None or _takes_tasks(executor):
        return
    if callable(executor):
        return
    raise TypeError(
        "executor must be an executor, which has a method submit, such as "
        "concurrent.futures.ProcessPoolExecutor(), or a function that makes one, not "
        f"{executor!r}"
    )


class Workers:
    """An executor, asked how many workers it has, and made anew where the user says how."""

    def __init__(self, given: GivenExecutor) -> None:
        self._make: Callable[[], Executes] | None = None
        self._executor: Any = given
        if not _takes_tasks(given):
            make: Any = given
            self._make, self._executor = make, _made(make)
        self._asked_at, self._wanted = -_ASKED_EVERY, 0

    @property
    def share_memory(self) -> bool:
        """Whether tasks run in this process, so that nothing is pickled."""
        kind = type(self._executor)
        # Interpreters share no objects, though Python has them under the pool of threads.
        return issubclass(kind, ThreadPoolExecutor) and "Interpreter" not in kind.__name__

    @property
    def n_wanted(self) -> int:
        """How many tasks are to be on their way: all workers busy, and a task waiting for each."""
        now = time.monotonic()
        if now - self._asked_at >= _ASKED_EVERY:
            count = count_workers(self._executor)
            self._wanted = _UNKNOWN if count is None else 2 * max(1, count)
            self._asked_at = now
        return self._wanted

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Send a task, and return its future."""
        return self._executor.submit(function, *arguments)

    def renew(self) -> bool:
        """Replace a broken executor, and tell whether that is possible."""
        if self._make is None:
            return False
        _shut_down(self._executor)
        self._executor = _made(self._make)
        return True

    def close(self) -> None:
        """Shut down what was made here; an executor of the user's stays as it is."""
        if self._make is not None:
            _shut_down(self._executor)


def count_workers(executor: Any) -> int | None:
    """Return how many tasks an executor runs at a time, if it tells."""
    for name in ("num_workers", "_max_workers"):  # of mpi4py and adapters; of Python's and loky's
        count = getattr(executor, name, None)
        if isinstance(count, int):
            return count
    ncores = getattr(getattr(executor, "_client", None), "ncores", None)  # of Dask's client
    return sum(ncores().values()) if callable(ncores) else None


def _takes_tasks(executor: object) -> bool:
    """Tell whether this is an executor, and not a class of them, which makes one."""
    return callable(getattr(executor, "submit", None)) and not isinstance(executor, type)


def _made(make: Callable[[], Executes]) -> Executes:
    executor = make()
    if not _takes_tasks(executor):
        raise TypeError(
            "executor, a function, must return an executor, which has a method submit, not "
            f"{executor!r}"
        )
    return executor


def _shut_down(executor: Any) -> None:
    shutdown = getattr(executor, "shutdown", None)
    if callable(shutdown):
        shutdown(wait=True)
