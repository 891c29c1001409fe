"""Fingerprints of what searches answer, to compare two builds bit for bit.

``python benchmarks/same_answers.py before.json`` with one build, and with another
``python benchmarks/same_answers.py after.json before.json``, which also names every difference.
It uses the public names alone, so that any build can run it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import nullcline as nc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nullcline.cells import CompiledCell

METHODS = ("auto", "newton", "lm", "krylov", "gradient")
FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
GATES = {"GRU": 3, "OriginalGRU": 3, "LSTM": 4, "UGRNN": 2, "MGU": 2, "RNN": 1}


def networks() -> Iterator[tuple[str, CompiledCell]]:
    """Yield the trained fixtures, and random networks of every cell in both precisions."""
    for path in sorted(FIXTURES.glob("*.safetensors")):
        for i, cell in enumerate(nc.from_safetensors(path)):
            yield f"{path.stem} layer {i}", cell
    for name, gates in GATES.items():
        for size, gain in ((5, 1.5), (33, 1.0), (64, 2.0)):
            rng = np.random.default_rng(size)
            weights = (
                rng.normal(size=(gates * size, 3)),
                gain * rng.normal(size=(gates * size, size)) / size**0.5,
                0.1 * rng.normal(size=gates * size),
                0.1 * rng.normal(size=gates * size),
            )
            for dtype in (np.float64, np.float32):
                arrays = [array.astype(dtype) for array in weights]
                kinds = ({}, {"nonlinearity": "relu"}) if name == "RNN" else ({},)
                for options in kinds:
                    label = " ".join((name, str(size), np.dtype(dtype).name, *options.values()))
                    yield label, getattr(nc, name)(*arrays, **options)


def fingerprint(cell: CompiledCell, method: str) -> dict[str, str]:
    """Return digests of kinds, iterations and states of one search."""
    rng = np.random.default_rng(1)
    size = cell.state_size
    starts = rng.uniform(-1, 1, (60, size)).astype(cell.dtype)
    points = nc.find_fixed_points(cell, starts, method=method, max_iterations=400)
    columns = {"kind": points.kind, "iterations": points.iterations, "h": points.h, "q": points.q}
    return {
        name: hashlib.sha256(np.ascontiguousarray(column).tobytes()).hexdigest()[:16]
        for name, column in columns.items()
    }


def main(out: str, before: str | None = None) -> int:
    found = {
        f"{name}, {method}": fingerprint(cell, method)
        for name, cell in networks()
        for method in METHODS
    }
    Path(out).write_text(json.dumps(found, indent=1) + "\n")
    if before is None:
        return 0
    known = json.loads(Path(before).read_text())
    different = []
    for name, digests in found.items():
        columns = [
            column for column in digests if known.get(name, digests)[column] != digests[column]
        ]
        if columns:
            different.append(f"{name}: {', '.join(columns)}")
    print("\n".join(different))
    print(f"{len(found)} searches, {len(different)} differ")
    return bool(different)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
