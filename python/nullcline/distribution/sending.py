"""Chunks sent to an executor's workers, a bounded number at a time, each until it is done.

A worker catches what a chunk raises and sends it back, to be raised here. So what a future itself
raises is the loss of a worker, and its chunk is sent again.
"""

from __future__ import annotations

import threading
import traceback
import warnings
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from nullcline._support.versions import own_version
from nullcline.distribution.executors import Workers
from nullcline.distribution.machine import this_machine
from nullcline.distribution.parcels import pack, parcels_of, unpack
from nullcline.distribution.worker import ANSWERED, FAILED, LACKING, REFUSED, Task, run_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nullcline.distribution.executors import GivenExecutor

MOST_LOSSES = 5
"""How often a chunk is sent again, at most, after the worker that had it was lost."""

_SMALL = 2**14
"""Shared objects of so few bytes travel with every chunk: that is cheaper than to be asked."""

_AHEAD = 8
"""Chunks, times those on their way, that may be done while one before them is not."""

_HEARTBEAT = 0.5
"""Seconds after which a sender that hears nothing reports, so that `progress` can end it."""


class Chunk(NamedTuple):
    """The arguments of one call, and how many rows of the whole they are."""

    arguments: tuple[Any, ...]
    n_rows: int = 1


class ChunkLostError(RuntimeError):
    """A chunk whose worker was lost each time that it was sent."""


class _RemoteTraceback(Exception):  # noqa: N818 - only to be shown as a cause
    """The traceback of a worker, as text."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


class _Stopped(Exception):  # noqa: N818 - it ends chunks in threads whose sender has ended
    """The sender has ended."""


@dataclass(eq=False)
class _Sent:
    """A chunk that is not done yet."""

    number: int
    chunk: Chunk
    call: bytes | None
    n_losses: int = 0
    carried: set[str] = field(default_factory=set)
    """The names of the shared objects that travel with it."""


@contextmanager
def send_chunks(
    executor: GivenExecutor,
    function: Callable[..., Any],
    chunks: Iterable[Chunk],
    *,
    shared: Mapping[str, Any],
    n_threads: int = 1,
    n_threads_here: int = 1,
    report: Callable[[int, int], None] | None = None,
    n_rows: int = 0,
) -> Iterator[Iterator[tuple[int, Any]]]:
    """Yield an iterator over numbers of chunks and their answers, as they come back.

    Each chunk is `function(shared, *arguments, n_threads=..., report=...)` on some worker. At most
    two chunks per worker are on their way, and chunks are read only when they are sent. A chunk is
    not sent as long as one far before it is not done, so that answers in order need bounded memory.

    Where the executor takes no more chunks, as a process pool that has lost a process, it is made
    anew if `executor` is a function that makes one; otherwise the rest is done in this process,
    with a warning. However the block is left, chunks that still wait are cancelled.

    Parameters
    ----------
    executor
        Anything with `submit`, or a function that makes one; see `Executes`.
    function
        A function of the top level of a module of this package. It gets `shared`, the arguments of
        a chunk and, as keywords, `n_threads`, and `report`: None, or, in this process, what it may
        call now and then, which raises if the answer is no longer wanted.
    chunks
        What to do.
    shared
        What all chunks have in common, by name: it is pickled once and sent to each worker once.
        Arguments and answers may hold these objects, and nothing is sent for it.
    n_threads, n_threads_here
        How many threads a chunk may use on a worker, and in this process.
    report
        What to tell how many rows are done, of all; what it raises ends the block. It is called
        twice a second, too, while nothing comes back.
    n_rows
        How many rows there are.

    Raises
    ------
    pickle.PicklingError
        If something shared cannot be pickled; the message names it.
    ChunkLostError
        If the workers of one chunk were lost time after time.
    RuntimeError
        If a worker has another version of this package.
    Exception
        What a chunk raises, with the worker's traceback as its cause.
    """
    workers = Workers(executor)
    try:
        sender = _Sender(workers, function, chunks, shared, (n_threads, n_threads_here))
        try:
            yield sender.answers(report, n_rows)
        finally:
            sender.stop()
    finally:
        workers.close()


def in_order(answers: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Yield answers in the order of their chunks."""
    early: dict[int, Any] = {}
    following = 0
    for number, answer in answers:
        early[number] = answer
        while following in early:
            yield early.pop(following)
            following += 1


class _Sender:
    """Chunks on their way."""

    def __init__(
        self,
        workers: Workers,
        function: Callable[..., Any],
        chunks: Iterable[Chunk],
        shared: Mapping[str, Any],
        n_threads: tuple[int, int],
    ) -> None:
        self._workers, self._function, self._shared = workers, function, shared
        self._n_threads, self._n_threads_here = n_threads
        self._chunks = enumerate(chunks)
        self._n_read = self._n_done = self._n_rows_done = self._n_renewals = 0
        self._parcels = {} if workers.share_memory else parcels_of(shared)
        self._stopped = threading.Event()
        self._returned: SimpleQueue[tuple[_Sent, Any]] = SimpleQueue()
        self._flying: dict[_Sent, Any] = {}
        self._waiting: deque[_Sent] = deque()
        self._has_sent = self._is_alone = self._has_warned = False

    def answers(
        self, report: Callable[[int, int], None] | None, n_rows: int
    ) -> Iterator[tuple[int, Any]]:
        """Yield numbers and answers until all chunks are done."""
        while True:
            self._fill()
            if self._flying:
                done = self._wait()
            elif self._is_alone and (sent := self._next()) is not None:
                done = sent, self._do(sent.chunk, self._n_threads_here)
            else:
                return
            if done is not None:
                sent, answer = done
                self._n_done += 1
                self._n_rows_done += sent.chunk.n_rows
                yield sent.number, answer
            if report is not None:
                report(self._n_rows_done, n_rows)

    def stop(self) -> None:
        """Cancel what waits, and tell threads that nobody waits for them."""
        self._stopped.set()
        for future in self._flying.values():
            future.cancel()

    def _fill(self) -> None:
        """Send as many chunks as there is room for."""
        wanted = self._workers.n_wanted
        while len(self._flying) < wanted and not self._is_alone:
            sent = self._next(_AHEAD * wanted)
            if sent is None:
                return
            self._send(sent)

    def _next(self, ahead: int | None = None) -> _Sent | None:
        """Return the next chunk to be sent, unless it is too far ahead of one on its way."""
        if self._waiting:
            return self._waiting.popleft()
        if ahead is not None and self._flying:
            oldest = min(sent.number for sent in self._flying)
            if self._n_read >= oldest + ahead:
                return None
        number, chunk = next(self._chunks, (None, None))
        if number is None or chunk is None:
            return None
        self._n_read += 1
        call = None
        if not self._workers.share_memory:
            call = pack((self._function, chunk.arguments), self._shared)
        return _Sent(number, chunk, call, carried=self._first_carried(number))

    def _first_carried(self, number: int) -> set[str]:
        """Return what travels with a chunk unasked: all with as many as there are workers."""
        if number < self._workers.n_wanted // 2:
            return set(self._parcels)
        return {at for at, parcel in self._parcels.items() if len(parcel.content) <= _SMALL}

    def _send(self, sent: _Sent) -> None:
        """Submit a chunk; where that fails, renew the executor or go on without it."""
        try:
            future = self._submit(sent)
        except Exception as error:  # noqa: BLE001 - each executor has its own
            self._waiting.appendleft(sent)
            self._go_on_after(error)
            return
        self._has_sent = True
        self._flying[sent] = future
        future.add_done_callback(lambda done: self._returned.put((sent, done)))

    def _submit(self, sent: _Sent) -> Any:
        if sent.call is None:
            return self._workers.submit(self._do_in_thread, sent.chunk)
        keys = {at: parcel.key for at, parcel in self._parcels.items()}
        contents = {keys[at]: self._parcels[at].content for at in sent.carried}
        task = Task(own_version(), keys, contents, sent.call, self._n_threads)
        return self._workers.submit(run_task, *task)

    def _go_on_after(self, error: Exception) -> None:
        """Renew an executor that takes no more tasks, or else go on in this process."""
        self._n_renewals += 1
        if self._n_renewals <= MOST_LOSSES and self._workers.renew():
            return
        if not self._has_sent:
            raise RuntimeError(
                f"executor takes no tasks ({error}): pass one that is not shut down or broken"
            ) from error
        self._is_alone = True
        warnings.warn(
            f"executor takes no more tasks ({error}): the rest is done in this process; pass a "
            "function that makes an executor to have it made anew",
            RuntimeWarning,
            stacklevel=2,
        )

    def _wait(self) -> tuple[_Sent, Any] | None:
        """Return the next chunk that comes back with an answer, if one soon does."""
        try:
            sent, future = self._returned.get(timeout=_HEARTBEAT)
        except Empty:
            return None
        del self._flying[sent]
        try:
            word, content, machine = future.result()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as loss:  # noqa: BLE001 - asyncio's cancellation is among them
            self._lose(sent, loss)
            return None
        if word == LACKING:
            sent.carried |= set(content)
            self._waiting.appendleft(sent)
            return None
        return sent, self._answer(word, content, machine)

    def _lose(self, sent: _Sent, loss: BaseException) -> None:
        """Have a chunk sent again, unless that was done too often."""
        sent.n_losses += 1
        if sent.n_losses > MOST_LOSSES:
            raise ChunkLostError(
                f"executor lost chunk {sent.number} {sent.n_losses} times, the last time by "
                f"{loss!r}; {self._n_done} chunks were done"
            ) from loss
        self._waiting.appendleft(sent)

    def _answer(self, word: str, content: Any, machine: str) -> Any:
        """Return what a worker has computed, or raise what it says instead."""
        if word == REFUSED:
            raise RuntimeError(
                f"executor has workers with nullcline {content}, and this is nullcline "
                f"{own_version()}: install one version everywhere"
            )
        if word == FAILED:
            error, text = content
            if isinstance(error, bytes):
                error = unpack(error, {})
            raise (error or RuntimeError("a chunk failed on a worker")) from _RemoteTraceback(text)
        self._n_renewals = 0
        if self._workers.share_memory and not machine:
            return content
        self._compare(machine)
        return unpack(content, self._shared)

    def _compare(self, machine: str) -> None:
        """Warn, once, of a worker whose last bits may be others than this process's."""
        if machine != this_machine() and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"a worker is {machine}, and this process {this_machine()}: the last bits of "
                "results may depend on where they were computed",
                RuntimeWarning,
                stacklevel=2,
            )

    def _do_in_thread(self, chunk: Chunk) -> tuple[str, Any, str]:
        """Do a chunk in a thread of this process, and say what came of it as `run_task` does."""
        try:
            return ANSWERED, self._do(chunk, self._n_threads), ""
        except Exception as error:  # noqa: BLE001 - whatever it is, the sender raises it
            return FAILED, (error, traceback.format_exc()), ""

    def _do(self, chunk: Chunk, n_threads: int) -> Any:
        """Do a chunk in this process."""
        return self._function(
            self._shared, *chunk.arguments, n_threads=n_threads, report=self._require_wanted
        )

    def _require_wanted(self, *_: int) -> None:
        """Raise if nobody waits for what a thread computes."""
        if self._stopped.is_set():
            raise _Stopped
