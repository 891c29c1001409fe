"""The benchmark of the homotopy runs through, with little to do."""

from __future__ import annotations

from benchmarks import homotopy
from testing.every_cell import EVERY_KIND


def test_the_benchmark_runs() -> None:
    rows = homotopy.measure(((4, 2),), 2, 3)
    lines = homotopy.table(rows).splitlines()[2:]
    for kind, row, line in zip(homotopy.BOUNDED, rows, lines, strict=True):
        assert line.startswith(f"| {EVERY_KIND[kind].name} | 4 | 2 |")
        assert [network["homotopy"]["fixed"] for network in row["networks"]] == [3, 3]
        assert all(len(network["solutions"]) == 3 for network in row["networks"])
