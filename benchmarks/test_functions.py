"""The benchmark of functions runs through, with little to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import functions
from benchmarks.rivals import descent

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_benchmark_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(descent, "FIXED_POINT_FINDER", None)
    monkeypatch.setattr(functions, "apart", functions.alone)
    path, networks = tmp_path / "functions.json", functions.parts([5], [5, 6])
    functions.run(path, {"lstm": networks["lstm"]}, 3, missing=False)
    measured = functions.run(path, networks, 3, missing=True)
    assert json.loads(path.read_text("utf-8")) == measured
    assert [len(measured[part]) for part in networks] == [3, 2, 2, 6]
    assert {row["hardness"] for row in measured["leaky"]} == set(functions.GAINS)
    for row in measured["leaky"] + measured["lstm"]:
        assert len(row["function"]["seconds"]) == functions.ROUNDS
        assert sum(row["function"]["kinds"].values()) == 3
    said = functions.tables(measured)
    assert said["functions"].count("| 5 |") == 7
    assert said["functions-sizes"].count("exponent") == 3
    monkeypatch.setattr(functions, "measured", None)
    assert functions.run(path, networks, 3, missing=True) == measured


def test_a_search_is_measured_alone() -> None:
    row = functions.alone("gru", 5, 3)
    assert row["peak_mib"] >= 0
    assert row["ms_per_start"] > 0


def test_the_exponent_is_that_of_the_times() -> None:
    rows = [{"size": size, "ms_per_start": size**2.5} for size in (256, 512, 1024)]
    assert abs(functions.exponent(rows) - 2.5) < 1e-9


def test_a_network_that_takes_longer_is_said_not_to_have_been_reached() -> None:
    late = {"kind": "gru", "size": 8, "starts": 3} | functions.apart("gru", 8, 3, seconds=0.01)
    rows = [{"kind": "gru", "size": size, "starts": 3} | _taking(size**2.0) for size in (2, 4)]
    assert functions.exponent([*rows, late]) == functions.exponent(rows)
    assert "| gru | 8 | 3 | not reached within 0.01 s |" in functions.scaling_table([*rows, late])


def _taking(ms: float) -> dict[str, float]:
    return {"ms_per_start": ms, "first_search_seconds": 0.1, "peak_mib": 1.0}
