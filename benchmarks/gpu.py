"""Our search on a GPU against our own on the CPU, against its rivals there, and against the chip.

`python -m benchmarks.gpu` measures, prints a table and writes `results/<name of the GPU>.json`.
Where there is no GPU it says so and ends with status 1.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.contestants import TOL_SLOW, known_points, places
from benchmarks.networks import Network, trained, widened
from nullcline._support.files import replacing
from nullcline._support.versions import versions
from nullcline.cells import available_threads
from nullcline.gpu import availability

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Search = Callable[[], NDArray[Any]]

RESULTS = Path(__file__).parent / "results"
ROUNDS = 3
CPU_THREADS = 2
"""Threads of the CPU's search that the GPU's is compared with."""

Row = dict[str, Any]


def between(network: Network, n_starts: int, seed: int = 0) -> NDArray[np.float64]:
    """Return states between pairs of a network's starts."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(network.starts), (2, n_starts))
    share = rng.uniform(size=(n_starts, 1))
    states: NDArray[np.float64] = (
        share * network.starts[first] + (1 - share) * network.starts[second]
    )
    return states


def ours(network: Network, starts: NDArray[np.float64], **options: Any) -> NDArray[Any]:
    return nc.find_fixed_points(network.cell, starts, tol_slow=TOL_SLOW, **options).h


def alternating(searches: dict[str, Search]) -> dict[str, list[float]]:
    """Time searches, each once a round, after one round that warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in searches}
    for round_ in range(ROUNDS + 1):
        for name, search in searches.items():
            begin = time.perf_counter()
            search()
            if round_ > 0:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def row(name: str, n_starts: int, size: int, seconds: list[float]) -> Row:
    return {
        "search": name,
        "n_starts": n_starts,
        "hidden_size": size,
        "all_seconds": seconds,
        "seconds": statistics.median(seconds),
    }


def study_network(
    n_starts: int = 500, rival_starts: int = 50, torch_device: str = "cuda"
) -> list[Row]:
    """The IMDB network from visited states: ours on both sides, and the rivals on the GPU.

    These are given fewer starts, because they take their time.
    """
    network = trained("imdb-1-layer")
    starts, few = network.starts[:n_starts], network.starts[:rival_starts]
    searches: dict[str, Search] = {
        "nullcline, GPU": lambda: ours(network, starts, device="cuda"),
        "nullcline, CPU": lambda: ours(network, starts, n_threads=CPU_THREADS),
    }
    if find_spec("torch"):
        from benchmarks.rivals.torch_func import levenberg_marquardt

        searches["torch.func LM, GPU"] = lambda: levenberg_marquardt(
            network, few, device=torch_device
        )
    if find_spec("jax") and find_spec("optimistix"):
        # JAX would take most of the GPU's memory for itself.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        from benchmarks.rivals import jax_optimistix

        searches["optimistix LM, GPU"] = lambda: jax_optimistix.levenberg_marquardt(network, few)
        searches["optimistix Newton, GPU"] = lambda: jax_optimistix.newton(network, few)
    known = known_points("imdb-1-layer")
    found = {name: places(known, np.asarray(search())) for name, search in searches.items()}
    return [
        {**row(name, sum(found[name].values()), network.hidden_size, seconds), **found[name]}
        for name, seconds in alternating(searches).items()
    ]


def many_starts(n_starts: int = 100_000) -> list[Row]:
    """Search a network from a hundred thousand states; on the CPU once, as it takes a minute."""
    network = trained("imdb-1-layer")
    starts = between(network, n_starts)
    gpu = alternating({"GPU": lambda: ours(network, starts, device="cuda")})["GPU"]
    begin = time.perf_counter()
    ours(network, starts, n_threads=CPU_THREADS)
    cpu = time.perf_counter() - begin
    return [
        row("nullcline, GPU", n_starts, network.hidden_size, gpu),
        row("nullcline, CPU", n_starts, network.hidden_size, [cpu]),
    ]


def large_network(hidden_size: int = 4096, n_starts: int = 1000) -> list[Row]:
    network = widened("imdb-64-units", hidden_size, 500)
    starts = between(network, n_starts)
    seconds = alternating({"GPU": lambda: ours(network, starts, device="cuda")})["GPU"]
    return [row("nullcline, GPU", n_starts, hidden_size, seconds)]


def rates(hidden_size: int, n_states: int, square: int = 8192) -> Row:
    """Return operations and bytes a second, and the shares that the targets speak of."""
    network = widened("imdb-64-units", hidden_size, 1)
    found: Row = availability.gpu_module().measure64(network.cell.core_weights(), n_states, square)
    return {
        "hidden_size": hidden_size,
        "n_states": n_states,
        **found,
        "product share": found["product"] / found["square product"],
        "residual share": found["residual"] / found["square product"],
        "assembly share": found["assembly"] / found["copy"],
    }


def record() -> Row:
    """Return what is measured on, and room for what is measured."""
    device = nc.cuda.devices()[0]
    return {
        "device": device.name,
        "compute_capability": list(device.compute_capability),
        "cpu_threads": available_threads(),
        "packages": versions(),
        "searches": [],
        "rates": [],
    }


def table(result: Row) -> str:
    """Return what was measured in lines to read."""
    title = f"{result['device']}; CPU: {CPU_THREADS} of {result['cpu_threads']} threads"
    searches = [search_line(found) for found in result["searches"]]
    return "\n".join([title, *searches, *(rates_line(found) for found in result["rates"])])


def search_line(found: Row) -> str:
    ends = ", ".join(f"{found[key]} {key}" for key in ("fixed", "ghost") if key in found)
    ms = 1e3 * found["seconds"] / found["n_starts"]
    return (
        f"{found['search']:24} H = {found['hidden_size']:5} {found['n_starts']:7,} starts "
        f"{found['seconds']:9.4f} s {ms:9.4f} ms per start  "
        f"{ends}"
    )


def rates_line(found: Row) -> str:
    return (
        f"H = {found['hidden_size']:5} {found['n_states']:6,} states: products at "
        f"{found['product share']:.0%} of cuBLAS's rate "
        f"({found['square product'] / 1e12:.1f} TFLOP/s), with gates "
        f"{found['residual share']:.0%}; assembly at {found['assembly share']:.0%} of copies "
        f"({found['copy'] / 1e12:.2f} TB/s)"
    )


def main() -> int:
    """Measure all and write it; return the status to end with."""
    if not (available := nc.cuda.is_available()):
        print(f"no GPU to measure: {available.reason}")
        return 1
    result = record()
    for measure in (study_network, many_starts, large_network):
        result["searches"] += measure()
        write(result)  # what was measured is kept, whatever becomes of the rest
    for hidden_size, n_states in ((256, 8192), (1024, 2048), (4096, 128)):
        result["rates"].append(rates(hidden_size, n_states))
        write(result)
    print(table(result))
    return 0


def write(result: Row) -> None:
    name = re.sub(r"[^a-z0-9]+", "-", result["device"].lower()).strip("-")
    with replacing(RESULTS / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
