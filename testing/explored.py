"""Small networks in pages to explore, and what such a page holds, read back."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats

UNITS, INPUTS = 6, 3

HOSTILE = (
    "</script><script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title = 'taken'\">",
    "<b>bold</b> &amp; $title ${title}",
    "مرحبا بالعالم",
    "🙂 \ud83d half a pair",
    "",
)
"""Texts that are markup, run from right to left, hold no character or half of one."""


def network(gain: float = 2.5, *, seed: int = 0) -> nc.RNN:
    """Return a vanilla cell with several fixed points, some stable and some saddles."""
    rng = np.random.default_rng(seed)
    orthogonal = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0]
    recurrent = orthogonal @ np.diag([gain, 0.7 * gain, 0.9, 0.5, 0.3, 0.1]) @ orthogonal.T
    inputs = rng.normal(size=(UNITS, INPUTS)) / 3
    return nc.RNN(inputs, recurrent, np.zeros(UNITS), np.zeros(UNITS))


def visited(cell: nc.RNN, n: int = 40, steps: int = 10) -> NDArray[np.float64]:
    """Return states that it visits, shape (n, steps, H)."""
    rng = np.random.default_rng(1)
    h: Floats = rng.uniform(-0.1, 0.1, (n, UNITS))
    states = []
    for _ in range(steps):
        h = cell.step(h, rng.normal(size=(n, INPUTS)))
        states.append(h)
    return np.stack(states, axis=1)


def points_of(cell: nc.RNN, states: NDArray[np.float64]) -> nc.FixedPoints:
    """Return the distinct ends of a search from states and from around the middle."""
    starts = np.concatenate([states.reshape(-1, UNITS), np.zeros((1, UNITS))])
    return nc.find_fixed_points(cell, starts, n_threads=1).unique()


def record_in(page: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the record that a page holds."""
    text = Path(page).read_text("utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    record: dict[str, Any] = json.loads(found)
    return record


def places_in(packed: str) -> NDArray[np.float32]:
    """Return the places (n, 3) that a page holds in this text."""
    return floats_in(packed).reshape(3, -1).T


def floats_in(packed: str) -> NDArray[np.float32]:
    """Return the numbers that a page holds in this text."""
    return np.frombuffer(base64.b64decode(packed), "<f4")


def texts_in(packed: dict[str, Any]) -> list[str]:
    """Return the texts that a page holds so."""
    index = np.frombuffer(base64.b64decode(packed["index"]), "<i4")
    return [packed["distinct"][i] for i in index.tolist()]
