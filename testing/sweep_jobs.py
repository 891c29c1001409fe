"""Jobs of a sweep that take no time, and those that do whatever can go wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nullcline.sweeps import JobOutput


def squared(n: int, log: str | None = None, seconds: float = 0.0) -> dict[str, Any]:
    """Return a row, and add a line to a log of calls."""
    time.sleep(seconds)
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"{n}\n")
    return {"n": n, "square": n * n}
