"""The benchmarks of curves run through, with little to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks import curve_constants, curves
from testing.every_cell import SMOOTH, random_network
from testing.trained_networks import LAYERS

if TYPE_CHECKING:
    import pytest


def test_a_trace_is_timed_and_its_factorizations_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "ROUNDS", 2)
    network = random_network("gru", 6, 1, 0.8, 0)
    starts = np.random.default_rng(0).uniform(-1, 1, (3, 6))
    row = curves.measure("small", network.cell(), starts)
    assert row["seconds"] > 0
    assert row["states"] - 1 <= row["factorizations"] <= 1.5 * row["states"]
    assert row["residuals"] > row["states"]
    earlier = [{"network": "small", "hidden_size": 6, "seconds": 2 * row["seconds"]}]
    *_, alone = curves.table([row], []).splitlines()
    *_, beside = curves.table([row], earlier).splitlines()
    assert alone.startswith(f"| small | 6 | {row['states']} | {row['factorizations']} |  |")
    assert beside.endswith("| 2.0 |")


def test_every_kind_of_network_is_traced() -> None:
    names = [(name, cell.hidden_size) for name, cell, _ in curves.networks(largest=64)]
    assert len(names) == len(set(names)) == len(LAYERS) + 2 * len(SMOOTH)


def test_the_prices_of_a_curve_are_measured_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curve_constants, "ROUNDS", 1)
    row = curve_constants.measure(256)
    assert row["products a step"] > 10
    assert all(value > 0 for value in row.values())
