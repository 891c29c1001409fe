"""Processes of this machine that do jobs, one at a time each, and are gone when their sweep is."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from multiprocessing.connection import Connection


class Processes:
    """An executor whose processes end at once when it is shut down, whatever they do.

    They are started afresh (`spawn`), so that they inherit no threads and no locks. They hold the
    end of a pipe whose other end is here: when that is closed, or this process has ended in
    whatever way, they end.
    """

    def __init__(self, n: int) -> None:
        self.num_workers = n
        context = multiprocessing.get_context("spawn")
        self._there, self._here = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            n, mp_context=context, initializer=_begin, initargs=(self._there,)
        )

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Have a process call a function."""
        return self._pool.submit(fn, *args)

    def shutdown(self, wait: bool = True) -> None:
        """End the processes."""
        self._here.close()
        self._pool.shutdown(wait=wait, cancel_futures=True)
        self._there.close()


def _begin(there: Connection) -> None:
    """Make a process heed its sweep alone: Ctrl-C is for that to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(there,), daemon=True).start()


def _end_with(there: Connection) -> None:
    """End this process when the other end of the pipe is closed, which nothing is written to."""
    multiprocessing.connection.wait([there])
    os._exit(1)
