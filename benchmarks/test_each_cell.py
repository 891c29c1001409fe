"""The benchmark of cells runs through, with little to do."""

from __future__ import annotations

from benchmarks import each_cell
from testing.every_cell import EVERY_KIND, KINDS


def test_the_benchmark_runs() -> None:
    rows = each_cell.measure(5, {"cell": 6, "function": 2}, rounds=2)
    lines = each_cell.table(rows).splitlines()
    assert len(lines) == 2 + len(KINDS)
    for kind, row, line in zip(KINDS, rows, lines[2:], strict=True):
        assert row["kind"] == kind
        assert line.startswith(f"| {EVERY_KIND[kind].name} |")
        for way, n in (("cell", 6), ("function", 2)):
            assert row[way]["starts"] == n
            assert len(row[way]["seconds"]) == 2
