"""What proofs cost and how sharp they are: of fixed points, of their stability, and of a curve.

`python -m benchmarks.certificates` writes `results/certificates.json` and the table of
docs/certificates.md. Times are of the processor, with one thread. With `--easy` it prints how many
steps of a certified trace are tried and taken for values of `proved_steps.EASY`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.curves import GAIN, N_STARTS
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.certify.arcs import Arc, ArcProver
from nullcline.continuation import proved_steps
from testing.every_cell import EVERY_KIND, SMOOTH, random_network
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nullcline.cells import Cell

SIZE = 64
ROUNDS = 5

Row = dict[str, Any]


def networks() -> Iterator[tuple[str, Cell, Any]]:
    """Yield names, cells and states to start from."""
    for name, layer in LAYERS:
        trained = trained_layer(name, layer)
        yield f"{name}, layer {layer}", trained.cell(), trained.starts.astype(float)
    for kind in SMOOTH:
        network = random_network(kind, SIZE, 1, GAIN, 0)
        starts = np.random.default_rng(0).uniform(-1, 1, (N_STARTS, network.state_size))
        yield f"random, {EVERY_KIND[kind].name}", network.cell(), starts


def measure(name: str, cell: Cell, starts: Any) -> Row:
    """Certify the fixed points that some starts lead to, and the curve through the first."""
    found = nc.find_fixed_points(cell, starts[:N_STARTS], n_threads=1).unique()
    points = found.select("fixed")
    row: Row = {"network": name, "hidden_size": cell.hidden_size, "points": len(points)}
    if len(points) == 0:
        return row
    proof = points.certify()
    curve = nc.trace(cell, points[0], n_threads=1).curves[0]
    begin = time.process_time()
    tube = nc.certify_curve(curve)
    of_curve = 1e3 * (time.process_time() - begin)
    begin = time.process_time()
    certified = nc.trace(cell, points[0], certified=True, n_threads=1).curves[0]
    of_certified = 1e3 * (time.process_time() - begin)
    return {
        **row,
        "certified": int(proof.certified.sum()),
        "radius_exists": float(np.nanmax(proof.radius_exists, initial=0)),
        "radius_unique": float(np.nanmin(proof.radius_unique, initial=np.inf)),
        "stability_proved": int((proof.n_unstable >= 0).sum()),
        "eigenvalue_error": float(proof.eigenvalue_error.max()),
        "ms_a_certificate": _milliseconds(points.certify) / len(points),
        "ms_a_spectrum": _milliseconds(lambda: points.certify().n_unstable) / len(points),
        "states_of_curve": len(curve),
        "arcs": len(tube),
        "is_whole": tube.is_whole,
        "ms_of_curve": of_curve,
        "certified_steps": len(certified) - 1,
        "certified_is_whole": certified.tube is not None and certified.tube.is_whole,
        "ms_of_certified_trace": of_certified,
    }


def print_easy() -> None:
    """Print proofs that are tried and steps that are taken, for each EASY."""
    tried, prove = [0], ArcProver.prove

    def counted(self: ArcProver, *ends: Any) -> Arc:
        tried[0] += 1
        return prove(self, *ends)

    setattr(ArcProver, "prove", counted)  # noqa: B010
    for easy in (1 / 64, 0.1, 0.5):
        proved_steps.EASY = easy
        tried[0], taken = 0, 0
        for kind, (size, gain, seed) in product(SMOOTH, [(3, 1.2, 3), (8, 2.0, 1), (16, 2.5, 2)]):
            cell = random_network(kind, size, 2, gain, seed).cell()
            points = nc.find_fixed_points(cell, np.zeros((1, cell.state_size)))
            taken += len(nc.trace(cell, points, certified=True).curves[0]) - 1
        print(f"EASY = {easy}: {tried[0]} proofs for {taken} steps")


def _milliseconds(work: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return 1e3 * statistics.median(seconds)


def table(rows: list[Row]) -> str:
    """Return the rows in Markdown, those of networks where a fixed point was found."""
    lines = [
        "| network | H | certified | radius_exists | radius_unique | stability proved "
        "| eigenvalues to within | ms a certificate | with stability | arcs of the curve | whole "
        "| ms | certified steps | whole | ms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|---:|---:|---|---:|",
    ]
    for row in rows:
        if row["points"] == 0:
            continue
        cells = [
            row["network"],
            row["hidden_size"],
            f"{row['certified']} of {row['points']}",
            f"{row['radius_exists']:.0e}",
            f"{row['radius_unique']:.0e}",
            f"{row['stability_proved']} of {row['points']}",
            f"{row['eigenvalue_error']:.0e}",
            f"{row['ms_a_certificate']:.1f}",
            f"{row['ms_a_spectrum']:.0f}",
            f"{row['arcs']} for {row['states_of_curve'] - 1}",
            "yes" if row["is_whole"] else "no",
            f"{row['ms_of_curve']:.0f}",
            row["certified_steps"],
            "yes" if row["certified_is_whole"] else "no",
            f"{row['ms_of_certified_trace']:.0f}",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    rows = []
    for name, cell, starts in networks():
        rows.append(measure(name, cell, starts))
        print(json.dumps(rows[-1]), flush=True)
    results = ROOT / "benchmarks" / "results"
    write_json(results / "certificates.json", {"packages": versions(), "rows": rows})
    fill(ROOT / "docs" / "certificates.md", {"certificates": table(rows)})


if __name__ == "__main__":
    print_easy() if "--easy" in sys.argv else main()
