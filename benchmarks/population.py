"""Our methods and FixedPointFinder on a population of networks, easy and hard ones.

``python -m benchmarks.population`` measures every member that `results/population.json` does not
have yet, writes it after each, and prints a table; ``--again`` measures all anew, ``--only``
some. A member is one layer with states to start from:

- the networks of the tests' fixtures, and small trained ones (`tests/fixtures/population`);
- those of 256 units that ``train FOLDER`` has trained, where the environment's
  `NULLCLINE_POPULATION` names that folder;
- random networks of six kinds, of 32 to 256 units and gains of 1 to 10: that many times PyTorch's
  weights as they are drawn at first, an easy contraction.

Constants were chosen by one half of them, and results are reported of the other (`half`). With the
environment's `FIXED_POINT_FINDER` naming a clone of it, it searches from the same starts.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import nn

import nullcline as nc
from benchmarks.rivals import descent
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from testing.trained_networks import FOLDER, LAYERS, trained_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RESULT = Path(__file__).parent / "results" / "population.json"
SMALL = FOLDER / "population"
METHODS = ("auto", "krylov", "lm", "newton")
N_STARTS = 100
ROUNDS = 5
PATIENCE = 10.0
"""Seconds for the rounds of one method on one member, after which there are no more of them."""

GATES = {"gru": 3, "lstm": 4, "ugrnn": 2, "mgu": 2, "rnn": 1, "leaky": 1}
LEAK = 0.2
SIZES_AND_GAINS = (
    (32, 1.0),
    (32, 3.0),
    (64, 2.0),
    (64, 5.0),
    (128, 4.0),
    (128, 10.0),
    (256, 2.0),
    (256, 4.0),
)

TRAINED = {
    # name: arguments of `nullcline train`
    "sst-gru-64-s1": "--corpus sst --cell gru --hidden-size 64 --seed 1 --epochs 10",
    "sst-gru-64-s3": "--corpus sst --cell gru --hidden-size 64 --seed 3 --epochs 4",
    "sst-lstm-64-s1": "--corpus sst --cell lstm --hidden-size 64 --seed 1 --epochs 10",
    "sst-ugrnn-64-s1": "--corpus sst --cell ugrnn --hidden-size 64 --seed 1 --epochs 5",
    "sst-rnn-64-s1": "--corpus sst --cell rnn --hidden-size 64 --seed 1 --epochs 10",
    "imdb-gru-64-s1": "--corpus imdb --cell gru --hidden-size 64 --seed 1 --epochs 2 "
    "--max-tokens 200",
    "imdb-gru-64-s2": "--corpus imdb --cell gru --hidden-size 64 --seed 2 --epochs 6 "
    "--max-tokens 200",
    "imdb-gru-64-s3": "--corpus imdb --cell gru --hidden-size 64 --seed 3 --epochs 10 "
    "--max-tokens 200",
    "imdb-lstm-64-s1": "--corpus imdb --cell lstm --hidden-size 64 --seed 1 --epochs 4 "
    "--max-tokens 200",
    "imdb-rnn-64-s1": "--corpus imdb --cell rnn --hidden-size 64 --seed 1 --epochs 4 "
    "--max-tokens 200",
    "sst-gru-256-s2": "--corpus sst --cell gru --seed 2 --epochs 3",
    "sst-gru-256-s4": "--corpus sst --cell gru --seed 4 --epochs 8",
    "sst-lstm-256-s2": "--corpus sst --cell lstm --seed 2 --epochs 5",
    "imdb-gru-256-s1": "--corpus imdb --cell gru --seed 1 --epochs 2 --max-tokens 200",
    "imdb-gru-256-s2": "--corpus imdb --cell gru --seed 2 --epochs 4 --max-tokens 200",
    "imdb-gru-256-s3": "--corpus imdb --cell gru --seed 3 --epochs 3 --max-tokens 100",
    "sst-gru-256-s0": "--corpus sst --cell gru",
    "sst-lstm-256-s0": "--corpus sst --cell lstm",
    "sst-ugrnn-256-s0": "--corpus sst --cell ugrnn",
    "sst-rnn-256-s0": "--corpus sst --cell rnn",
}
"""The trained networks that are no fixtures of other tests. Those of 64 units are in `SMALL`."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """A network of one layer, in double precision, and where searches of it start.

    Parameters
    ----------
    name
        Where it is from.
    kind
        A key of `GATES`.
    weight_hh, bias
        As PyTorch stacks them, shapes (G H, H) and (G H,); a GRU's bias, shape (2, 3 H), has two
        rows, since they do not add. Inputs are zero, and their weights are left out.
    starts
        Whole states, shape (n, S).
    """

    name: str
    kind: str
    weight_hh: Array
    bias: Array
    starts: Array

    @property
    def size(self) -> int:
        return int(self.weight_hh.shape[1])

    @property
    def half(self) -> str:
        """Which half it belongs to: that by which constants were chosen, or the other."""
        return ("chosen_by", "reported")[zlib.crc32(self.name.encode()) % 2]

    @property
    def biases(self) -> tuple[Array, Array]:
        return (self.bias[0], self.bias[1]) if self.kind == "gru" else (self.bias, 0 * self.bias)

    def cell(self, dtype: Any = np.float64) -> nc.cells.Cell:
        """Return the network as we take it."""
        w_i = np.zeros((len(self.weight_hh), 1), dtype)
        w_h, bias = self.weight_hh.astype(dtype), [b.astype(dtype) for b in self.biases]
        if self.kind == "leaky":
            return nc.LeakyRNN(w_i, w_h, bias[0], alpha=LEAK)
        makes: dict[str, Callable[..., nc.cells.Cell]] = {
            "gru": nc.GRU,
            "lstm": nc.LSTM,
            "ugrnn": nc.UGRNN,
            "mgu": nc.MGU,
            "rnn": nc.RNN,
        }
        return makes[self.kind](w_i, w_h, *bias)


class TorchNetwork(nn.Module):
    """A member as FixedPointFinder takes it: a step of whole states, shape (1, n, S)."""

    batch_first = True

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.kind, self.size = member.kind, member.size
        self.w = nn.Parameter(torch.from_numpy(member.weight_hh).float())
        biases = (torch.from_numpy(bias.copy()).float() for bias in member.biases)
        self.b_i, self.b_h = (nn.Parameter(bias) for bias in biases)

    def forward(self, _: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        after = self._step(state[0])[None]
        return after.transpose(0, 1), after

    def _step(self, state: torch.Tensor) -> torch.Tensor:
        h = state[:, : self.size]
        if self.kind == "gru":
            no_input = h.new_zeros(len(h), 1), self.w.new_zeros(len(self.w), 1)
            return torch.gru_cell(no_input[0], h, no_input[1], self.w, self.b_i, self.b_h)
        sums = (nn.functional.linear(h, self.w) + self.b_i + self.b_h).chunk(GATES[self.kind], 1)
        if self.kind == "lstm":
            i, f, o = (torch.sigmoid(sums[k]) for k in (0, 1, 3))
            c = f * state[:, self.size :] + i * torch.tanh(sums[2])
            return torch.cat([o * torch.tanh(c), c], 1)
        if self.kind == "ugrnn":
            g = torch.sigmoid(sums[1])
            return g * h + (1 - g) * torch.tanh(sums[0])
        if self.kind == "mgu":
            f = torch.sigmoid(sums[0])
            w_n, b_i, b_h = self.w[self.size :], self.b_i[self.size :], self.b_h[self.size :]
            n = torch.tanh(b_i + f * (nn.functional.linear(h, w_n) + b_h))
            return (1 - f) * n + f * h
        if self.kind == "leaky":
            return (1 - LEAK) * h + LEAK * torch.tanh(sums[0])
        return torch.tanh(sums[0])


# The population.


def fixtures() -> Iterator[Member]:
    """Yield the layers of the fixtures that tests and other benchmarks have."""
    for name, number in LAYERS:
        layer = trained_layer(name, number)
        arrays = (layer.weight_hh, np.stack([layer.bias_ih, layer.bias_hh]), layer.starts)
        yield Member(f"{name}, layer {number}", "gru", *(a.astype(np.float64) for a in arrays))


def read(path: Path) -> Member:
    """Read a member that `write` wrote."""
    with safe_open(path, "np") as file:
        kind = file.metadata()["kind"]
    arrays = load_file(path)
    names = ("weight_hh", "bias", "starts")
    return Member(path.stem, kind, *(arrays[name].astype(np.float64) for name in names))


def write(member: Member, path: Path, dtype: Any) -> None:
    """Write a member in a type that rounds its weights: that makes it a network of its own."""
    arrays = {name: getattr(member, name).astype(dtype) for name in ("weight_hh", "bias", "starts")}
    save_file(arrays, path, metadata={"kind": member.kind})


def trained() -> Iterator[Member]:
    """Yield the small trained networks, and the large ones where they have been trained."""
    folders = [SMALL]
    if "NULLCLINE_POPULATION" in os.environ:
        folders.append(Path(os.environ["NULLCLINE_POPULATION"]))
    seen = set()
    for folder in folders:
        for path in sorted(folder.glob("*.safetensors")):
            if path.stem not in seen:
                seen.add(path.stem)
                yield read(path)


def random_member(kind: str, size: int, gain: float, *, visited: bool) -> Member:
    """Return a random network and its starts: anywhere, or where it goes from there in 50 steps."""
    rng = np.random.default_rng([zlib.crc32(kind.encode()), size, round(10 * gain), visited])
    bound = 1 / np.sqrt(size)
    rows = GATES[kind] * size
    if kind in {"rnn", "leaky"}:  # a gain of 1 is then where the origin becomes unstable
        bound *= np.sqrt(3)
    weights = gain * rng.uniform(-bound, bound, (rows, size))
    bias = rng.uniform(-bound, bound, (2, rows) if kind == "gru" else rows)
    starts = rng.uniform(-1, 1, (N_STARTS, (2 if kind == "lstm" else 1) * size))
    name = f"random {kind}, {size} units, gain {gain:g}, {'visited' if visited else 'uniform'}"
    member = Member(name, kind, weights, bias, starts)
    if visited:
        for _ in range(50):
            starts[:] = member.cell().step(starts)
    return member


def random_members() -> Iterator[Member]:
    """Yield random networks of every kind; every second one starts at visited states."""
    for row, kind in enumerate(GATES):
        for column, (size, gain) in enumerate(SIZES_AND_GAINS):
            yield random_member(kind, size, gain, visited=(row + column) % 2 == 1)


def members() -> Iterator[Member]:
    """Yield the whole population."""
    yield from fixtures()
    yield from trained()
    yield from random_members()


# Training.


def train(folder: Path) -> None:
    """Train the networks of `TRAINED` that `folder` does not have, and a leaky one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, arguments in TRAINED.items():
        target = folder / f"{name}.safetensors"
        if target.exists():
            continue
        run = [sys.executable, "-m", "nullcline", "train", "--resume", "--out", str(folder / name)]
        subprocess.run([*run, *arguments.split()], check=True)
        write(cut(name, folder / name), target, _dtype(name))
    if not (folder / "flip-flop-leaky-64-s0.safetensors").exists():
        member = train_leaky()
        write(member, folder / f"{member.name}.safetensors", _dtype(member.name))


def _dtype(name: str) -> Any:
    return np.float16 if "-64-" in name else np.float32


def cut(name: str, run: Path) -> Member:
    """Return the layer of a finished training run, with states that it visits on test reviews."""
    from nullcline.study.states import sample_states
    from nullcline.text import load_corpus
    from nullcline.training import load_checkpoint

    checkpoint = load_checkpoint(run)
    model = checkpoint.model()
    reviews = checkpoint.reviews(load_corpus(checkpoint.corpus, progress=False))
    visited = sample_states(model, reviews, n_sample=N_STARTS, seed=0)[0].sample
    arrays = {key: value.double().numpy() for key, value in model.rnn.state_dict().items()}
    kind = checkpoint.settings.cell
    biases = np.stack([arrays["bias_ih_l0"], arrays.get("bias_hh_l0", 0 * arrays["bias_ih_l0"])])
    bias = biases if kind == "gru" else biases.sum(0)
    return Member(name, kind, arrays["weight_hh_l0"], bias, visited.astype(np.float64))


def train_leaky(size: int = 64, seed: int = 0, steps: int = 600) -> Member:
    """Train a leaky network to hold three bits (Sussillo and Barak 2013), and return it."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    w = nn.Parameter(torch.randn(size, size) / size**0.5)
    w_in, b = nn.Parameter(torch.randn(size, 3)), nn.Parameter(torch.zeros(size))
    out = nn.Linear(size, 3)
    optimizer = torch.optim.Adam([w, w_in, b, *out.parameters()], lr=3e-3)
    states = torch.zeros(0)
    for _ in range(steps):
        pulses, bits = _flip_flop(rng, n=64, length=60)
        h = torch.zeros(64, size)
        visited = []
        for x in pulses:
            h = (1 - LEAK) * h + LEAK * torch.tanh(h @ w.T + x @ w_in.T + b)
            visited.append(h)
        states = torch.stack(visited)
        loss = ((out(states) - bits) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([w, w_in, b], 1.0)
        optimizer.step()
    flat = states.detach()[10:].reshape(-1, size).double().numpy()
    starts = flat[rng.choice(len(flat), N_STARTS, replace=False)]
    weights = (w.detach().double().numpy(), b.detach().double().numpy())
    return Member(f"flip-flop-leaky-{size}-s{seed}", "leaky", *weights, starts)


def _flip_flop(rng: np.random.Generator, n: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pulses of ±1, and the last one of each channel, shapes (T, n, 3)."""
    pulses = rng.choice([-1.0, 1.0], (length, n, 3)) * (rng.random((length, n, 3)) < 0.1)
    bits = np.zeros_like(pulses)
    for t in range(length):
        bits[t] = np.where(pulses[t] != 0, pulses[t], bits[t - 1] if t else 0)
    return torch.from_numpy(pulses).float(), torch.from_numpy(bits).float()


# Measuring.


def factorization_ms(size: int) -> float:
    """Return how long LAPACK's `getrf` takes for a matrix of this size, on one thread."""
    from scipy.linalg import lapack

    matrix = np.random.default_rng(0).normal(size=(size, size))
    times = []
    for _ in range(9):
        begin = time.process_time()
        for _ in range(1 + 256 // size):
            lapack.dgetrf(matrix)
        times.append((time.process_time() - begin) / (1 + 256 // size))
    return 1e3 * statistics.median(times)


def measure(member: Member, methods: tuple[str, ...] = METHODS, rounds: int = ROUNDS) -> Row:
    """Search a member by every method in turn, on one thread; times are the processor's."""
    cell = member.cell()
    starts = member.starts[:N_STARTS]
    found: dict[str, Any] = {}
    times: dict[str, list[float]] = {method: [] for method in methods}
    for _ in range(rounds):
        for method in methods:
            if sum(times[method]) < PATIENCE:
                begin = time.process_time()
                found[method] = cell.compiled.search(starts, method=method, n_threads=1)
                times[method].append(time.process_time() - begin)
    row: Row = {
        "half": member.half,
        "kind": member.kind,
        "units": member.size,
        "getrf_ms": factorization_ms(member.size),
    }
    for method in methods:
        kinds = np.bincount(found[method].kind, minlength=len(nc.search.KINDS))
        row[method] = {
            "ms_per_start": 1e3 * statistics.median(times[method]) / len(starts),
            "iterations": float(np.median(found[method].iterations)),
            "most_iterations": int(np.max(found[method].iterations)),
            "products": found[method].n_products / len(starts),
            "kinds": dict(zip(nc.search.KINDS, kinds.tolist(), strict=True)),
        }
    return row


def measure_alone(member: Member) -> Row:
    """Measure in a process whose BLAS has one thread: idle threads that spin would count too."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.population", "--one", member.name],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    row: Row = json.loads(done.stdout)
    return row


def measure_finder(member: Member) -> Row:
    """Search by `auto` and by FixedPointFinder as it comes, both on all threads."""
    cell, starts = member.cell(), member.starts[:N_STARTS]
    ours = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        nc.find_fixed_points(cell, starts)
        ours.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    ends = descent.find_with_finder(TorchNetwork(member), starts, 1).xstar
    seconds = time.perf_counter() - begin
    return {
        "auto_ms_per_start": 1e3 * statistics.median(ours) / len(starts),
        "ms_per_start": 1e3 * seconds / len(starts),
        "ratio": seconds / statistics.median(ours),
        "median_q": float(np.median(cell.speed(ends.astype(np.float64)))),
    }


def succeeds(row: Row, method: str) -> bool:
    """Whether a method brought as many starts to an end with a label as `auto`, to a tenth."""
    lost = {name: row[name]["kinds"]["unconverged"] for name in ("auto", method)}
    return bool(lost[method] <= lost["auto"] + N_STARTS / 10)


def against_the_fastest(row: Row) -> float:
    """Return how much longer `auto` takes than the fastest method that succeeds."""
    times = [row[method]["ms_per_start"] for method in METHODS if succeeds(row, method)]
    return float(row["auto"]["ms_per_start"] / min(times))


def table(rows: dict[str, Row]) -> str:
    """Return medians and worst cases of either half, and every member, as Markdown."""
    lines = [
        "| half | members | `auto` ÷ fastest: median, worst | `getrf` a start: median, worst "
        "| FixedPointFinder ÷ `auto`: median, least |",
        "| --- | --- | --- | --- | --- |",
    ]
    for half in ("chosen_by", "reported"):
        of_half = {name: row for name, row in rows.items() if row["half"] == half}
        if not of_half:
            continue
        against = {name: against_the_fastest(row) for name, row in of_half.items()}
        costs = {n: row["auto"]["ms_per_start"] / row["getrf_ms"] for n, row in of_half.items()}
        ratios = {n: row["finder"]["ratio"] for n, row in of_half.items() if "finder" in row}
        cells = [f"{half.replace('_', ' ')}", str(len(of_half))]
        for values, pick in ((against, max), (costs, max), (ratios, min)):
            if values:
                where = pick(values, key=lambda name: values[name])
                median = statistics.median(values.values())
                cells.append(f"{median:.3g}, {values[where]:.3g} ({where})")
            else:
                cells.append("not measured")
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| member | half | `auto`, ms a start | iterations | products | `krylov` | `lm` | `newton` "
        "| `auto` ÷ fastest | `getrf` | FixedPointFinder ÷ `auto` |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        auto = row["auto"]
        times = [f"{row[m]['ms_per_start']:.3g}" for m in METHODS[1:] if m in row]
        finder = f"{row['finder']['ratio']:.0f}" if "finder" in row else ""
        lines.append(
            f"| {name} | {row['half'].replace('_', ' ')} | {auto['ms_per_start']:.3g} "
            f"| {auto['iterations']:.0f} | {auto['products']:.0f} | {' | '.join(times)} "
            f"| {against_the_fastest(row):.2f} | {auto['ms_per_start'] / row['getrf_ms']:.1f} "
            f"| {finder} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", nargs="?", choices=("measure", "train"), default="measure")
    parser.add_argument("folder", nargs="?", type=Path, help="where trained networks go")
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--again", action="store_true", help="measure what is there already too")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task == "train":
        if arguments.folder is None:
            parser.error("train needs a folder")
        return train(arguments.folder)
    if arguments.one is not None:
        print(json.dumps(measure(next(m for m in members() if m.name == arguments.one))))
        return None
    rows: dict[str, Row] = {}
    if arguments.out.exists() and not arguments.again:
        rows = json.loads(arguments.out.read_text(encoding="utf-8"))["members"]
    for member in filter(partial(_is_wanted, arguments.only, rows), members()):
        rows[member.name] = measure_alone(member)
        if descent.FIXED_POINT_FINDER:
            rows[member.name]["finder"] = measure_finder(member)
        print(member.name, json.dumps(rows[member.name]), flush=True)
        write_json(arguments.out, {"versions": versions(), "members": rows})
    print(table(rows))
    return None


def _is_wanted(pattern: str, rows: dict[str, Row], member: Member) -> bool:
    missing = member.name not in rows or (
        bool(descent.FIXED_POINT_FINDER) and "finder" not in rows[member.name]
    )
    return missing and re.search(pattern, member.name) is not None


if __name__ == "__main__":
    main()
