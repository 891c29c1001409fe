"""What it takes to send a million starts to workers, and what that says of a thousand workers.

`python -m benchmarks.scale` writes `results/scale.json` and the tables of docs/scale.md; it needs a
quiet machine of two cores for about six minutes, and 3 GB of disk. `--share 0.01` tries a hundredth
of the starts, and the tables say that it is a trial; `--tables` makes them of the results again.

What is measured are searches on this machine, what the process that sends chunks takes for each,
and how many tasks and bytes executors take. What is computed are searches by more workers: these
work side by side, and are held up by the sender or by the executor, whichever takes fewer chunks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.distribution import parcels
from nullcline.stores.finding import _find
from testing.every_cell import random_network
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nullcline.cells import Cell
    from nullcline.stores.layout import FoundRows

    Row = dict[str, Any]

N = 1_000_000
CHUNK = 8192
SIZES = (256, 1024, 4096)
"""Rows of chunks that are sent, of the large network."""

N_LARGE = 4096
N_TASKS = {"ProcessPoolExecutor": 20_000, "Dask": 4_000}
BYTES_SENT = 2**28
WORKERS = 1000
MODELLED = 10_000_000

RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
PAGE = ROOT / "docs" / "scale.md"


def small() -> tuple[Cell, Any]:
    """Return a GRU of 16 units, and states to start from without end."""
    return random_network("gru", 16, 1, 1.5, 0).cell(np.float32), partial(_uniform, 16)


def _uniform(size: int, n: int) -> Any:
    return np.random.default_rng(0).uniform(-1, 1, (n, size)).astype(np.float32)


def large() -> tuple[Cell, Any]:
    """Return the GRU of 256 units trained on IMDB, and states around those that it visits."""
    layer = trained_layer("imdb-1-layer")
    arrays = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)

    def states(n: int) -> Any:
        rng = np.random.default_rng(0)
        visited = layer.starts[rng.integers(len(layer.starts), size=n)]
        return np.clip(visited + rng.normal(0, 1e-3, visited.shape), -1, 1).astype(np.float32)

    return nc.GRU(*arrays), states


# Searches


def searches(cell: Cell, starts: Any, chunk_size: int, folder: Path) -> list[Row]:
    """Search in memory, to a store, and to a store with one and two workers; time each."""
    search = partial(nc.search_to_store, cell, starts, chunk_size=chunk_size, n_threads=1)
    ways: dict[str, Callable[[Path], Any]] = {
        "in memory": lambda _: nc.find_fixed_points(cell, starts, n_threads=1),
        "to a store": lambda store: search(store=store),
    }
    rows = [_timed(name, folder / str(i), ways[name]) for i, name in enumerate(ways)]
    for n_workers in (1, 2):
        with ProcessPoolExecutor(n_workers) as pool:
            wait([pool.submit(time.sleep, 0.2) for _ in range(n_workers)])  # so that all are there
            nc.find_fixed_points(cell, starts[:64], executor=pool, chunk_size=16)
            name = f"{n_workers} worker{'s' * (n_workers > 1)}"
            rows.append(
                _timed(name, folder / name, lambda store: search(store=store, executor=pool))
            )
    for row in rows:
        row |= {"starts": len(starts), "chunk_size": chunk_size}
    return rows


def _timed(name: str, store: Path, search: Callable[[Path], Any]) -> Row:
    begin = time.perf_counter()
    search(store)
    return {
        "how": name,
        "seconds": time.perf_counter() - begin,
    }


# What the sender takes


class Instant:
    """An executor whose one worker has its answer at once: it leaves what the sender does."""

    num_workers = 1

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.first: float | None = None

    def submit(self, _: Any, /, *__: Any) -> Future[Any]:
        """Answer, and note when that was first asked."""
        self.first = self.first or time.perf_counter()
        future: Future[Any] = Future()
        future.set_result(self._answer)
        return future


def sender(cell: Cell, states: Callable[[int], Any], chunk_size: int, folder: Path) -> Row:
    """Time what the sender does for a chunk beside waiting, and count the bytes of one."""
    n_chunks = max(8, BYTES_SENT // (chunk_size * cell.state_size * 4) // 8)
    shared = {"cell": cell, "options": {"max_iterations": 0}}
    rows: FoundRows = _find(shared, states(chunk_size), None, n_threads=1, report=None)
    content = parcels.pack(rows, shared)
    executor = Instant(("answered", content, _machine()))
    begin = time.perf_counter()
    nc.search_to_store(
        cell,
        states(chunk_size * n_chunks),
        store=folder / f"sender-{chunk_size}",
        chunk_size=chunk_size,
        executor=executor,
    )
    end, first = time.perf_counter(), executor.first or begin
    sent = parcels.pack((_find, (states(chunk_size), None)), shared)
    return {
        "chunk_size": chunk_size,
        "bytes_out_per_start": len(sent) / chunk_size,
        "bytes_back_per_start": len(content) / chunk_size,
        "bytes_stored_per_start": _size(folder / f"sender-{chunk_size}") / chunk_size / n_chunks,
        "ms_copied_per_chunk": 1e3 * (first - begin) / n_chunks,
        "ms_sent_per_chunk": 1e3 * (end - first) / n_chunks,
    }


def _machine() -> str:
    from nullcline.distribution.machine import this_machine

    return this_machine()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# What executors take


@contextmanager
def dask_executor(n_workers: int) -> Iterator[Any]:
    """Yield the executor of a cluster of Dask on this machine."""
    import distributed

    dask: Any = distributed
    with (
        dask.LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        dask.Client(cluster) as client,
        client.get_executor(pure=False) as executor,
    ):
        yield executor


EXECUTORS: dict[str, Any] = {"ProcessPoolExecutor": ProcessPoolExecutor, "Dask": dask_executor}


def rates(name: str, share: float) -> Row:
    """Measure empty tasks a second by one and two workers, and bytes a second by two, both ways."""
    row: Row = {"executor": name}
    for n_workers in (1, 2):
        with EXECUTORS[name](n_workers) as executor:
            wait([executor.submit(time.sleep, 0.2) for _ in range(n_workers)])
            n = max(100, round(N_TASKS[name] * share))
            begin = time.perf_counter()
            wait([executor.submit(_nothing) for _ in range(n)])
            row[f"tasks_a_second_{n_workers}"] = n / (time.perf_counter() - begin)
            if n_workers == 2:
                chunks = [os.urandom(2**20) for _ in range(8)]
                n = max(16, round(BYTES_SENT * share / 2**20))
                begin = time.perf_counter()
                for first in range(0, n, 4):  # as many on their way as a search has
                    wait([executor.submit(_echo, chunks[i % 8]) for i in range(first, first + 4)])
                seconds = time.perf_counter() - begin
                row["mb_a_second"] = 2 * n * 2**20 / 1e6 / seconds
    return row


def _nothing() -> None:
    pass


def _echo(content: bytes) -> bytes:
    return content  # a chunk's ends are about as long as its starts


# The model


def model(seconds_per_start: float, senders: list[Row], executors: list[Row]) -> list[Row]:
    """Compute what a thousand workers would take for ten million starts of the large network."""
    rows = []
    for executor in executors:
        for own in senders:
            rows_of_chunk = own["chunk_size"]
            n_bytes = own["bytes_out_per_start"] + own["bytes_back_per_start"]
            carried = 1e6 * executor["mb_a_second"] / (n_bytes * rows_of_chunk)
            chunks_a_second = min(
                executor["tasks_a_second_2"], carried, 1e3 / own["ms_sent_per_chunk"]
            )
            chunk_seconds = seconds_per_start * rows_of_chunk
            alone = MODELLED * seconds_per_start / WORKERS
            held = max(alone, MODELLED / rows_of_chunk / chunks_a_second) + chunk_seconds
            rows.append(
                {
                    "executor": executor["executor"],
                    "chunk_size": rows_of_chunk,
                    "mb_of_chunk": n_bytes * rows_of_chunk / 1e6,
                    "seconds_of_chunk": chunk_seconds,
                    "chunks_a_second": chunks_a_second,
                    "workers_at_saturation": chunk_seconds * chunks_a_second,
                    "minutes": held / 60,
                    "efficiency": alone / held,
                }
            )
    return rows


# Tables


def tables(result: Row) -> dict[str, str]:
    """Return the tables of the page, by their marks."""
    trial = "A trial with few starts, on a busy machine: not a measurement.\n\n"
    before = trial if result["share"] < 1 else ""
    return {
        "scale searches": before + _search_table(result),
        "scale sender": before + _sender_table(result),
        "scale executors": before + _executor_table(result),
        "scale model": before + _model_table(result),
    }


def _search_table(result: Row) -> str:
    lines = [
        "| network | starts | chunk | search | seconds | starts a second | of the ideal "
        "| ms a chunk over it |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for name in ("small", "large"):
        rows = result[name]
        one = next(row["seconds"] for row in rows if row["how"] == "in memory")
        for row in rows:
            ideal = one / (2 if row["how"] == "2 workers" else 1)
            over = (row["seconds"] - ideal) / -(-row["starts"] // row["chunk_size"])
            lines.append(
                f"| {result['networks'][name]} | {row['starts']:,} | {row['chunk_size']:,} "
                f"| {row['how']} | {row['seconds']:.1f} | {row['starts'] / row['seconds']:,.0f} "
                f"| {100 * ideal / row['seconds']:.0f}% | {1e3 * over:.1f} |"
            )
    return "\n".join(lines)


def _sender_table(result: Row) -> str:
    lines = [
        "| chunk | bytes a start, out | back | on the disk | ms a chunk to copy its starts "
        "| ms a chunk to send it, take it back and write it |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['chunk_size']:,} | {row['bytes_out_per_start']:,.0f} "
        f"| {row['bytes_back_per_start']:,.0f} | {row['bytes_stored_per_start']:,.0f} "
        f"| {row['ms_copied_per_chunk']:.1f} | {row['ms_sent_per_chunk']:.1f} |"
        for row in result["sender"]
    ]
    return "\n".join(lines)


def _executor_table(result: Row) -> str:
    lines = [
        "| executor | empty tasks a second, 1 worker | 2 workers | MB a second, both ways |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {row['executor']} | {row['tasks_a_second_1']:,.0f} | {row['tasks_a_second_2']:,.0f} "
        f"| {row['mb_a_second']:,.0f} |"
        for row in result["executors"]
    ]
    return "\n".join(lines)


def _model_table(result: Row) -> str:
    lines = [
        "| executor | chunk | MB a chunk | s a chunk on a worker | chunks a second, at most "
        "| workers that it keeps busy | minutes for 10⁷ starts by 1,000 workers | of the ideal |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['executor']} | {row['chunk_size']:,} | {row['mb_of_chunk']:.1f} "
        f"| {row['seconds_of_chunk']:.2f} | {row['chunks_a_second']:.0f} "
        f"| {row['workers_at_saturation']:,.0f} | {row['minutes']:.1f} "
        f"| {100 * row['efficiency']:.0f}% |"
        for row in result["model"]
    ]
    return "\n".join(lines)


def measure(share: float) -> Row:
    """Measure all, and compute what follows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cell, states = small()
        of_small = searches(cell, states(round(N * share)), CHUNK, folder / "small")
        cell, states = large()
        n = max(64, round(N_LARGE * share))
        of_large = searches(cell, states(n), max(16, n // 16), folder / "large")
        senders = [sender(cell, states, size, folder) for size in SIZES]
        executors = [rates(name, share) for name in EXECUTORS]
    alone = next(row for row in of_large if row["how"] == "in memory")
    return {
        "share": share,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "packages": versions(),
        "networks": {"small": "random GRU, H = 16", "large": "GRU of IMDB, H = 256"},
        "small": of_small,
        "large": of_large,
        "sender": senders,
        "executors": executors,
        "model": model(alone["seconds"] / alone["starts"], senders, executors),
    }


def main() -> None:
    """Measure and write, or write the tables again."""
    parser = argparse.ArgumentParser(description="Measure searches by workers.")
    parser.add_argument("--share", type=float, default=1.0, help="of the starts, for a trial")
    parser.add_argument("--tables", action="store_true", help="make the tables of the results")
    options = parser.parse_args()
    if not options.tables:
        write_json(RESULTS, measure(options.share))
    result = json.loads(RESULTS.read_text("utf-8"))
    fill(PAGE, tables(result))


if __name__ == "__main__":
    main()
