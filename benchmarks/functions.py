"""What a search over a function costs, beside the native cell and FixedPointFinder.

Leaky, GRU and LSTM networks as functions of PyTorch, easy ones, which contract, and hard ones, with
several points; starts are states that they visit as they read noise. Searches take turns.
`python -m benchmarks.functions` writes `results/functions.json` and prints a table;
FIXED_POINT_FINDER names the folder of a clone of FixedPointFinder, which is left out without it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc
from benchmarks.report import ROOT
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import available_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Row = dict[str, Any]

KINDS = ("leaky", "gru", "lstm")
GAINS = {"easy": 0.8, "hard": 0.9}
"""Of the recurrent weights: their spectral radius, beside the strong directions. From 1 on, random
leaky networks are chaotic, and every search of them is long."""

N_STRONG = 2
"""Directions along which a hard network holds what it has read."""

SIZES = (64, 128, 256, 512)
LONG_SIZES = (256, 512, 1024, 2048)
"""For the exponent, on our side alone."""

N_STARTS = 500
N_INPUTS = 4
LEAK = 0.2
STEPS = 20
RATE = 0.01
"""FixedPointFinder's learning rate: with its own, 1.0, it converges from none of these starts."""


class Written(torch.nn.Module):
    """A network as its user writes it; `forward` is for FixedPointFinder, `step` for us."""

    batch_first = True

    def __init__(self, kind: str, size: int, hardness: str) -> None:
        super().__init__()
        rng = np.random.default_rng(size)
        self.kind = kind
        blocks = {"leaky": 1, "gru": 3, "lstm": 4}[kind]
        recurrent = rng.normal(size=(blocks * size, size)) * GAINS[hardness] / size**0.5
        if hardness == "hard":
            for _ in range(N_STRONG):
                direction = rng.normal(size=size) / size**0.5
                candidate = {"leaky": 0, "gru": 2, "lstm": 2}[kind] * size
                recurrent[candidate : candidate + size] += 1.5 * np.outer(direction, direction)
        weights = (
            rng.normal(size=(blocks * size, N_INPUTS)) / N_INPUTS**0.5,
            recurrent,
            0.1 * rng.normal(size=blocks * size),
            0.1 * rng.normal(size=blocks * size),
        )
        make = {"leaky": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}
        self.cell = make[kind](N_INPUTS, size).double()
        with torch.no_grad():
            for parameter, values in zip(self.cell.parameters(), weights, strict=True):
                parameter.copy_(torch.from_numpy(values))

    @property
    def state_size(self) -> int:
        return int(self.cell.hidden_size) * (2 if self.kind == "lstm" else 1)

    def step(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        if self.kind == "lstm":
            return torch.cat(self.cell(x, h.chunk(2, dim=1)), dim=1)
        following: torch.Tensor = self.cell(x, h)
        return (1 - LEAK) * h + LEAK * following if self.kind == "leaky" else following

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        following = self.step(x[:, 0], h[0])
        return following[:, None], following[None]

    def native(self) -> Any:
        """Return the compiled cell; a leak changes no fixed point, and LeakyRNN has it too."""
        if self.kind != "leaky":
            return nc.from_torch(self.cell)[0]
        w_input, w, b_input, b = (p.detach().numpy() for p in self.cell.parameters())
        return nc.LeakyRNN(w_input, w, b_input + b, alpha=LEAK)

    def function(self) -> Any:
        bounds = None if self.kind == "lstm" else (-1, 1)
        return nc.from_function(self.step, self.state_size, N_INPUTS, bounds=bounds)

    def visited(self, n: int) -> NDArray[np.float64]:
        """Return states (n, S) that it visits as it reads noise."""
        rng = np.random.default_rng(0)
        h = torch.zeros(n, self.state_size, dtype=torch.float64)
        with torch.no_grad():
            for _ in range(STEPS):
                h = self.step(torch.from_numpy(rng.normal(size=(n, N_INPUTS))), h)
        return h.numpy()


def _ours(cell: Any) -> Callable[[NDArray[np.float64]], Row]:
    def search(starts: NDArray[np.float64]) -> Row:
        found = nc.find_fixed_points(cell, starts)
        kinds, counts = np.unique(found.kind, return_counts=True)
        return {
            "kinds": dict(zip(kinds.tolist(), counts.tolist(), strict=True)),
            "points": len(found.select("fixed").unique()),
            "iterations": float(np.median(found.iterations)),
        }

    return search


def _finder(network: Written) -> Callable[[NDArray[np.float64]], Row]:
    """Run FixedPointFinder's joint search as it comes, without the Jacobians at the ends."""
    folder = os.environ["FIXED_POINT_FINDER"]
    if folder not in sys.path:
        sys.path.insert(0, folder)
    make = importlib.import_module("FixedPointFinderTorch").FixedPointFinderTorch
    module = Written(network.kind, network.cell.hidden_size, "easy").float()
    module.load_state_dict(network.state_dict())

    def search(starts: NDArray[np.float64]) -> Row:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, of torch's later versions
            _, ends = make(
                module,
                lr_init=RATE,
                do_compute_jacobians=False,
                do_decompose_jacobians=False,
                verbose=False,
                super_verbose=False,
            ).find_fixed_points(starts.astype(np.float32), np.zeros((1, N_INPUTS), np.float32))
        return {"converged": int((ends.qstar <= 1e-12).sum()), "of": len(starts)}

    return search


def measure(sizes: Sequence[int], n_starts: int, rounds: int) -> list[Row]:
    """Search every network as a cell, as a function, and by FixedPointFinder."""
    rows = []
    for kind in KINDS:
        for hardness in GAINS:
            for size in sizes:
                network = Written(kind, size, hardness)
                ways = {"cell": _ours(network.native()), "function": _ours(network.function())}
                if "FIXED_POINT_FINDER" in os.environ:
                    ways["FixedPointFinder"] = _finder(network)
                row = {"kind": kind, "hardness": hardness, "size": size, "starts": n_starts}
                rows.append(row | _rounds(ways, network.visited(n_starts), rounds))
    return rows


def _rounds(
    ways: dict[str, Callable[[NDArray[np.float64]], Row]], starts: NDArray[np.float64], rounds: int
) -> Row:
    """Time searches in turns, after one of a few starts each that warms them up."""
    timed: Row = {way: {"seconds": [], "cpu_seconds": []} for way in ways}
    for search in ways.values():
        search(starts[: min(4, len(starts))])
    for _ in range(rounds):
        for way, search in ways.items():
            begin, cpu = time.perf_counter(), time.process_time()
            found = search(starts)
            timed[way]["seconds"].append(time.perf_counter() - begin)
            timed[way]["cpu_seconds"].append(time.process_time() - cpu)
            timed[way] |= found
    for row in timed.values():
        row["ms_per_start"] = 1e3 * statistics.median(row["seconds"]) / len(starts)
    return timed


def alone(kind: str, size: int, n_starts: int) -> Row:
    """Search in this process, the first search of all and the next; say what memory it took."""
    network = Written(kind, size, "hard")
    cell, starts = network.function(), network.visited(n_starts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(2):
        begin = time.perf_counter()
        nc.find_fixed_points(cell, starts)
        seconds.append(time.perf_counter() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "kind": kind,
        "size": size,
        "ms_per_start": 1e3 * seconds[1] / n_starts,
        "warm_up_seconds": seconds[0] - seconds[1],
        "peak_mib": (after - before) / 1024,
    }


def scaling(sizes: Sequence[int], n_starts: int) -> list[Row]:
    """Search leaky networks and GRUs of many sizes, each in a process of its own."""
    rows = []
    for kind in KINDS[:2]:
        for size in sizes:
            order = [sys.executable, "-m", "benchmarks.functions", "alone", kind, str(size)]
            said = subprocess.run(
                [*order, str(n_starts)], check=True, capture_output=True, text=True, cwd=ROOT
            )
            rows.append(json.loads(said.stdout))
    return rows


def exponent(rows: Sequence[Row]) -> float:
    """Return p of the power H^p that times of searches follow."""
    sizes = np.log([row["size"] for row in rows])
    return float(np.polyfit(sizes, np.log([row["ms_per_start"] for row in rows]), 1)[0])


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of networks, in ms per start."""
    lines = [
        "| network | H | native cell | function | times as long | FixedPointFinder | converged "
        "| times as long |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cell, function = row["cell"]["ms_per_start"], row["function"]["ms_per_start"]
        line = (
            f"| {row['kind']}, {row['hardness']} | {row['size']} | {cell:.3f} | {function:.3f} "
            f"| {function / cell:.1f} |"
        )
        finder = row.get("FixedPointFinder")
        if finder is None:
            lines.append(line + " - | - | - |")
        else:
            ms = finder["ms_per_start"]
            ends = f"{finder['converged']} of {finder['of']}"
            lines.append(f"{line} {ms:.2f} | {ends} | {ms / function:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    if sys.argv[1:2] == ["alone"]:
        print(json.dumps(alone(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
        return
    rows, long = measure(SIZES, N_STARTS, rounds=3), scaling(LONG_SIZES, N_STARTS)
    exponents = {kind: exponent([row for row in long if row["kind"] == kind]) for kind in KINDS[:2]}
    result = {
        "packages": versions(),
        "cores": available_threads(),
        "rows": rows,
        "scaling": long,
        "exponents": exponents,
    }
    write_json(ROOT / "benchmarks" / "results" / "functions.json", result)
    print(table(rows))
    for row in long:
        print(
            f"{row['kind']} {row['size']}: {row['ms_per_start']:.2f} ms a start, "
            f"{row['warm_up_seconds']:.2f} s to warm up, {row['peak_mib']:.0f} MiB"
        )
    print(exponents)


if __name__ == "__main__":
    main()
