"""Run the campaigns that look for what is silently wrong, and write down what they found.

``python -m testing.reliability`` runs all of them, a quarter of an hour on two cores; with names it
runs these alone. It writes docs/reliability.json and the table in docs/reliability.md.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from testing.marked import with_tables

DOCS = Path(__file__).parents[1] / "docs"
RESULTS, PAGE = DOCS / "reliability.json", DOCS / "reliability.md"

CAMPAIGNS = {
    "labels": "testing.labels --networks 1500 --seed 11",
    "curves and modes": "testing.curves_campaign 8",
    "kills at a call": "testing.kills --count 60",
    "kills at a time": "testing.kills --count 60 --timed",
    "kills of studies": "testing.kills --count 30 --study",
    "processes and threads": "testing.forks --count 24",
    "damaged files": "testing.fuzz --readers --count 20000 --seed 1",
    "odd arguments": "testing.fuzz --api --count 5000 --seed 1",
}
"""The command of each campaign, which prints its counts as JSON."""

_DETAILS = {"by kind", "seed"}


def run(command: str) -> Any:
    """Return what a campaign printed, whether it found a fault or not."""
    ended = subprocess.run(
        [sys.executable, "-m", *command.split()],
        stdout=subprocess.PIPE,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return json.loads(ended.stdout)


def counts(found: Any, name: str = "") -> dict[str, int]:
    """Return the numbers in what a campaign printed, by the names that lead to them."""
    if isinstance(found, bool) or not isinstance(found, dict | int):
        return {}
    if isinstance(found, int):
        return {name: found}
    parts = {key: value for key, value in found.items() if key not in _DETAILS}
    flat: dict[str, int] = {}
    for key, value in parts.items():
        flat |= counts(value, f"{name}, {key}" if name else key)
    return flat


def table(results: dict[str, Any]) -> str:
    """Return all counts in Markdown."""
    lines = ["| campaign | `python -m` | counts |", "|---|---|---|"]
    for name in CAMPAIGNS:
        if name in results["campaigns"]:
            campaign = results["campaigns"][name]
            shown = "<br>".join(
                f"{key.replace('_', ' ')}: {count:,}"
                for key, count in counts(campaign["counts"]).items()
            )
            lines.append(f"| {name} | `{campaign['command']}` | {shown} |")
    return "\n".join(lines) + "\n"


def with_table(page: str, results: dict[str, Any]) -> str:
    """Return the page with these counts between its marks."""
    return with_tables(page, {"counts": table(results)})


def main(names: list[str]) -> None:
    """Run campaigns, all unless some are named, and write what they found."""
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {"campaigns": {}}
    results["machine"] = {"processors": os.cpu_count(), "python": platform.python_version()}
    for name in names or CAMPAIGNS:
        command = CAMPAIGNS[name]
        results["campaigns"][name] = {"command": command, "counts": run(command)}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        PAGE.write_text(with_table(PAGE.read_text("utf-8"), results), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
