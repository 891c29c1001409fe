"""The benchmark of proofs runs through, with little to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks import certificates
from testing.every_cell import random_network

if TYPE_CHECKING:
    import pytest


def test_proofs_are_timed_and_their_sharpness_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "ROUNDS", 1)
    network = random_network("gru", 4, 1, 0.8, 0)
    starts = np.random.default_rng(0).uniform(-1, 1, (3, 4))
    row = certificates.measure("small", network.cell(), starts)
    assert row["certified"] == row["points"] == row["stability_proved"] > 0
    assert row["is_whole"]
    assert row["radius_exists"] < row["radius_unique"]
    *_, line = certificates.table([row, {**row, "points": 0}]).splitlines()
    assert line.startswith("| small | 4 |")
