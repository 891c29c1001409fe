"""Where the time of the default reproduction goes: `nullcline reproduce`, as a user runs it.

`python -m benchmarks.reproduction` runs it in a new folder, in a process of its own, and reads its
stages off the files, each of which is written when its stage is over, and off the seconds that the
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import ROOT
from nullcline._support.files import write_json
from nullcline._support.versions import versions

RESULTS = ROOT / "benchmarks" / "results" / "reproduction.json"

STAGES = (
    ("trained", "weights.safetensors", "training"),
    ("evaluated", "settings.json", "its accuracies"),
    ("analysed", "analysis.json", "analysis"),
)
"""Of a network: the file that ends each stage, in their order."""


class Stage(NamedTuple):
    """A stage, and when it began and ended, in seconds from the command's begin."""

    name: str
    begin: float
    end: float


def main() -> None:
    """Run, read, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "reproduction"
        began, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "nullcline", "reproduce", "--out", str(place)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        seconds, after = time.time() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        stages = stages_of(place, began)
        analyses = json.loads((place / "results.json").read_text("utf-8"))["networks"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    record: dict[str, Any] = {
        "cores": os.cpu_count(),
        "versions": versions(),
        "seconds": seconds,
        "cpu_seconds": cpu,
        "stages": [stage._asdict() for stage in [*stages, Stage("all", 0, seconds)]],
        "analyses": {f"{one['n_layers']}-layer": one["seconds"] for one in analyses},
    }
    write_json(out, record)
    show(record)


def stages_of(folder: Path, began: float) -> list[Stage]:
    """Return the stages of a finished reproduction, by when their files were written."""

    def at(path: Path) -> float:
        return path.stat().st_mtime - began

    def last(paths: list[Path]) -> float:
        return max(map(at, paths))

    networks = sorted((folder / "networks").iterdir())
    begin = min(at(network / "untrained.safetensors") for network in networks)
    stages = [Stage("start, imports, corpus", 0, begin)]
    for network in networks:
        begin = at(network / "untrained.safetensors")
        for _, file, name in STAGES:
            stages.append(Stage(f"{network.name}: {name}", begin, at(network / file)))
            begin = stages[-1].end
    drawn, pages = list((folder / "figures").iterdir()), list(folder.glob("explore-*.html"))
    analysed = max(stage.end for stage in stages)
    stages.append(Stage("figures", analysed, last(drawn)))
    stages.append(Stage("pages to explore", last(drawn), last(pages)))
    stages.append(Stage("claims and the page", last(pages), at(folder / "index.html")))
    return stages


def show(record: dict[str, Any]) -> None:
    """Print a record as tables of Markdown."""
    print("| stage | from | to | seconds |\n|---|---:|---:|---:|")
    for stage in record["stages"]:
        seconds = stage["end"] - stage["begin"]
        print(f"| {stage['name']} | {stage['begin']:.1f} | {stage['end']:.1f} | {seconds:.1f} |")
    print(f"\n{record['cpu_seconds']:.0f} s of processors in {record['seconds']:.0f} s\n")
    names = list(dict.fromkeys(name for times in record["analyses"].values() for name in times))
    print(f"| of an analysis | {' | '.join(record['analyses'])} |")
    print("|---|" + "---:|" * len(record["analyses"]))
    for name in names:
        times = [f"{its.get(name, 0):.1f}" for its in record["analyses"].values()]
        print(f"| {name} | {' | '.join(times)} |")


if __name__ == "__main__":
    main()
