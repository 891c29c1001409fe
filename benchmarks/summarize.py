"""Print the table of a benchmark's results file: medians, spreads, ratios, what converged."""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

REFERENCE = "nullcline, auto"


def main(path: Path) -> None:
    """Print a Markdown table of the results in `path`, a file of pytest-benchmark's."""
    results = json.loads(path.read_text(encoding="utf-8"))
    runs: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for benchmark in results["benchmarks"]:
        runs[benchmark["extra_info"]["contestant"]].append(benchmark)
    reference = _seconds_per_start(runs[REFERENCE])
    print("| search | starts | seconds (min–max) | ms a start | × auto | converged | median q |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, rounds in runs.items():
        seconds = [entry["stats"]["median"] for entry in rounds]
        info = rounds[0]["extra_info"]
        per_start = _seconds_per_start(rounds)
        print(
            f"| {name} | {info['n_starts']} | {statistics.median(seconds):.2f} "
            f"({min(seconds):.2f}–{max(seconds):.2f}) | {1e3 * per_start:.2f} "
            f"| {per_start / reference:.1f} | {_converged(info)} | {info['q_median']:.1e} |"
        )
    cpu = results["machine_info"]["cpu"]
    print(f"\n{cpu.get('brand_raw', 'unknown processor')}, {cpu.get('count')} cores")


def _seconds_per_start(rounds: list[dict[str, Any]]) -> float:
    return float(
        statistics.median(
            entry["stats"]["median"] / entry["extra_info"]["n_starts"] for entry in rounds
        )
    )


def _converged(info: dict[str, Any]) -> str:
    if "fixed" in info:
        return ", ".join(f"{info[kind]} {kind}" for kind in ("fixed", "slow", "unconverged"))
    return f"{info['converged']} below tolerance, {info['outside']} outside of the cube"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
