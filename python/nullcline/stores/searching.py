"""A search from more starts than memory holds, whose results go to the disk as they come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline._support.folder_lock import locked
from nullcline._support.versions import own_version
from nullcline.cells.protocol import require_cell
from nullcline.distribution import require_executor
from nullcline.gpu.device import chosen_gpu
from nullcline.search.find import find_fixed_points
from nullcline.search.fixed_points import FixedPoints
from nullcline.search.progress import reporter
from nullcline.stores import description
from nullcline.stores.copying import copy_given, opened
from nullcline.stores.description import Description, Settings, cell_to_keep
from nullcline.stores.finding import find_missing
from nullcline.stores.given import Given
from nullcline.stores.stored_points import StoredPoints

if TYPE_CHECKING:
    import os

    import torch
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.distribution.executors import GivenExecutor
    from nullcline.search.progress import Report

_BYTES_OF_A_CHUNK = 2**22
_MOST_ROWS = 2**16
"""How many starts go into a chunk unless the user says: 4 MiB of them, so that a chunk of most
networks takes seconds, and what a kill loses and what is sent to a worker is little beside it
(benchmarks/scale.py)."""

_FEW = 4
"""The starts from which a function's steps are compared."""


def search_to_store(
    cell: Cell,
    starts: Any,
    inputs: Any = None,
    *,
    store: str | os.PathLike[str],
    executor: GivenExecutor | None = None,
    chunk_size: int | None = None,
    method: str = "auto",
    unresolved: str | None = None,
    deflate: FixedPoints | ArrayLike | None = None,
    tol_unique: float = 1e-3,
    tol_slow: float = 1e-6,
    max_iterations: int | None = None,
    n_threads: int | None = None,
    device: str | torch.device = "cpu",
    progress: bool | Report = False,
) -> StoredPoints:
    """Search as `find_fixed_points` does, with starts and results on disk, larger than memory.

    Starts are first read through, chunk by chunk, checked and copied into the store; then they are
    searched from, chunk by chunk, here or by an executor's workers, and each chunk of the result is
    written when it comes. No more than a few chunks are in memory. The rows are those that
    `find_fixed_points` returns from all starts at once, bit for bit on processors that are alike
    (a function's may differ by rounding). docs/scale.md has programs for clusters.

    A search that was killed, or met a full disk, goes on where it stopped when it is called again.
    It must then be the same: cell, starts, inputs, `chunk_size`, method, tolerances, limits, kind
    of device and version of nullcline. Each chunk has a digest (SHA-256); one that was damaged
    meanwhile is searched again, with a warning.

    Parameters
    ----------
    cell
        The cell, as in `find_fixed_points`.
    starts
        States to start from, shape (n, S): an array of NumPy, a memory map (``numpy.load(path,
        mmap_mode="r")``), an array of Dask, Zarr or HDF5; whatever has a shape and a type and gives
        some of its rows as an array. n may be 0.
    inputs
        The constant input, as in `find_fixed_points`; one for each start, shape (n, D), may be
        larger than memory, too. Under c labelled conditions the result has c n rows.
    store
        The folder to write to, made if need be; or that of the same search.
    executor
        Who searches: anything with the interface of `concurrent.futures.Executor`, or a function
        that makes one, as in `find_fixed_points`; None for this process.
    chunk_size
        How many starts a worker gets at once, and how many rows a file holds; None for 4 MiB of
        states, at most 65536 rows, or, in a store that is there, for what it has.
    method, unresolved, deflate, tol_unique, tol_slow, max_iterations, n_threads, device, progress
        As in `find_fixed_points`. Starts and results are on the host, whatever the device.

    Returns
    -------
    StoredPoints
        All rows, read from the store as far as they are asked for.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, as in `find_fixed_points`; if the folder
        holds another search, by the name of what differs.
    BlockingIOError
        If another process is searching with this store.
    FileExistsError
        If the folder holds something else.
    OSError
        If the store cannot be written to, as on a full disk; what has been found stays.
    """
    require_cell(cell)
    require_executor(executor)
    store, given = Path(store), Given.of(cell, starts, inputs)
    shared: dict[str, Any] = {
        "cell": cell,
        "options": {
            "method": method,
            "unresolved": unresolved,
            "deflate": _states_of(cell, deflate, given),
            "tol_unique": tol_unique,
            "tol_slow": tol_slow,
            "max_iterations": max_iterations,
            "device": device,
        },
    }
    # Checks all options, of which a search of no start needs none.
    find_fixed_points(cell, given.starts.read(0, 0), **shared["options"], n_threads=n_threads)
    if executor is not None and chosen_gpu(device) is not None:
        raise ValueError('executor searches on processors: leave it out, or pass device="cpu"')
    with locked(store, "store"), reporter(progress, given.n_rows) as report:
        own = _describe(shared, given, _chunk_size(chunk_size, store, cell))
        layout = opened(store, own, cell)
        copy_given(layout, given)
        find_missing(layout, shared, executor, n_threads, report)
    return StoredPoints(store, cell=cell)


def _states_of(cell: Cell, deflate: FixedPoints | ArrayLike | None, given: Given) -> Floats | None:
    """Return the states that are divided out."""
    if deflate is None:
        return None
    if given.own_inputs is not None or (given.labels is not None and len(given.labels) > 1):
        raise ValueError("deflate needs one input for all starts: fixed points depend on it")
    states = deflate.select("fixed").unique().h if isinstance(deflate, FixedPoints) else deflate
    return validation.rows("deflate", states, cell.state_size, cell.dtype, cell.hidden_size)


def _describe(shared: dict[str, Any], given: Given, chunk_size: int) -> Description:
    cell, options = shared["cell"], shared["options"]
    limit = options["max_iterations"]
    settings = Settings(
        nullcline=own_version(),
        n_starts=len(given.starts),
        state_size=cell.state_size,
        input_size=cell.input_size,
        dtype=str(cell.dtype),
        per_start=given.own_inputs is not None,
        chunk_size=chunk_size,
        method=options["method"],
        unresolved=options["unresolved"],
        tol_unique=float(options["tol_unique"]),
        tol_slow=float(options["tol_slow"]),
        max_iterations=None if limit is None else int(limit),
        device="cpu" if chosen_gpu(options["device"]) is None else "cuda",
    )
    kept = cell_to_keep(cell)
    return Description(
        settings=settings,
        cell=kept,
        inputs=given.inputs,
        labels=given.labels,
        deflated=options["deflate"],
        steps=_first_steps(cell, given) if kept is None and len(given.starts) else None,
    )


def _chunk_size(chunk_size: int | None, store: Path, cell: Cell) -> int:
    """Return the rows of a chunk: what the user says, what a store has, or what fits most."""
    if chunk_size is not None:
        return validation.whole_number("chunk_size", chunk_size, 1)
    if (store / description.FILE).exists():
        return Description.read(store).settings.chunk_size
    return max(1, min(_MOST_ROWS, _BYTES_OF_A_CHUNK // (cell.state_size * cell.dtype.itemsize)))


def _first_steps(cell: Cell, given: Given) -> NDArray[np.float64]:
    """Return where a cell goes from the first starts."""
    first = given.read(0, min(_FEW, len(given.starts)))
    inputs = first.get("inputs", None if given.inputs is None else given.inputs[:1])
    return cell.step(first["starts"], inputs).astype(np.float64)
