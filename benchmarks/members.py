"""A population of networks, easy and hard ones, each one layer with states to start from.

- The networks of the tests' fixtures, and small trained ones (`tests/fixtures/population`);
- those of 256 units that ``python -m benchmarks.members FOLDER`` has trained, where the
  environment's `NULLCLINE_POPULATION` names that folder;
- random networks of six kinds, of 32 to 256 units and gains of 1 to 10: that many times PyTorch's
  weights as they are drawn at first, an easy contraction.

Constants are chosen by one half of them, and results are reported of the other (`Member.half`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import nn

import nullcline as nc
from testing.trained_networks import FOLDER, LAYERS, trained_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SMALL = FOLDER / "population"
N_STARTS = 100

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
    (64, 1.2),
    (256, 1.2),
    (64, 2.1),
    (256, 2.1),
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
    def group(self) -> str:
        """What it is like, in words that head a row of a table."""
        if self.name.startswith("random"):
            gain = float(self.name.split("gain ")[1].split(",")[0])
            return f"random, gain {'3 to 10' if gain >= 3 else '1 to 2.1'}"
        return f"trained, {self.size} units"

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where trained networks go")
    train(parser.parse_args().folder)


if __name__ == "__main__":
    main()
