"""What takes long to make and tests only read, made once however many processes run tests."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

WORKER = "PYTEST_XDIST_WORKER"
"""Set by pytest-xdist in each process that it starts; their folders lie in one of all."""


def made_once(folders: pytest.TempPathFactory, name: str, make: Callable[[Path], Path]) -> Path:
    """Return what `make` made in an empty folder that it was given.

    Processes that come while another one makes it wait. Where it fails, each tries for itself, and
    tells of its own failure.
    """
    shared = folders.getbasetemp().parent if WORKER in os.environ else folders.getbasetemp()
    note = shared / f"{name}.made"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            made = make(folders.mktemp(name))
            note.write_text(str(made), encoding="utf-8")
    return Path(note.read_text("utf-8"))
