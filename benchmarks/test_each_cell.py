"""The benchmark of cells runs through, with little to do."""

from __future__ import annotations

import each_cell
from every_cell import KINDS


def test_the_benchmark_runs() -> None:
    rows = each_cell.measure(5, {"cell": 6, "function": 2}, rounds=2)
    lines = each_cell.table(rows).splitlines()
    assert len(lines) == 2 + len(KINDS)
    for row in rows:
        assert row["cell"]["fixed"] + row["cell"]["slow"] + row["cell"]["unconverged"] == 6
        assert row["function"]["ms_per_start"] > 0
