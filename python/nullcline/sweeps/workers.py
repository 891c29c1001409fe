"""Processes of this machine that do jobs, one at a time each, and are gone when their sweep is."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

class Workers:
    """A pool that can be made anew when one of its processes was lost.

    The processes are started afresh (`spawn`), so that they inherit no threads and no locks. They
    hold the end of a pipe whose other end is here: when that is closed, or this process has ended
    in whatever way, they end at once.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        there, self._here = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            self.n, mp_context=context, initializer=_begin, initargs=(there,)
        )
        self._there = there  # kept open: processes are started one by one

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have a process call a function; the future of a broken pool fails as if it had begun."""
        try:
            return self._pool.submit(function, *arguments)
        except BrokenExecutor as error:
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed

    def renew(self) -> None:
        """Start other processes in place of these."""
        self.end()
        self._start()

    def end(self) -> None:
        """End the processes, whatever they do."""
        self._here.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._there.close()


def _begin(there: Connection) -> None:
    """Make a process heed its sweep alone: Ctrl-C is for that to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(there,), daemon=True).start()


def _end_with(there: Connection) -> None:
    """End this process when the other end of the pipe is closed, which nothing is written to."""
    multiprocessing.connection.wait([there])
    os._exit(1)
