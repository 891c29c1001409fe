"""The benchmark of functions runs through, with little to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import functions

if TYPE_CHECKING:
    import pytest


def test_the_benchmark_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIXED_POINT_FINDER", raising=False)
    rows = functions.measure([5], 3, rounds=2)
    assert [row["kind"] for row in rows] == [kind for kind in functions.KINDS for _ in (0, 1)]
    for row in rows:
        assert len(row["function"]["seconds"]) == 2
        assert sum(row["function"]["kinds"].values()) == 3
    assert len(functions.table(rows).splitlines()) == 2 + len(rows)


def test_a_search_is_measured_alone() -> None:
    row = functions.alone("gru", 5, 3)
    assert row["peak_mib"] >= 0
    assert row["ms_per_start"] > 0


def test_the_exponent_is_that_of_the_times() -> None:
    rows = [{"size": size, "ms_per_start": size**2.5} for size in (256, 512, 1024)]
    assert abs(functions.exponent(rows) - 2.5) < 1e-9
