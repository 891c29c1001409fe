"""One damaged file: made, read, used, and what came of it."""

from __future__ import annotations

import functools
import random
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import Any

from testing.fuzz.mutators import damaged
from testing.fuzz.readers import READERS, Reader, prepare

MOST_MEMORY = 1 << 28
"""How many bytes a small damaged file may take."""

ACCEPTED = "accepted"
REFUSED = "refused"


@functools.cache
def whole(name: str) -> list[bytes]:
    """Return a reader's whole files, which the damaged ones are made of."""
    with tempfile.TemporaryDirectory() as folder:
        return READERS[name].seeds(Path(folder))


def content_of(name: str, number: int, seed: int) -> bytes:
    """Return the damaged file of that number for a reader; those of the first numbers are whole."""
    seeds = whole(name)
    if number < len(seeds):
        return seeds[number]
    rng = random.Random(f"{seed} {name} {number}")  # noqa: S311 - to be the same every time
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of those who write a damaged archive
        return damaged(rng.choice(seeds), rng, seeds)


def outcome(name: str, content: bytes, folder: Path) -> str:
    """Read a file in an empty folder and use what was read; return what came of it.

    Returns
    -------
    str
        `ACCEPTED`, `REFUSED`, or a fault: its kind, a colon and what was raised, and where.
    """
    reader = READERS[name]
    path = prepare(reader, folder, content)
    before = _peak()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, said = _read(reader, path)
        grown = _peak() - before
        if grown > MOST_MEMORY:
            return f"over memory: {grown >> 20} MiB"
        if said == ACCEPTED:
            try:
                reader.use(found, path.parent)
            except Exception as error:  # noqa: BLE001 - it is what is looked for
                return f"accepted, then failing: {_said(error)}"
    return said


def _read(reader: Reader, path: Path) -> tuple[Any, str]:
    try:
        return reader.read(path), ACCEPTED
    except reader.refusals as error:
        named = str(path.parent) in str(error) or path.name in str(error)
        return None, REFUSED if named else f"file not named: {_said(error)}"
    except Exception as error:  # noqa: BLE001 - it is what is looked for
        return None, f"undocumented exception: {_said(error)}"


def _peak() -> int:
    """Return the most bytes that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _said(error: Exception) -> str:
    last = traceback.extract_tb(sys.exc_info()[2])[-1]
    where = f"{Path(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__} at {where}: {' '.join(str(error).split())[:150]}"


KINDS = tuple(READERS)


def judge(kind: str, number: int, seed: int, folder: Path) -> str:
    """Return what comes of the damaged file of that number."""
    return outcome(kind, content_of(kind, number, seed), folder)
