"""Executors that do what clusters do: return out of order, lose workers, and forget."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.distribution import worker
from nullcline.distribution.parcels import unpack
from nullcline.search import chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Mischievous:
    """Does tasks one after another in a thread, in any order, from pickles, as a process would.

    Parameters
    ----------
    seed
        Of all that is drawn.
    loses
        The share of tasks that are lost, in each of the ways in which executors say so.
    forgets
        The share of tasks before which all that the worker holds is dropped.
    """

    def __init__(self, seed: int, *, loses: float = 0.0, forgets: float = 0.0) -> None:
        self.num_workers = 3
        self.sizes: list[int] = []
        """Of each task, in bytes."""
        self.most = 0
        """How many tasks were on their way at once."""
        self._rng = np.random.default_rng(seed)
        self._loses, self._forgets = loses, forgets
        self._tasks: list[tuple[Future[Any], bytes]] = []
        self._change = threading.Condition()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Take a task."""
        future: Future[Any] = Future()
        content = pickle.dumps((fn, args))
        with self._change:
            self.sizes.append(len(content))
            self._tasks.append((future, content))
            self.most = max(self.most, len(self._tasks))
            self._change.notify()
        return future

    def _work(self) -> None:
        while True:
            with self._change:
                # Not before there is a choice, if more are to come.
                self._change.wait_for(lambda: len(self._tasks) > 2, timeout=0.01)
                if not self._tasks:
                    continue
                future, content = self._tasks.pop(int(self._rng.integers(len(self._tasks))))
            self._do(future, content)

    def _do(self, future: Future[Any], content: bytes) -> None:
        if self._rng.random() < self._forgets:
            worker._kept.clear()
        if self._rng.random() < self._loses:
            loss = (BrokenExecutor("a worker died"), TimeoutError(), None)[self._rng.integers(3)]
            if loss is None:
                future.cancel()
                future.set_running_or_notify_cancel()
            else:
                future.set_exception(loss)
            return
        if future.set_running_or_notify_cancel():
            function, arguments = unpack(content, {})
            future.set_result(function(*arguments))


def murdered(folder: Path, share: float, n_workers: int = 2) -> ProcessPoolExecutor:
    """Return a pool whose processes kill themselves at the first attempt of some chunks.

    Parameters
    ----------
    folder
        Where they note which chunks were attempted.
    share
        Of the chunks, which are drawn by their starts; above 1 for each attempt of all.
    """
    return ProcessPoolExecutor(
        n_workers,
        mp_context=get_context("fork"),
        initializer=_kill_at_first_attempts,
        initargs=(folder, share),
    )


def _kill_at_first_attempts(folder: Path, share: float) -> None:
    search: Any = chunks._search_chunk

    def attempt(shared: Any, starts: Any, *arguments: Any, **options: Any) -> Any:
        digest = sha256(starts.tobytes()).hexdigest()
        note = folder / digest
        if int(digest[:8], 16) < share * 2**32 and (share > 1 or not note.exists()):
            note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return search(shared, starts, *arguments, **options)

    attempt.__module__, attempt.__qualname__ = search.__module__, search.__qualname__
    chunks._search_chunk = attempt
