"""What a search over a function costs, beside the native cell and FixedPointFinder.

Leaky, GRU and LSTM networks as functions of PyTorch: easy ones, which contract, hard ones, with
several points, and chaotic ones, where few starts come to a fixed point. Starts are states that
they visit as they read noise. Searches take turns. `python -m benchmarks.functions` writes
`results/functions.json` after each network, and the tables of docs/speed.md; `--part NAME` measures
one part of it, and `--missing` those networks that the file has not. FIXED_POINT_FINDER names the
folder of a clone of FixedPointFinder, which is left out without it. `--count leaky chaotic 256`
says of one search what was computed of the function, of how many rows, and what CPU time that took
beside all of the search and of the cell's.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc
from benchmarks.report import ROOT
from benchmarks.rivals import descent
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import FunctionCell, available_threads
from testing.marked import fill_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Row = dict[str, Any]

KINDS = ("leaky", "gru", "lstm")
GAINS = {"easy": 0.8, "hard": 0.9, "chaotic": 1.2}
"""Of the recurrent weights: their spectral radius, beside the strong directions. From 1 on, random
leaky networks are chaotic, and every search of them is long. Gated ones are not yet."""

N_STRONG = 2
"""Directions along which a hard network holds what it has read."""

SIZES = (64, 128, 256, 512)
LONG_SIZES = {256: 500, 512: 500, 1024: 500, 2048: 200}
"""For the exponent, on our side alone, and from how many starts."""
LONGEST = 600
"""Seconds for a network of these; one that takes longer is said not to have been reached."""

N_STARTS = 500
N_FINDERS_STARTS = {64: 200, 128: 200, 256: 100, 512: 50}
"""For FixedPointFinder, which takes minutes for all; its time is said for each start."""
N_CHAOTIC_STARTS = 100
N_INPUTS = 4
LEAK = 0.2
ROUNDS = 3
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
        if hardness != "easy":
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
    """Run FixedPointFinder on the same module in its own type, float32."""
    module = Written(network.kind, network.cell.hidden_size, "easy").float()
    module.load_state_dict(network.state_dict())

    def search(starts: NDArray[np.float64]) -> Row:
        ends = descent.find_with_finder(module, starts, N_INPUTS, learning_rate=RATE)
        return {"converged": int((ends.qstar <= 1e-12).sum()), "of": len(starts)}

    return search


def measure(kind: str, hardness: str, size: int, n_starts: int, rounds: int) -> Row:
    """Search a network as a cell, as a function, and by FixedPointFinder."""
    network = Written(kind, size, hardness)
    starts = network.visited(n_starts)
    ways = {
        "cell": (_ours(network.native()), starts, rounds),
        "function": (_ours(network.function()), starts, rounds),
    }
    if descent.FIXED_POINT_FINDER:
        fewer = starts[: N_FINDERS_STARTS.get(size, n_starts)]
        ways["FixedPointFinder"] = (_finder(network), fewer, 1)
    return _rounds(ways)


def _rounds(
    ways: dict[str, tuple[Callable[[NDArray[np.float64]], Row], NDArray[np.float64], int]],
) -> Row:
    """Time searches in turns, after one of a few starts each that warms them up."""
    timed: Row = {way: {"seconds": [], "cpu_seconds": []} for way in ways}
    for way, (search, starts, _) in ways.items():
        if way != "FixedPointFinder":  # which takes as many iterations for a few, and no less time
            search(starts[:4])
    for number in range(max(rounds for _, _, rounds in ways.values())):
        for way, (search, starts, rounds) in ways.items():
            if number >= rounds:
                continue
            begin, cpu = time.perf_counter(), time.process_time()
            found = search(starts)
            timed[way]["seconds"].append(time.perf_counter() - begin)
            timed[way]["cpu_seconds"].append(time.process_time() - cpu)
            timed[way] |= found
    for way, row in timed.items():
        row["ms_per_start"] = 1e3 * statistics.median(row["seconds"]) / len(ways[way][1])
    return timed


def alone(kind: str, size: int, n_starts: int) -> Row:
    """Search in this process, a few starts first; say what memory it took."""
    network = Written(kind, size, "hard")
    cell, starts = network.function(), network.visited(n_starts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for some in (starts[:4], starts):
        begin = time.perf_counter()
        nc.find_fixed_points(cell, some)
        seconds.append(time.perf_counter() - begin)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "ms_per_start": 1e3 * seconds[1] / n_starts,
        "first_search_seconds": seconds[0],
        "peak_mib": (after - before) / 1024,
    }


class Counted:
    """What differentiates a function, with the calls, rows and CPU seconds of each method."""

    def __init__(self, counted: Any, sums: dict[str, list[float]] | None = None) -> None:
        self._counted = counted
        self.sums = {} if sums is None else sums

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._counted, name)
        if not callable(own):
            return own

        def computed(*arrays: Any, **options: Any) -> Any:
            begin = time.process_time()
            found = own(*arrays, **options)
            now = 1, len(arrays[0]), time.process_time() - begin
            before = self.sums.get(name, (0, 0, 0))
            self.sums[name] = [a + b for a, b in zip(before, now, strict=True)]
            return Counted(found, self.sums) if name == "linearized" else found

        return computed


def count(kind: str, hardness: str, size: int, n_starts: int) -> str:
    """Return a table of what one search computes, per start, in one thread."""
    torch.set_num_threads(1)
    network = Written(kind, size, hardness)
    starts, made = network.visited(n_starts), network.function()
    counted = Counted(made._derivatives)
    cell = FunctionCell(
        counted,
        made.state_size,
        made.input_size,
        made.dtype,
        made.box,
        precision=made.precision,
        is_smooth=made.is_smooth,
    )
    seconds: dict[str, list[float]] = {"cell": [], "function": []}
    for _ in range(ROUNDS):
        for way, searched in (("cell", network.native()), ("function", cell)):
            counted.sums.clear()
            begin = time.process_time()
            nc.find_fixed_points(searched, starts, n_threads=1)
            seconds[way].append(time.process_time() - begin)
    lines = [f"{way}: {1e3 * min(seconds[way]) / n_starts:.3f} ms per start" for way in seconds]
    lines.append(f"ratio: {min(seconds['function']) / min(seconds['cell']):.2f}")
    lines += [
        f"{name}: {calls} calls, {rows / n_starts:.1f} rows and {1e3 * cpu / n_starts:.3f} ms"
        for name, (calls, rows, cpu) in counted.sums.items()
    ]
    return "\n".join(lines)


def apart(kind: str, size: int, n_starts: int, seconds: float = LONGEST) -> Row:
    """Search a network in a process of its own, which ends after so many seconds at the latest."""
    order = [sys.executable, "-m", "benchmarks.functions", "--alone", kind, str(size)]
    try:
        said = subprocess.run(
            [*order, str(n_starts)],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return {"not_reached_within_seconds": seconds}
    found: Row = json.loads(said.stdout)
    return found


def parts(sizes: Sequence[int], long_sizes: Sequence[int]) -> dict[str, list[Row]]:
    """Return the networks of each part."""
    networks = {
        kind: [
            {"kind": kind, "hardness": hardness, "size": size}
            for hardness in GAINS
            for size in sizes
            if hardness != "chaotic" or kind == "leaky"
        ]
        for kind in KINDS
    }
    long = [{"kind": kind, "size": size} for kind in KINDS for size in long_sizes]
    return networks | {"scaling": long}


def measured(part: str, network: Row, n_starts: int, rounds: int) -> Row:
    """Return a network of a part with what came of it."""
    if part == "scaling":
        n_starts = min(n_starts, LONG_SIZES.get(network["size"], n_starts))
        return network | {"starts": n_starts} | apart(**network, n_starts=n_starts)
    if network["hardness"] == "chaotic":
        n_starts = min(n_starts, N_CHAOTIC_STARTS)
    return network | {"starts": n_starts} | measure(**network, n_starts=n_starts, rounds=rounds)


def exponent(rows: Sequence[Row]) -> float:
    """Return p of the power H^p that times of searches follow."""
    rows = _reached(rows)
    sizes = np.log([row["size"] for row in rows])
    return float(np.polyfit(sizes, np.log([row["ms_per_start"] for row in rows]), 1)[0])


def _reached(rows: Sequence[Row]) -> list[Row]:
    """Return the networks whose search came to its end."""
    return [row for row in rows if "ms_per_start" in row]


def _scaling_line(row: Row) -> str:
    begin = f"| {row['kind']} | {row['size']} | {row['starts']} "
    if "ms_per_start" not in row:
        return begin + f"| not reached within {row['not_reached_within_seconds']:g} s | | |"
    return begin + (
        f"| {row['ms_per_start']:.2f} | {row['first_search_seconds']:.2f} | {row['peak_mib']:.0f} |"
    )


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


def run(path: Path, networks: dict[str, list[Row]], n_starts: int, *, missing: bool) -> Row:
    """Measure networks, and write what came of each to a file, beside what is there of others."""
    result: Row = json.loads(path.read_text("utf-8")) if path.exists() else {}
    result |= {"packages": versions(), "cores": available_threads()}
    for part, of_part in networks.items():
        rows = result.setdefault(part, [])
        for network in of_part:
            earlier = [row for row in rows if network.items() <= row.items()]
            if earlier and missing:
                continue
            found = measured(part, network, n_starts, ROUNDS)
            rows[:] = [row for row in rows if row not in earlier] + [found]
            write_json(path, result)
    return result


def scaling_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of our own searches by size, with the exponent of each kind."""
    lines = [
        "| network | H | starts | ms per start | four starts at first, s | peak memory, MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind in KINDS:
        own = [row for row in rows if row["kind"] == kind]
        lines += map(_scaling_line, own)
        if len(_reached(own)) > 1:
            lines.append(f"| {kind}: exponent | | | {exponent(own):.2f} | | |")
    return "\n".join(lines)


def tables(result: Row) -> dict[str, str]:
    """Return the tables of all that was measured, by their marks in docs/speed.md."""
    return {
        "functions": table([row for kind in KINDS for row in result.get(kind, [])]),
        "functions-sizes": scaling_table(result.get("scaling", [])),
    }


def main() -> None:
    """Measure and write what came of it."""
    networks = parts(SIZES, tuple(LONG_SIZES))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=networks, action="append")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--count", nargs=3, metavar=("KIND", "HARDNESS", "H"))
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.alone:
        kind, size, n_starts = said.alone
        print(json.dumps(alone(kind, int(size), int(n_starts))))
        return
    if said.count:
        kind, hardness, size = said.count
        print(count(kind, hardness, int(size), N_CHAOTIC_STARTS))
        return
    chosen = {part: networks[part] for part in said.part or networks}
    path = ROOT / "benchmarks" / "results" / "functions.json"
    found = tables(run(path, chosen, N_STARTS, missing=said.missing))
    page = ROOT / "docs" / "speed.md"
    fill_tables(page, found)
    print("\n\n".join(found.values()))


if __name__ == "__main__":
    main()
