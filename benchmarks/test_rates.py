"""The benchmark of networks of rates runs through, with little to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import rates

if TYPE_CHECKING:
    import pytest


def test_every_cell_is_measured_beside_the_vanilla_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "N_STARTS", 5)
    rows = rates.measure(6, 0.8)
    assert [row["cell"] for row in rows] == list(rates.problems(6, 0.8))
    assert [row["fixed"] for row in rows] == [5] * len(rows)
    assert all(row["ms_per_start"] > 0 for row in rows)
