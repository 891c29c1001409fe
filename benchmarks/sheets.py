"""What a sheet costs: vertices, factorizations and seconds.

`python -m benchmarks.sheets` covers the sheet through the fixed point of the IMDB GRU of 256 units
that is among the tests' fixtures, in its box and beyond it, and writes `results/sheets.json` and
the table of docs/sheet.md. Seconds are those of the process, of one thread.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions

NETWORK = ROOT / "tests" / "fixtures" / "imdb-1-layer.safetensors"
EXTENT = 10.0
N_STARTS = 50


def rows() -> list[dict[str, Any]]:
    """Return what each sheet cost."""
    (cell,) = nc.from_safetensors(NETWORK)
    starts = np.random.default_rng(0).uniform(-0.5, 0.5, (N_STARTS, cell.state_size))
    ends = nc.find_fixed_points(cell, starts).unique()
    point = nc.trace(cell, ends).points.select("fixed")
    found = []
    for beyond in (False, True):
        began = time.process_time()
        sheet = nc.trace_sheet(cell, point, beyond=beyond, extent=EXTENT, max_vertices=2000)
        covered = time.process_time()
        lines = [line for lines in sheet.nullclines for line in lines]
        found.append(
            {
                "beyond": beyond,
                "vertices": len(sheet),
                "triangles": len(sheet.triangles),
                "factorizations": sheet.n_factorizations,
                "seconds": covered - began,
                "nullcline_states": sum(len(line.h) for line in lines),
                "nullcline_seconds": time.process_time() - covered,
                "fixed_points": len(sheet.fixed_h),
                "index_sum": sheet.index_sum,
            }
        )
    return found


def table(found: list[dict[str, Any]]) -> str:
    """Return a line for each sheet in Markdown."""
    lines = [
        "| sheet | vertices | triangles | factorizations | seconds | states of nullclines | "
        "seconds | fixed points | sum of indices |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        cells = [
            "beyond the box" if one["beyond"] else "in the box",
            one["vertices"],
            one["triangles"],
            one["factorizations"],
            f"{one['seconds']:.1f}",
            one["nullcline_states"],
            f"{one['nullcline_seconds']:.1f}",
            one["fixed_points"],
            one["index_sum"],
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    found = rows()
    print(table(found))
    write_json(ROOT / "benchmarks" / "results" / "sheets.json",
               {"packages": versions(), "rows": found})  # fmt: skip
    fill(ROOT / "docs" / "sheet.md", {"sheets": table(found)})


if __name__ == "__main__":
    main()
