"""FixedPointFinder's own example with its finder and with ours, on the same networks, in one run.

`FIXED_POINT_FINDER=CLONE python -m benchmarks.flip_flop` runs the clone's
`examples/torch/run_FlipFlop.py` (its data, its training, its plots) with nothing changed but the
line that imports the finder and the type of the network. Each network is trained once; then the two
finders take turns. It writes `results/flip-flop.json`, and the table and the figures of
docs/fixed_point_finder.md.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import time
import types
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image

import nullcline as nc
from benchmarks.report import ROOT, fill
from benchmarks.rivals.descent import FIXED_POINT_FINDER
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import available_threads

SEEDS = {"tanh": (0, 1, 2), "relu": (4,), "gru": (0, 1, 2), "lstm": (0, 1, 2)}
"""Seeds of the training; with those before 4, the example's training of a ReLU never ends."""

SHOWN = "gru", 0
"""The network whose figures are kept."""

ROUNDS = 3

REAL = 1e-6
"""An eigenvalue whose imaginary part is as small is taken for real."""

BOUNDED = "tanh", "gru", "lstm"
"""Networks whose indices, sign det(I - J), sum to 1 over all fixed points."""

_IMPORT = "from FixedPointFinderTorch import FixedPointFinderTorch as FixedPointFinder"
FINDERS = {
    "nullcline": "from nullcline.compat.fpf import FixedPointFinderTorch as FixedPointFinder",
    "FixedPointFinder": _IMPORT,
}
ALL = "find_all_fixed_points"
"""What goes on where the search of the example ends."""

Row = dict[str, Any]


def example(folder: Path, rnn_type: str, finder: str) -> Any:
    """Return the example as a module, with a finder that keeps what it finds in `module.found`."""
    source = (folder / "run_FlipFlop.py").read_text(encoding="utf-8")
    for old, new in ((_IMPORT, FINDERS[finder]), ("rnn_type = 'tanh'", f"rnn_type = '{rnn_type}'")):
        assert source.count(old) == 1, f"the example has no line {old!r}"
        source = source.replace(old, new)
    module: Any = types.ModuleType(f"run_FlipFlop_{rnn_type}_{finder}")
    exec(compile(source, module.__name__, "exec"), vars(module))  # noqa: S102 - the example itself
    module.FixedPointFinder = _recording(module.FixedPointFinder, module)
    return module


def _recording(finder: Any, module: Any) -> type:
    class Recording(finder):  # type: ignore[misc]
        def find_fixed_points(self, *arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            found = super().find_fixed_points(*arguments, **options)
            module.found = (*found, time.perf_counter() - begin)
            return found

    return Recording


def compare(folder: Path, rnn_type: str, seed: int) -> list[Row]:
    """Train one network, let the finders take turns on it, and say what each found."""
    modules = {finder: example(folder, rnn_type, finder) for finder in FINDERS}
    torch.manual_seed(seed)
    model, predictions = modules["nullcline"].train_FlipFlop()
    rounds: dict[str, list[Row]] = {finder: [] for finder in FINDERS}
    for _ in range(ROUNDS):
        for finder, module in modules.items():
            try:
                module.find_fixed_points(model, predictions)
            except Exception as error:  # noqa: BLE001 - a finder that fails is a result
                rounds[finder] = [{"error": f"{type(error).__name__}: {error}"}]
                continue
            rounds[finder].append(_counts(model, module))
            if (rnn_type, seed) == SHOWN:
                _save_figure(ROOT / "docs" / "images" / f"flip-flop-{finder}.png")
            plt.close("all")
    rounds[ALL] = [_all_of(model, modules["nullcline"], rnn_type) for _ in range(ROUNDS)]
    return [
        {"rnn_type": rnn_type, "seed": seed, "finder": finder, **_summary(found)}
        for finder, found in rounds.items()
    ]


def _all_of(model: Any, module: Any, rnn_type: str) -> Row:
    """Search for all points, from the states that the example starts from."""
    cell = nc.from_torch(copy.deepcopy(model.rnn).double())[0]
    outputs = module.found[1].xstar[:, : cell.hidden_size].astype(np.float64)
    begin = time.perf_counter()
    found = nc.find_all_fixed_points(cell, starts=cell.state_of(np.clip(outputs, -1, 1)))
    seconds = time.perf_counter() - begin
    points = found.points
    stable = np.zeros(0, np.bool_) if len(points) == 0 else nc.linearize(cell, points).is_stable
    with torch.no_grad():
        read = model.readout(torch.as_tensor(cell.outputs_of(points.h[stable])).float())
    return {
        "seconds": seconds,
        "unique": len(points),
        "converged": len(points),
        "degree": int(points.index.sum()),
        "stable and converged": int(stable.sum()),
        "memories": len(np.unique(np.sign(read.numpy()), axis=0)),
        "ways": {str(way): int(np.sum(found.how == way)) for way in np.unique(found.how)},
        "settled": bool(found.settled.all()) or rnn_type not in BOUNDED,
    }


def _save_figure(path: Path) -> None:
    """Save the example's figure with a palette, which makes it a third of its size."""
    plt.savefig(path, dpi=80)
    with Image.open(path) as image:
        small = image.convert("RGB").quantize()
    small.save(path, optimize=True)


def _counts(model: Any, module: Any) -> Row:
    """Count points, those at which q has converged, and the memories that stable ones hold."""
    unique, ends, seconds = module.found
    converged = unique.qstar < 1e-12  # FixedPointFinder's tol_q
    stable = unique.is_stable & converged
    real = np.abs(unique.eigval_J_xstar.imag) < REAL
    above = np.sum(real & (unique.eigval_J_xstar.real > 1), axis=1)
    with torch.no_grad():
        outputs = model.readout(torch.as_tensor(unique.xstar[stable]))
    return {
        "seconds": seconds,
        "starts": ends.n,
        "unique": unique.n,
        "converged": int(converged.sum()),
        "outside of the cube": int((np.abs(unique.xstar).max(axis=1) >= 1).sum()),
        "called stable": int(unique.is_stable.sum()),
        "stable and converged": int(stable.sum()),
        "degree": int(((-1) ** above)[converged].sum()),
        "memories": len(np.unique(np.sign(outputs.numpy()), axis=0)),
        "median q of all ends": float(np.median(ends.qstar)),
    }


def _summary(rounds: list[Row]) -> Row:
    """Return what all rounds share and every round's seconds."""
    if "error" in rounds[0]:
        return rounds[0]
    seconds = [row["seconds"] for row in rounds]
    return {**rounds[0], "seconds": statistics.median(seconds), "all_seconds": seconds}


def table(rows: list[Row]) -> str:
    """Return a Markdown table of types of networks and finders; one count per seed."""
    lines = [
        "| network | finder | seconds (min–max) | unique points | with q < 1e-12 | "
        "sum of their indices | of those stable | memories they hold |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for rnn_type in SEEDS:
        for finder in (*FINDERS, ALL):
            own = [row for row in rows if (row["rnn_type"], row["finder"]) == (rnn_type, finder)]
            if not own:
                continue
            cells = [f"`{rnn_type}`", finder, *_cells(own)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(rows: list[Row]) -> list[str]:
    if "error" in rows[0]:
        return ["—", rows[0]["error"], "", "", "", ""]
    seconds = [second for row in rows for second in row["all_seconds"]]
    time_taken = f"{statistics.median(seconds):.2f} ({min(seconds):.2f}–{max(seconds):.2f})"
    counts = ("unique", "converged", "degree", "stable and converged", "memories")
    said = {
        count: ", ".join(_degree(row) if count == "degree" else str(row[count]) for row in rows)
        for count in counts
    }
    if rows[0]["rnn_type"] not in BOUNDED:
        said["degree"] = "not known"
    return [time_taken, *said.values()]


def _degree(row: Row) -> str:
    """Return the sum of the indices; of early results, which have none, what the number tells."""
    if "degree" in row:
        return str(row["degree"])
    return "even" if row["converged"] % 2 == 0 else "odd"


def main() -> None:
    """Compare the finders on every network and write what came of it."""
    if not FIXED_POINT_FINDER:
        sys.exit("set FIXED_POINT_FINDER to the folder of a clone of it")
    mpl.use("Agg")
    warnings.simplefilter("ignore")  # what its libraries say of its age
    folder = Path(FIXED_POINT_FINDER).absolute() / "examples" / "torch"
    os.chdir(folder)  # its own paths are relative
    sys.path.insert(0, str(folder))
    rows = [
        row
        for rnn_type, seeds in SEEDS.items()
        for seed in seeds
        for row in compare(folder, rnn_type, seed)
    ]
    result = {"packages": versions(), "cores": available_threads(), "rows": rows}
    write_json(ROOT / "benchmarks" / "results" / "flip-flop.json", result)
    fill(ROOT / "docs" / "fixed_point_finder.md", {"flip-flop": table(rows)})


if __name__ == "__main__":
    main()
