"""`python -m testing.fuzz --readers --count N --seed S`: damaged files; `--api`: odd arguments."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from testing.fuzz import api, campaign, reading

_CAMPAIGNS = {"readers": reading, "api": api}


def main() -> int:
    """Run campaigns, print their counts as JSON, and return 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m testing.fuzz", description=__doc__)
    parser.add_argument("--readers", action="store_true", help="damaged files for every reader")
    parser.add_argument("--api", action="store_true", help="odd arguments for every function")
    parser.add_argument("--count", type=int, default=20_000, help="cases of each campaign")
    parser.add_argument("--seed", type=int, default=0, help="seed of all cases")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some readers or functions")
    parser.add_argument("--keep", type=Path, help="folder for the files of readers' faults")
    options = parser.parse_args()
    chosen = [name for name in _CAMPAIGNS if getattr(options, name)] or list(_CAMPAIGNS)
    results = {}
    faults = 0
    for name in chosen:
        module = _CAMPAIGNS[name]
        kinds = [kind for kind in module.KINDS if not options.only or kind in options.only]
        found = campaign.run(module.judge, kinds, options.count, options.seed)
        results[name] = {
            "cases": sum(counts.cases for counts in found.values()),
            "faults": sum(fault["times"] for c in found.values() for fault in c.faults.values()),
            "by kind": {kind: counts.as_json() for kind, counts in found.items()},
        }
        faults += results[name]["faults"]
        if options.keep and name == "readers":
            _keep(options.keep, found, options.seed)
    sys.stdout.write(json.dumps({"seed": options.seed, **results}, indent=1) + "\n")
    return int(faults > 0)


def _keep(folder: Path, found: dict[str, campaign.Counts], seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, counts in found.items():
        for fault in counts.faults.values():
            content = reading.content_of(kind, fault["first"], seed)
            (folder / f"{kind}-{fault['first']}".replace(" ", "-")).write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
