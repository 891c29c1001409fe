"""Many cases in processes of their own, so that one that hangs or crashes is counted, and no more.

A case has a kind (a reader's or a function's name) and a number. What comes of it is a word, such
as "accepted", or a fault: its sort, a colon, and what was raised and where.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection

LONGEST = 20.0
"""Seconds that a case may take; those that end take milliseconds."""

EXAMPLE = " <- "
"""What stands between what was raised, by which faults are told apart, and what raised it."""

_START = 300.0

Case: TypeAlias = "tuple[str, int]"
Judge: TypeAlias = "Callable[[str, int, int, Path], str]"
"""Returns what comes of a case: of its kind, its number, a seed and a folder to work in."""


@dataclass
class Counts:
    """What came of the cases of one kind, and an example of each fault."""

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, number: int, outcome: str) -> None:
        sort, colon, what = outcome.partition(": ")
        self.cases += 1
        self.outcomes[sort] += 1
        if colon:
            fault, _, example = what.partition(EXAMPLE)
            first = {"times": 0, "first": number, "example": example}
            self.faults.setdefault(f"{sort}: {fault}", first)["times"] += 1

    def as_json(self) -> dict[str, Any]:
        return {"cases": self.cases, **dict(sorted(self.outcomes.items())), "faults": self.faults}


def run(judge: Judge, kinds: Iterable[str], count: int, seed: int) -> dict[str, Counts]:
    """Judge `count` cases, the same number of each kind, and count what comes of them."""
    kinds = list(kinds)
    found = {kind: Counts() for kind in kinds}
    cases = [(kind, number) for number in range(-(-count // len(kinds))) for kind in kinds]
    for (kind, number), outcome in _outcomes(judge, cases[:count], seed):
        found[kind].add(number, outcome)
    return found


def _outcomes(judge: Judge, cases: list[Case], seed: int) -> Iterator[tuple[Case, str]]:
    """Yield what comes of each case, with a new process after each that ends one."""
    context = multiprocessing.get_context("spawn")
    done = 0
    while done < len(cases):
        ours, theirs = context.Pipe()
        worker = context.Process(target=_work, args=(theirs, judge, cases[done:], seed))
        worker.start()
        theirs.close()
        try:
            for case, outcome in _until_it_ends(ours, cases[done:]):
                done += 1
                yield case, outcome
        finally:
            worker.kill()
            worker.join()


def _until_it_ends(worker: Connection, cases: list[Case]) -> Iterator[tuple[Case, str]]:
    """Yield what a process says of cases, up to one that hangs, crashes or takes much memory."""
    if not worker.poll(_START) or worker.recv() != "ready":
        raise RuntimeError("a process that judges cases did not start")
    for case in cases:
        if not worker.poll(LONGEST):
            yield case, f"hang: over {LONGEST} s"
            return
        try:
            outcome = worker.recv()
        except EOFError:
            yield case, "crash: the process ended"
            return
        yield case, outcome
        if outcome.startswith("over memory"):
            return  # the next one's memory is measured from its peak


def _work(parent: Connection, judge: Judge, cases: list[Case], seed: int) -> None:
    os.environ.pop("NULLCLINE_DATA", None)
    with tempfile.TemporaryDirectory() as folder:
        judge(cases[0][0], 0, seed, Path(folder, "case"))  # imports, and makes the seeds
        parent.send("ready")
        for kind, number in cases:
            parent.send(judge(kind, number, seed, Path(folder, "case")))
