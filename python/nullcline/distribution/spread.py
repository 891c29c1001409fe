"""Where a function of this package sends its work: an executor, in chunks of what size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nullcline._support import validation
from nullcline.distribution.executors import require_executor
from nullcline.distribution.sending import in_order, send_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nullcline.distribution.executors import GivenExecutor
    from nullcline.distribution.sending import Chunk


@dataclass(frozen=True, eq=False)
class Spread:
    """An executor, the rows of a chunk, if the user says, and threads on a worker and here."""

    executor: GivenExecutor
    chunk_size: int | None
    n_threads: int
    n_threads_here: int

    def answers(
        self,
        function: Callable[..., Any],
        chunks: Sequence[Chunk],
        shared: Mapping[str, Any],
        report: Callable[[int, int], None] | None = None,
    ) -> list[Any]:
        """Return the answers of all chunks, in their order; see `send_chunks`."""
        with send_chunks(
            self.executor,
            function,
            chunks,
            shared=shared,
            n_threads=self.n_threads,
            n_threads_here=self.n_threads_here,
            report=report,
            n_rows=sum(chunk.n_rows for chunk in chunks),
        ) as answers:
            return list(in_order(answers))


def spread_over(
    executor: GivenExecutor | None,
    chunk_size: int | None,
    n_threads: int | None,
    n_threads_here: int,
) -> Spread | None:
    """Check what a user says of an executor; None if there is none.

    Parameters
    ----------
    executor, chunk_size
        As the user gave them.
    n_threads
        As the user gave them: threads of each worker, one by default.
    n_threads_here
        Threads in this process.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or value, or `chunk_size` comes without an executor.
    """
    require_executor(executor)
    if chunk_size is not None:
        chunk_size = validation.whole_number("chunk_size", chunk_size, 1)
    if executor is None:
        if chunk_size is not None:
            raise ValueError("chunk_size is for an executor: pass executor=, too, or leave it out")
        return None
    return Spread(executor, chunk_size, n_threads or 1, n_threads_here)
