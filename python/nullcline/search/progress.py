"""How far a search is, told to a function, a bar, or standard error."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Report: TypeAlias = Callable[[int, int], None]
    """Takes the number of starts that are done and of all; what it raises ends the search."""


@contextmanager
def reporter(
    progress: bool | Report, total: int, *, what: str = "fixed points", unit: str = "start"
) -> Iterator[Report | None]:
    """Yield what a search, or what else takes a while, is to call as it goes on, if anything."""
    if callable(progress):
        yield progress
    elif not isinstance(progress, bool):
        raise TypeError(f"progress must be True, False or a function, not {progress!r}")
    elif not progress:
        yield None
    else:
        try:
            from tqdm import tqdm
        except ModuleNotFoundError:
            yield partial(_count_on_stderr, what)
            return
        with tqdm(total=total or None, desc=what, unit=unit) as bar:

            def update(done: int, _: int) -> None:
                bar.update(done - bar.n)

            yield update


def share_of(progress: Report | None, n_done: int, n_parts: int) -> Report | None:
    """Return what reports the progress of one part of a search, `n_done` parts of it done."""
    if progress is None:
        return None

    def report(done: int, total: int) -> None:
        progress((n_done * total + done) // n_parts, total)

    return report


def _count_on_stderr(what: str, done: int, total: int) -> None:
    sys.stderr.write(f"\r{what}: {done}/{total or '?'}" + ("\n" if done == total else ""))
    sys.stderr.flush()
