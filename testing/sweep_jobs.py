"""Jobs of a sweep that take no time, and those that do whatever can go wrong."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.sweeps import JobOutput


def called(log: str | None, what: object) -> None:
    """Add a line to a log of calls."""
    if log is not None:
        with Path(log).open("a") as file:
            file.write(f"{what}\n")


def calls(log: Path) -> list[str]:
    """Return the lines of a log of calls."""
    return log.read_text().split() if log.exists() else []


def squared(n: int, log: str | None = None, seconds: float = 0.0) -> dict[str, Any]:
    """Return a row."""
    time.sleep(seconds)
    called(log, n)
    return {"n": n, "square": n * n}


def drawn(folder: Path, seed: int, log: str | None = None) -> dict[str, Any]:
    """Write an array, and return its sum."""
    called(log, seed)
    values = np.random.default_rng(seed).normal(size=20)
    np.save(folder / "values.npy", values)
    return {"seed": seed, "sum": values.sum(), "odd": float("inf"), "none": None}


def summed(parts: Sequence[JobOutput], log: str | None = None) -> list[dict[str, Any]]:
    """Return a row for each part, of what it has written and of what it has said."""
    called(log, "summed")
    return [
        {"part": i, "sum": np.load(part.folder / "values.npy").sum(), "said": part.rows[0]["sum"]}
        for i, part in enumerate(parts)
    ]


def shaky(n: int, log: str | None = None) -> dict[str, Any]:
    """Fail for odd numbers."""
    called(log, n)
    if n % 2:
        raise ArithmeticError(f"{n} is odd")
    return {"n": n}


def on_a_full_disk(full: str) -> dict[str, Any]:
    """Fail as long as there is a file that says that the disk is full."""
    if Path(full).exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), full)
    return {"written": True}


def killed(n: int, killer: int, log: str | None = None) -> dict[str, Any]:
    """End the process without a word if the number is the killer's."""
    called(log, n)
    if n == killer:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"n": n}


def waiting(n: int, log: str, patience: float = 60.0) -> dict[str, Any]:
    """Say that it has begun, and wait."""
    called(log, n)
    time.sleep(patience)
    return {"n": n}


def threads() -> dict[str, Any]:
    """Return how many threads BLAS and PyTorch have."""
    torch: Any = sys.modules.get("torch")
    blas = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    return {"blas": max(blas), "torch": torch and torch.get_num_threads()}


def senseless() -> Any:
    """Return what no table holds."""
    return {"row": object()}
