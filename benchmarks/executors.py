"""What a chunk costs that an executor's workers do: milliseconds and bytes.

`python -m benchmarks.executors` writes `results/executors.json` and the tables of
docs/executors.md. It needs a quiet machine of two cores for about two minutes, and joblib and Dask.
Bytes are counted, and the same on every machine.

Empty chunks tell what an executor and the sender take for one. A search tells what remains for the
calling process, which confirms minima for all starts together: workers do not share in that.
"""

from __future__ import annotations

import json
import platform
import statistics
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

import nullcline as nc
from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.distribution import Chunk, send_chunks
from nullcline.distribution.parcels import parcels_of
from nullcline.search import find
from testing.trained_networks import LAYERS, trained_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = dict[str, Any]

RESULTS = ROOT / "benchmarks" / "results" / "executors.json"
PAGE = ROOT / "docs" / "executors.md"

N_WORKERS = 2
N_CHUNKS = 2000
ROUNDS = 5
SIZES = (64, 256, 1024)
"""Starts of a chunk whose bytes are counted."""

N_STARTS = 4000


@contextmanager
def loky(n_workers: int) -> Iterator[Any]:
    """Yield joblib's reusable executor."""
    from joblib.externals.loky import get_reusable_executor

    executor = get_reusable_executor(n_workers)
    try:
        yield executor
    finally:
        executor.shutdown()


@contextmanager
def dask(n_workers: int) -> Iterator[Any]:
    """Yield the executor of a cluster of Dask on this machine."""
    from distributed import Client, LocalCluster

    connect: Any = Client
    make: Any = LocalCluster
    with (
        make(n_workers=n_workers, threads_per_worker=1, dashboard_address=None) as cluster,
        connect(cluster) as client,
    ):
        yield client.get_executor()


EXECUTORS: dict[str, Callable[[int], Any]] = {
    "ThreadPoolExecutor": ThreadPoolExecutor,
    "ProcessPoolExecutor (fork)": partial(ProcessPoolExecutor, mp_context=get_context("fork")),
    "ProcessPoolExecutor (spawn)": partial(ProcessPoolExecutor, mp_context=get_context("spawn")),
    "loky": loky,
    "Dask": dask,
}


class Counting:
    """An executor that does tasks at once, and counts the bytes of each and of its answer."""

    num_workers = 1

    def __init__(self) -> None:
        self.out: list[int] = []
        self.back: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Do a task."""
        *_, contents, call, _ = args
        future: Future[Any] = Future()
        answer = fn(*args)
        self.out.append(len(call) + sum(map(len, contents.values())))
        self.back.append(len(answer[1]))
        future.set_result(answer)
        return future


def counts(name: str, layer: int, n_rows: int) -> Row:
    """Count the bytes of a chunk's starts and ends, and those of the network."""
    trained = trained_layer(name, layer)
    cell, starts = trained.cell(), _starts(trained, 3 * n_rows)
    executor = Counting()
    nc.find_fixed_points(cell, starts, executor=executor, chunk_size=n_rows)
    (parcel,) = parcels_of({"cell": cell}).values()
    return {
        "network": f"{name}, layer {layer}",
        "type": str(cell.dtype),
        "units": cell.hidden_size,
        "rows": n_rows,
        "bytes_of_cell": len(parcel.content),
        "bytes_out": executor.out[-1],  # the first took the cell along
        "bytes_back": executor.back[-1],
    }


def empty(_: object, *__: Any, **___: Any) -> None:
    """Do nothing with a chunk."""


def overhead(name: str) -> Row:
    """Time empty chunks: by the clock, and on this process's processor."""
    seconds, own = [], []
    function = import_module("benchmarks.executors").empty  # workers know no `__main__`
    with EXECUTORS[name](N_WORKERS) as executor:
        for n_chunks in (20, *[N_CHUNKS] * ROUNDS):  # the first is for workers to begin
            begin, own_begin = time.perf_counter(), time.process_time()
            chunks = (Chunk((i,)) for i in range(n_chunks))
            with send_chunks(executor, function, chunks, shared={}) as answers:
                for _ in answers:
                    pass
            seconds.append((time.perf_counter() - begin) / n_chunks)
            own.append((time.process_time() - own_begin) / n_chunks)
    return {
        "executor": name,
        "ms_per_chunk": 1e3 * statistics.median(seconds[1:]),
        "own_ms_per_chunk": 1e3 * statistics.median(own[1:]),
    }


def search(name: str, layer: int) -> Row:
    """Time a search on one thread, what of it is done for all starts together, and two workers."""
    trained = trained_layer(name, layer)
    cell, starts = trained.cell(), _starts(trained, N_STARTS)
    alone, together, by_two = [], [], []
    module: Any = find
    confirm, spent = module.confirm, [0.0]

    def timed(*arguments: Any) -> Any:
        begin = time.process_time()
        try:
            return confirm(*arguments)
        finally:
            spent[0] += time.process_time() - begin

    with ExitStack() as stack:
        stack.enter_context(patch.object(find, "confirm", timed))
        pool = stack.enter_context(EXECUTORS["ProcessPoolExecutor (spawn)"](N_WORKERS))
        for warm in (True, *[False] * ROUNDS):
            spent[0] = 0.0
            some = starts[:512] if warm else starts
            begin = time.process_time()
            nc.find_fixed_points(cell, some, n_threads=1)
            alone.append(time.process_time() - begin)
            together.append(spent[0])
            begin = time.perf_counter()
            nc.find_fixed_points(cell, some, executor=pool)
            by_two.append(time.perf_counter() - begin)
    return {
        "network": f"{name}, layer {layer}",
        "starts": N_STARTS,
        "seconds_alone": statistics.median(alone[1:]),
        "seconds_together": statistics.median(together[1:]),
        "seconds_by_two_workers": statistics.median(by_two[1:]),
    }


def _starts(trained: Any, n: int) -> Any:
    """Return states around those that a network visits."""
    rng = np.random.default_rng(0)
    visited = trained.starts[rng.integers(len(trained.starts), size=n)]
    near = np.clip(visited + rng.normal(0, 1e-3, visited.shape), -1, 1)
    return near.astype(trained.cell().dtype)


def tables(result: Row) -> dict[str, str]:
    """Return the tables of the page, by their marks."""
    sent = [
        "| network | starts a chunk | the network, once a worker | sent a chunk | back | a start |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    sent += [
        f"| {row['network']}, {row['units']} units, {row['type']} | {row['rows']:,} "
        f"| {row['bytes_of_cell']:,} bytes | {row['bytes_out']:,} | {row['bytes_back']:,} "
        f"| {(row['bytes_out'] + row['bytes_back']) / row['rows']:,.0f} |"
        for row in result["bytes"]
    ]
    took = [
        "| executor, 2 workers | ms an empty chunk | of these, of the calling process |",
        "|---|---:|---:|",
    ]
    took += [
        f"| {row['executor']} | {row['ms_per_chunk']:.2f} | {row['own_ms_per_chunk']:.2f} |"
        for row in result["overhead"]
    ]
    shared = [
        "| network | starts | s alone, 1 thread | of these, for all starts together "
        "| s, 2 workers |",
        "|---|---:|---:|---:|---:|",
    ]
    shared += [
        f"| {row['network']} | {row['starts']:,} | {row['seconds_alone']:.2f} "
        f"| {row['seconds_together']:.2f} | {row['seconds_by_two_workers']:.2f} |"
        for row in result["searches"]
    ]
    return {
        "executor bytes": "\n".join(sent),
        "executor overhead": "\n".join(took),
        "executor searches": "\n".join(shared),
    }


def main() -> None:
    """Measure all, and write it."""
    name, layer = LAYERS[0]
    result: Row = {
        "versions": versions(),
        "machine": platform.processor() or platform.machine(),
        "bytes": [counts(name, layer, rows) for rows in SIZES],
        "overhead": [overhead(executor) for executor in EXECUTORS],
        "searches": [search(*of) for of in LAYERS],
    }
    write_json(RESULTS, result)
    fill(PAGE, tables(result))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
