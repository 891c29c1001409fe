"""Waiting in tests for what comes in its own time, however busy the machine is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 300.0
"""Seconds after which what does not come has failed to."""


def wait_for(what: Callable[[], bool]) -> None:
    """Return when something is true; fail if it does not become true."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, f"it did not come in {PATIENCE:.0f} s"
        time.sleep(0.02)
