"""What a search over a function of JAX costs, beside the native cell, PyTorch and optimistix.

The hard networks of `benchmarks.functions`, written in JAX. Searches of the same starts take turns.
A warm-up is what the first time takes longer than the later ones: it is traced and compiled then.
`python -m benchmarks.jax_functions` writes `results/jax_functions.json` after each network, and
puts a table into docs/speed.md. Optimistix's Newton is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import numpy as jnp

import nullcline as nc
from benchmarks.functions import KINDS, LEAK, N_INPUTS, Written
from benchmarks.report import ROOT
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import available_threads
from testing.marked import fill_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Row = dict[str, Any]
    Search = Callable[[NDArray[np.float64]], int]

SIZES = (64, 256, 512)
N_STARTS = 200
N_RIVALS_STARTS = {64: 50, 256: 10, 512: 3}
"""For optimistix, which factors a Jacobian a step; its time is said for each start."""
ROUNDS = 3
MAX_STEPS = 32
"""Of optimistix's Newton."""
ZERO = 1e-12
"""Speeds q of ends that count as fixed, for optimistix, which says less of its ends."""


def step(kind: str, weights: tuple[Any, ...], x: Any, h: Any) -> Any:
    """Return the next states of a network, rows of them, with weights in PyTorch's layout."""
    w_input, w, b_input, b = weights
    if kind == "leaky":
        return (1 - LEAK) * h + LEAK * jnp.tanh(x @ w_input.T + b_input + h @ w.T + b)
    if kind == "gru":
        of_input = jnp.split(x @ w_input.T + b_input, 3, axis=-1)
        of_state = jnp.split(h @ w.T + b, 3, axis=-1)
        r, z = (jax.nn.sigmoid(of_input[k] + of_state[k]) for k in (0, 1))
        n = jnp.tanh(of_input[2] + r * of_state[2])
        return (1 - z) * n + z * h
    out, c = jnp.split(h, 2, axis=-1)
    i, f, g, o = jnp.split(x @ w_input.T + b_input + out @ w.T + b, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(c), c], axis=-1)


def _search(cell: Any, starts: NDArray[np.float64]) -> int:
    return len(nc.find_fixed_points(cell, starts).select("fixed"))


def _of_jax(network: Written) -> Search:
    f = partial(step, network.kind, _weights(network))
    bounds = None if network.kind == "lstm" else (-1, 1)
    return partial(_search, nc.from_jax(f, network.state_size, N_INPUTS, bounds=bounds))


def _of_optimistix(network: Written) -> Search:
    import optimistix

    f = partial(step, network.kind, _weights(network), np.zeros(N_INPUTS))
    solver = optimistix.Newton(rtol=1e-10, atol=1e-12)

    def end(start: Any) -> Any:
        return optimistix.root_find(
            lambda h, _: f(h) - h, solver, start, max_steps=MAX_STEPS, throw=False
        ).value

    compiled = jax.jit(jax.vmap(end))

    def search(starts: NDArray[np.float64]) -> int:
        with jax.enable_x64(True):
            ends = compiled(starts)
            speeds = np.asarray(((jax.vmap(f)(ends) - ends) ** 2).mean(axis=1))
        return int((speeds <= ZERO).sum())

    return search


def _weights(network: Written) -> tuple[NDArray[np.float64], ...]:
    return tuple(p.detach().numpy().copy() for p in network.cell.parameters())


def measure(kind: str, size: int, n_starts: int, rounds: int) -> Row:
    """Search a network in each way, in turns; return what each took, by its name."""
    network = Written(kind, size, "hard")
    starts = network.visited(n_starts)
    make: dict[str, Callable[[], Search]] = {
        "cell": lambda: partial(_search, network.native()),
        "PyTorch": lambda: partial(_search, network.function()),
        "JAX": lambda: _of_jax(network),
    }
    if importlib.util.find_spec("optimistix"):
        make["optimistix"] = lambda: _of_optimistix(network)
    of = dict.fromkeys(make, starts) | {"optimistix": starts[: N_RIVALS_STARTS.get(size, n_starts)]}
    row: Row = {}
    searches = {}
    for way, made in make.items():
        begin = time.perf_counter()
        searches[way] = made()
        searches[way](of[way])
        row[way] = {"first_seconds": time.perf_counter() - begin, "seconds": [], "cpu_seconds": []}
    for number in range(rounds):
        for way, search in searches.items():
            if way == "optimistix" and number > 0:  # which takes longest by far
                continue
            begin, cpu = time.perf_counter(), time.process_time()
            row[way]["fixed"] = search(of[way])
            row[way]["seconds"].append(time.perf_counter() - begin)
            row[way]["cpu_seconds"].append(time.process_time() - cpu)
    for way, found in row.items():
        typical = statistics.median(found["seconds"])
        found["starts"] = len(of[way])
        found["ms_per_start"] = 1e3 * typical / len(of[way])
        found["warm_up_seconds"] = max(0.0, found["first_seconds"] - typical)
    return row


def run(path: Path, sizes: Sequence[int], n_starts: int, rounds: int) -> Row:
    """Measure all networks, and write what came of each to a file."""
    result: Row = {"packages": versions(), "cores": available_threads(), "networks": []}
    for kind in KINDS:
        for size in sizes:
            row = measure(kind, size, n_starts, rounds)
            result["networks"].append({"kind": kind, "size": size} | row)
            write_json(path, result)
    return result


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table of networks, in ms per start; of optimistix, how many ended well."""
    lines = [
        "| network | H | native cell | PyTorch | JAX | JAX, warm-up, s | optimistix | fixed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ours = " | ".join(f"{row[way]['ms_per_start']:.3f}" for way in ("cell", "PyTorch", "JAX"))
        line = f"| {row['kind']} | {row['size']} | {ours} | {row['JAX']['warm_up_seconds']:.2f} |"
        if (rival := row.get("optimistix")) is None:
            lines.append(f"{line} - | - |")
        else:
            ends = f"{rival['fixed']} of {rival['starts']}"
            lines.append(f"{line} {rival['ms_per_start']:.2f} | {ends} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    path = ROOT / "benchmarks" / "results" / "jax_functions.json"
    found = table(run(path, SIZES, N_STARTS, ROUNDS)["networks"])
    page = ROOT / "docs" / "speed.md"
    fill_tables(page, {"jax-functions": found})
    print(found)


if __name__ == "__main__":
    main()
