"""Three layers trained on IMDB, jointly and each alone at zero input.

`python -m benchmarks.joint_layers` writes `results/joint-layers.json` and docs/stacks.md's table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = ROOT / "benchmarks" / "results" / "joint-layers.json"

Row = dict[str, Any]


def measure() -> list[Row]:
    """Return one row per layer: its fixed point's norm and slowest time constant, both ways."""
    layers = [trained_layer("imdb-3-layer", layer) for layer in (1, 2, 3)]
    stack = nc.Stack([layer.cell() for layer in layers])
    starts = np.concatenate([layer.starts[:20] for layer in layers], axis=1)
    joint = nc.layer_points(stack, _the_fixed_point(stack, starts))
    return [
        {
            "layer": number,
            "alone": _about(cell, _the_fixed_point(cell, own)),
            "jointly": _about(cell, point),
        }
        for number, (cell, point, own) in enumerate(
            zip(stack.cells, joint, stack.split(starts), strict=True), 1
        )
    ]


def _the_fixed_point(cell: Any, starts: Any) -> nc.FixedPoints:
    """Return the only fixed point that the starts lead to."""
    fixed = nc.find_fixed_points(cell, starts, tol_slow=1e-3).select("fixed").unique()
    assert len(fixed) == 1
    return fixed


def _about(cell: Any, point: nc.FixedPoints) -> Row:
    modes = nc.linearize(cell, point)
    return {
        "norm": float(np.linalg.norm(point.h)),
        "time_constant": float(modes.time_constants[0, 0]),
    }


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of layers."""
    lines = [
        "| layer | alone at x = 0: ‖h*‖, slowest time constant "
        "| in the stack: ‖h*‖, slowest time constant |",
        "|---|---|---|",
    ]
    for row in rows:
        ways = [
            f"{way['norm']:.2f}, {_short(way['time_constant'])} steps"
            for way in (row["alone"], row["jointly"])
        ]
        lines.append(f"| {row['layer']} | {' | '.join(ways)} |")
    return "\n".join(lines)


def _short(number: float) -> str:
    """Return three digits, or all before the point."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def main() -> None:
    """Measure and write what came of it."""
    rows = measure()
    write_json(RESULTS, {"rows": rows})
    fill(ROOT / "docs" / "stacks.md", {"joint layers": table(rows)})


if __name__ == "__main__":
    main()
