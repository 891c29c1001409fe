"""A judge with every fault there is, which shows that a campaign counts them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ("good", "hanging", "crashing", "greedy")


def judge(kind: str, number: int, _seed: int, _folder: Path) -> str:
    """Return "accepted", but for number 1 of the kinds with a fault."""
    if number == 1:
        match kind:
            case "hanging":
                time.sleep(3600)
            case "crashing":
                os.abort()
            case "greedy":
                return "over memory: 300 MiB"
    return "accepted"
