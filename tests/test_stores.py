"""Searches that write to a store: what is in it, what it survives, and what it refuses."""

from __future__ import annotations

import dataclasses
import pickle
import shutil
import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline._support.folder_lock import locked
from nullcline._support.versions import own_version
from nullcline.search import confirm
from nullcline.stores import searching
from nullcline.stores.distinct import distinct
from testing.every_cell import random_network
from testing.full_disk import files_of_at_most
from testing.kills import Moments
from testing.search_checks import assert_equal

# Python, and JAX where another test has loaded it, warn of every fork that has other threads.
pytestmark = [
    pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

N, SIZE, CHUNK = 53, 6, 8
GRU = random_network("gru", SIZE, 2, 3.0, seed=4).cell()
STARTS = np.random.default_rng(0).uniform(-1, 1, (N, SIZE))
INPUTS = {
    "none": None,
    "one": np.array([1.0, 0.0]),
    "of each start": np.random.default_rng(1).normal(size=(N, 2)),
    "labelled": {"a": np.zeros(2), "b": np.ones(2), "c": np.array([0.5, 0.2])},
    "numbered": {3: np.zeros(2), 1: np.ones(2)},
}
POINTS = nc.find_fixed_points(GRU, STARTS)


def assert_same(found: nc.FixedPoints, expected: nc.FixedPoints) -> None:
    """Check that two results are the same, bit for bit, in all that they have."""
    assert_equal(found, expected)
    for name in ("inputs", "condition", "count"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert (ours is None) == (theirs is None), name
        if theirs is not None:
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
    assert found.tol_unique == expected.tol_unique
    assert found.h.dtype == expected.h.dtype


def search(store: Path, starts: Any = STARTS, **options: Any) -> nc.StoredPoints:
    return nc.search_to_store(GRU, starts, store=store, **{"chunk_size": CHUNK, **options})


def content(store: Path) -> dict[str, bytes]:
    """Return the bytes of every file."""
    paths = [path for path in store.rglob("*") if path.is_file()]
    return {path.relative_to(store).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "points.zarr"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which the search has ended, which no test changes."""
    place = tmp_path_factory.mktemp("whole") / "points.zarr"
    search(place)
    return place


@pytest.fixture
def copy(whole: Path, store: Path) -> Path:
    """Return a store in which the search has ended, to be spoilt."""
    shutil.copytree(whole, store)
    return store


# What is in it


@pytest.mark.parametrize("inputs", INPUTS)
def test_a_store_holds_what_a_search_in_memory_returns(store: Path, inputs: str) -> None:
    expected = nc.find_fixed_points(GRU, STARTS, INPUTS[inputs], tol_unique=1e-4)
    stored = search(store, inputs=INPUTS[inputs], tol_unique=1e-4)
    assert_same(stored.load(), expected)
    assert_same(stored.unique(), expected.unique())
    assert len(stored) == len(expected)
    part = nc.concatenate(list(stored.chunks()))
    assert_equal(part, expected)


@pytest.mark.parametrize("kind", ["lstm", "leaky"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("limit", [None, 12])
def test_a_store_holds_the_same_bits_whatever_the_chunks(
    store: Path, kind: str, dtype: type, limit: int | None
) -> None:
    cell = random_network(kind, 12, 2, 3.0, seed=3).cell(dtype)
    starts: Any = np.random.default_rng(3).uniform(-1, 1, (60, cell.state_size)).astype(dtype)
    expected = nc.find_fixed_points(cell, starts, max_iterations=limit)
    assert len(set(expected.kind)) > 1
    for chunk_size in (7, 100):
        stored = nc.search_to_store(
            cell, starts, store=store / str(chunk_size), chunk_size=chunk_size, max_iterations=limit
        )
        assert_same(stored.load(), expected)


def test_an_end_that_goes_on_is_limited_by_no_other_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def go_on(_: object, ends: Any, __: object, left: NDArray[np.intp]) -> Any:
        limits.append(set(left.tolist()))
        return ends

    def none_is(_: object, h: NDArray[np.float64], __: object) -> NDArray[np.bool_]:
        return np.zeros(len(h), np.bool_)

    limits: list[set[int]] = []
    monkeypatch.setattr(confirm._Judge, "_are_minima", none_is)
    monkeypatch.setattr(confirm._Judge, "_go_on", go_on)
    cell = random_network("leaky", 12, 2, 3.0, seed=3).cell()
    starts = np.random.default_rng(3).uniform(-1, 1, (60, 12))
    nc.find_fixed_points(cell, starts, max_iterations=60)
    assert len(limits) > 1
    assert all(len(limit) == 1 for limit in limits)


def test_a_stack_and_its_reasons_are_stored(store: Path) -> None:
    stack = nc.Stack([random_network(kind, 5, 5, 2.0, seed=7).cell() for kind in ("gru", "lstm")])
    starts = np.random.default_rng(2).uniform(-1, 1, (20, stack.state_size))
    expected = nc.find_fixed_points(stack, starts, max_iterations=9)
    assert len(set(expected.reason)) > 1
    stored = nc.search_to_store(stack, starts, store=store, chunk_size=3, max_iterations=9)
    assert_same(stored.load(), expected)
    assert repr(stored.cell) == repr(stack)


def test_rows_are_those_of_points_in_memory(whole: Path) -> None:
    stored = nc.StoredPoints(whole)
    mask = np.random.default_rng(3).random(N) < 0.4
    for which in (7, -1, slice(5, 30), slice(None, None, -3), mask, [50, 3, 3, 20], [], "fixed"):
        assert_same(stored[which], POINTS[which])
    for name in ("h", "q", "kind", "reason", "iterations", "starts", "count"):
        column, array = getattr(stored, name), getattr(POINTS, name)
        assert column.shape == array.shape
        assert len(column) == N
        np.testing.assert_array_equal(column, array)
        for rows in (4, -2, slice(3, 21), slice(40, 2, -5), mask, [9, 1]):
            np.testing.assert_array_equal(column[rows], array[rows])
    np.testing.assert_array_equal(stored.h[3:20, 2], POINTS.h[3:20, 2])
    assert stored.h[4, 1] == POINTS.h[4, 1]
    assert [point.q[0] for point in stored] == POINTS.q.tolist()


def test_what_no_points_have_is_refused_as_by_points_in_memory(whole: Path) -> None:
    stored = nc.StoredPoints(whole)
    for which in (N, (0, 1), "rapid", None, 0.5):
        errors = []
        for points in (POINTS, stored):
            with pytest.raises((IndexError, TypeError, ValueError)) as caught:
                points[which]  # type: ignore[index]
            errors.append((caught.type, str(caught.value)))
        assert errors[0] == errors[1]
    with pytest.raises(TypeError, match=r"pass their states, points\.h"):
        np.asarray(stored)


def test_a_store_is_shown_in_a_line_and_a_table(whole: Path) -> None:
    stored = nc.StoredPoints(whole)
    assert repr(stored) == f"StoredPoints({N} starts in 7 chunks; S = {SIZE}; points.zarr)"
    assert "53 × 6, float64" in stored._repr_html_()
    assert "53 × 6, float64" in stored.h._repr_html_()


def test_a_store_pickles_as_its_path(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(whole.parent)
    pickled = pickle.dumps(nc.StoredPoints("points.zarr"))
    monkeypatch.chdir("/")
    assert len(pickled) < 1000
    assert_same(pickle.loads(pickled).load(), POINTS)  # noqa: S301 - our own


def test_a_search_without_starts_is_stored(store: Path) -> None:
    stored = search(store, STARTS[:0])
    assert_same(stored.load(), nc.find_fixed_points(GRU, STARTS[:0]))
    assert len(stored.unique()) == 0
    assert list(stored) == []


# Distinct points


def cloud(store: Path, tol_unique: float, n: int = 200) -> tuple[nc.StoredPoints, nc.FixedPoints]:
    """Return ends that lie wherever they started, so that chains of them are near each other."""
    still = nc.RNN(np.zeros((3, 1)), np.eye(3), nonlinearity="relu")
    starts = np.random.default_rng(4).uniform(0, 1, (n, 3))
    options: dict[str, Any] = {"tol_unique": tol_unique, "max_iterations": 0}
    stored = nc.search_to_store(still, starts, store=store, chunk_size=23, **options)
    return stored, nc.find_fixed_points(still, starts, **options)


@pytest.mark.parametrize("tol_unique", [0.0, 0.1, 0.3])
def test_chains_of_close_ends_are_merged_as_in_memory(store: Path, tol_unique: float) -> None:
    stored, expected = cloud(store, tol_unique)
    distinct = expected.unique()
    assert len(distinct) == 200 if tol_unique == 0 else len(distinct) < 190
    assert_same(stored.unique(), distinct)


def test_unconverged_ends_are_merged_where_they_take_part(store: Path) -> None:
    stored = search(store, max_iterations=2, tol_unique=0.05)
    expected = nc.find_fixed_points(GRU, STARTS, max_iterations=2, tol_unique=0.05)
    assert (expected.kind == "unconverged").any()
    assert_same(stored.unique(unconverged=True), expected.unique(unconverged=True))
    assert_same(stored.unique(), expected.unique())


def test_ends_that_are_not_finite_are_alone() -> None:
    h, kind = POINTS.h.copy(), POINTS.kind.copy()
    h[::9, 1], kind[::9] = np.nan, "unconverged"
    points = dataclasses.replace(POINTS, h=h, kind=kind)
    chunks = [points[first : first + 7] for first in range(0, N, 7)]
    for unconverged in (True, False):
        found = distinct(lambda: chunks, points[:0], unconverged=unconverged)
        assert_same(found, points.unique(unconverged=unconverged))


# What it takes, and how much memory


class Counted:
    """An array that is read in pieces, and notes how large the largest is."""

    def __init__(self, array: NDArray[np.float64]) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.largest = 0

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        found = self.array[rows]
        self.largest = max(self.largest, len(found))
        return found


def test_starts_are_read_and_results_written_in_bounded_memory(store: Path) -> None:
    cell = nc.RNN(np.eye(64), 0.5 * np.eye(64))
    rng = np.random.default_rng(5)
    n, chunk_size = 2000, 40
    starts, inputs = Counted(rng.uniform(-1, 1, (n, 64))), Counted(rng.normal(size=(n, 64)))
    nc.search_to_store(cell, starts[:5], store=store / "first", chunk_size=2).unique()  # imports
    tracemalloc.start()
    stored = nc.search_to_store(cell, starts, inputs, store=store / "all", chunk_size=chunk_size)
    searching_takes = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    assert sum(map(len, stored.chunks())) == n
    reading_takes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert max(starts.largest, inputs.largest) == chunk_size
    chunk = chunk_size * 64 * 8
    assert max(searching_takes, reading_takes) < 20 * chunk < n * 64 * 8 / 2


def test_distinct_points_are_found_in_bounded_memory(store: Path) -> None:
    cell = nc.RNN(np.eye(64), 2.0 * np.eye(64))
    starts = np.sign(np.random.default_rng(6).normal(size=(2000, 1))) * np.ones(64)
    stored = nc.search_to_store(cell, starts, store=store, chunk_size=40)
    stored[:5].unique()
    tracemalloc.start()
    assert stored.unique().count.sum() == 2000
    assert tracemalloc.get_traced_memory()[1] < 20 * 40 * 64 * 8 < starts.nbytes / 2
    tracemalloc.stop()


def test_starts_may_be_memory_maps_lists_and_arrays_of_other_types(tmp_path: Path) -> None:
    whole_numbers = np.round(STARTS * 3).astype(np.int8)
    single = STARTS.astype(np.float32)
    np.save(tmp_path / "starts.npy", np.asfortranarray(STARTS))
    mapped = np.load(tmp_path / "starts.npy", mmap_mode="r")
    for i, given in enumerate((mapped, STARTS.tolist(), whole_numbers, single)):
        stored = search(tmp_path / str(i), given)
        assert_equal(stored.load(), nc.find_fixed_points(GRU, given))


def test_starts_and_inputs_may_be_arrays_of_dask(store: Path) -> None:
    array: Any = pytest.importorskip("dask.array")
    inputs = INPUTS["of each start"]
    stored = search(store, array.from_array(STARTS, (10, 2)), inputs=array.from_array(inputs, 9))
    assert_same(stored.load(), nc.find_fixed_points(GRU, STARTS, inputs))
    columns = stored.to_dask()
    for name, column in columns.items():
        np.testing.assert_array_equal(column.compute(), getattr(stored.load(), name))
    unknown = array.from_array(STARTS)[array.from_array(STARTS)[:, 0] > 0]
    with pytest.raises(ValueError, match=r"pass starts\.compute_chunk_sizes\(\)"):
        search(store, unknown)


def test_zarr_reads_stores_and_stores_read_zarr(tmp_path: Path, whole: Path) -> None:
    zarr: Any = pytest.importorskip("zarr")
    given = zarr.open(str(tmp_path / "starts.zarr"), mode="w", shape=STARTS.shape, dtype="f8")
    given[:] = STARTS
    assert_same(search(tmp_path / "points.zarr", given).load(), POINTS)
    group = zarr.open_group(str(whole), mode="r")
    assert {"h", "q", "kind", "reason", "iterations", "starts"} <= set(group.array_keys())
    for name in ("h", "q", "iterations", "starts"):
        np.testing.assert_array_equal(group[name][:], getattr(POINTS, name))
    opened = pytest.importorskip("xarray").open_zarr(str(whole), consolidated=False)
    np.testing.assert_array_equal(opened["h"], POINTS.h)
    for name in ("kind", "reason"):
        texts = np.array(group[name].attrs["texts"])
        np.testing.assert_array_equal(texts[group[name][:]], getattr(POINTS, name))


# Executors, and progress


@pytest.mark.parametrize("workers", [ProcessPoolExecutor, ThreadPoolExecutor])
def test_an_executor_writes_the_same_store(
    whole: Path, store: Path, workers: Callable[[int], Any]
) -> None:
    told: list[int] = []
    with workers(2) as executor:
        search(store, executor=executor, progress=lambda done, _: told.append(done))
    found, expected = content(store), content(whole)
    assert told == sorted(told)
    assert told[-1] == N
    # The order in which chunks came decides how reasons are numbered.
    numbers = [name for name in expected if name.startswith(("reason/", "found/"))]
    assert all(found[name] == expected[name] for name in expected if name not in numbers)
    assert_same(nc.StoredPoints(store).load(), POINTS)


def test_progress_counts_what_is_there_and_may_end_the_search(whole: Path, store: Path) -> None:
    def report(done: int, total: int) -> None:
        assert total == N
        told.append(done)
        if done >= 3 * CHUNK and len(stops) == 0:
            stops.append(done)
            raise KeyboardInterrupt

    told: list[int] = []
    stops: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        search(store, progress=report)
    with pytest.raises(ValueError, match=r"has not ended: \d of its 7 chunks are missing; run the"):
        nc.StoredPoints(store)
    told.clear()
    search(store, progress=report)
    assert told[0] >= 2 * CHUNK
    assert told[-1] == N
    assert content(store) == content(whole)


# What it survives


@pytest.mark.parametrize("seed", range(8))
def test_a_search_that_is_killed_goes_on_to_the_same_bytes(
    tmp_path: Path, whole: Path, moments: Moments, seed: int
) -> None:
    store = tmp_path / "points.zarr"
    for share in np.random.default_rng(seed).random(2):  # the second one kills a resumption
        moments.kill(lambda: search(store, n_threads=1), float(share))
        if (store / "search" / "0").exists():
            check_chunks_are_whole(store)
    search(store, n_threads=1)
    assert content(store) == content(whole)


@pytest.mark.parametrize("seed", range(4))
def test_a_search_by_an_executor_that_is_killed_goes_on_with_any_other(
    tmp_path: Path, whole: Path, moments: Moments, seed: int
) -> None:
    store = tmp_path / "points.zarr"

    def search_in_threads() -> None:
        with ThreadPoolExecutor(2) as executor:
            search(store, executor=executor)

    moments.kill(search_in_threads, float(np.random.default_rng(seed).uniform(0.3, 1)))
    (search_in_threads if seed % 2 else partial(search, store))()
    assert content(store).keys() == content(whole).keys()
    assert_same(nc.StoredPoints(store).load(), POINTS)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Moments:
    place = tmp_path_factory.mktemp("moments") / "points.zarr"
    return Moments.of(lambda: search(place, n_threads=1), timed=False)


def check_chunks_are_whole(store: Path) -> None:
    """Check that Zarr's files have the size that all chunks have, and none is cut short."""
    sizes = {"h": SIZE * 8, "starts": SIZE * 8, "q": 8, "kind": 1, "reason": 2, "iterations": 4}
    for name, size in sizes.items():
        for path in (store / name).glob("[0-9]*"):
            assert path.stat().st_size == CHUNK * size


@pytest.mark.parametrize("size", [10, 300, 400])
def test_a_full_disk_is_told_and_nothing_is_lost(store: Path, whole: Path, size: int) -> None:
    with files_of_at_most(size), pytest.raises(OSError, match="File too large") as caught:
        search(store)
    assert str(store) in str(caught.value.filename)
    search(store)
    assert content(store) == content(whole)


def test_a_disk_that_is_full_later_keeps_what_was_found(
    store: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = nc.stores.layout.Layout.write

    def write_on_a_full_disk(self: Any, chunk: int, rows: Any) -> None:
        with files_of_at_most(CHUNK * SIZE * 8 - 1 if chunk == 3 else 10**6):
            write(self, chunk, rows)

    monkeypatch.setattr(nc.stores.layout.Layout, "write", write_on_a_full_disk)
    with pytest.raises(OSError, match="File too large"):
        search(store)
    monkeypatch.undo()
    found = {path.name for path in (store / "found").glob("[0-9]*")}
    assert found == {"0.0.0", "1.0.0", "2.0.0"}
    search(store)
    assert content(store) == content(whole)


@pytest.mark.parametrize("how", ["flipped", "cut", "removed"])
@pytest.mark.parametrize("name", ["h", "q", "kind", "reason", "iterations", "starts", "found"])
def test_damage_is_told_and_mended(copy: Path, whole: Path, name: str, how: str) -> None:
    before = content(whole)
    path = next(path for path in sorted((copy / name).glob("2*")))
    spoil(path, how)
    if name == "found" and how == "removed":  # the chunk is not there
        with pytest.raises(ValueError, match="1 of its 7 chunks are missing"):
            nc.StoredPoints(copy)
        search(copy)
    else:
        stored = nc.StoredPoints(copy)
        stored[:CHUNK]
        with pytest.raises(ValueError, match=r"is damaged|is missing") as caught:
            stored.load()
        assert str(copy) in str(caught.value)
        with pytest.raises(ValueError, match=r"is damaged|is missing"):
            stored.unique()
        with pytest.warns(RuntimeWarning, match=r"(searched|written) again"):
            search(copy)
    assert content(copy) == before


def spoil(path: Path, how: str) -> None:
    if how == "removed":
        path.unlink()
        return
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt[: len(spoilt) - 3] if how == "cut" else spoilt)


def test_damage_of_what_describes_the_store_is_told(copy: Path, whole: Path) -> None:
    for path in sorted(copy.rglob("*")):
        if not path.is_file() or path.name[0] in "013456":
            continue
        for how in ("flipped", "cut"):
            kept = path.read_bytes()
            spoil(path, how)
            try:
                found = nc.StoredPoints(copy).load()
            except ValueError as error:
                assert str(copy) in str(error)  # noqa: PT017 - it may be read all the same
            else:  # what was spoilt is for other readers, or between words of JSON
                assert_same(found, POINTS)
            path.write_bytes(kept)
    assert content(copy) == content(whole)


def test_starts_that_are_damaged_are_taken_from_those_that_are_given(copy: Path) -> None:
    spoil(copy / "starts" / "2.0", "flipped")
    others = STARTS.copy()
    others[2 * CHUNK] /= 2
    with pytest.warns(RuntimeWarning, match=r"written again"):
        stored = search(copy, others)
    assert_same(stored.load(), nc.find_fixed_points(GRU, others))


# What it refuses


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("with method 'auto' instead of 'lm'", {"method": "lm"}),
        ("with tol_slow 1e-06 instead of 1e-05", {"tol_slow": 1e-5}),
        ("with tol_unique 0.001 instead of 0.1", {"tol_unique": 0.1}),
        ("with max_iterations None instead of 5", {"max_iterations": 5}),
        ("with chunk_size 8 instead of 9", {"chunk_size": 9}),
        ("with the number of starts 53 instead of 52", {"starts": STARTS[:-1]}),
        ("with other starts in rows 16 to 23", {"starts": STARTS + (np.arange(N) == 20)[:, None]}),
        ("with other inputs", {"inputs": np.zeros(2)}),
        ("with other deflate", {"deflate": STARTS[:1]}),
        ("whether each start has its own input False instead", {"inputs": np.zeros((N, 2))}),
        ("with other labels|with other inputs", {"inputs": {"a": np.zeros(2)}}),
    ],
)
def test_another_search_is_refused_by_name(whole: Path, what: str, change: dict[str, Any]) -> None:
    before = content(whole)
    with pytest.raises(ValueError, match=f"store must name .* holds another, .*({what})"):
        search(whole, **change)
    assert content(whole) == before


def test_another_cell_is_refused(whole: Path) -> None:
    for cell in (
        random_network("gru", SIZE, 2, 3.0, seed=5).cell(),
        random_network("mgu", SIZE, 2, 3.0, seed=4).cell(),
    ):
        with pytest.raises(ValueError, match="holds another, of another cell; choose"):
            nc.search_to_store(cell, STARTS, store=whole, chunk_size=CHUNK)
    with pytest.raises(ValueError, match="with the type of the cell 'float64' instead"):
        nc.search_to_store(GRU_SINGLE, STARTS.astype(np.float32), store=whole, chunk_size=CHUNK)


GRU_SINGLE = random_network("gru", SIZE, 2, 3.0, seed=4).cell(np.float32)


def test_another_version_is_refused_by_both_names(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = own_version()
    monkeypatch.setattr(searching, "own_version", lambda: "9.9")
    with pytest.raises(ValueError, match=f"the version of nullcline '{own}' instead of '9.9'"):
        search(whole)
    assert_same(nc.StoredPoints(whole).load(), POINTS)


def test_two_searches_with_one_store_are_refused(store: Path) -> None:
    with locked(store, "store"), pytest.raises(BlockingIOError, match="another folder by store"):
        search(store)
    search(store)


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("\\bye")
    with pytest.raises(FileExistsError, match="store must name a new folder"):
        search(tmp_path)
    with pytest.raises(NotADirectoryError, match="store must name a folder"):
        search(tmp_path / "thesis.tex")
    with pytest.raises(FileNotFoundError, match=r"nullcline\.search_to_store writes one"):
        nc.StoredPoints(tmp_path)
    assert content(tmp_path) == {"thesis.tex": b"\\bye"}


def test_a_group_of_zarr_that_is_none_of_ours_is_left_alone(copy: Path) -> None:
    shutil.rmtree(copy / "search")
    before = content(copy)
    spoilt = np.full_like(STARTS, np.nan)
    for starts in (STARTS, spoilt):
        with pytest.raises(FileExistsError, match="store must name a new folder"):
            search(copy, starts)
    assert content(copy) == before


@pytest.mark.parametrize(
    "starts",
    [
        np.where(np.arange(N)[:, None] % 40 == 21, np.nan, STARTS),
        STARTS[:, :3],
        STARTS[0],
        STARTS[None],
        STARTS.astype(complex),
        (STARTS, STARTS),
        "starts",
    ],
)
def test_starts_are_refused_as_in_memory_and_leave_nothing(store: Path, starts: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as expected:
        nc.find_fixed_points(GRU, starts)
    with pytest.raises(expected.type) as caught:
        search(store, starts)
    assert str(caught.value) == str(expected.value)
    assert not store.exists()


@pytest.mark.parametrize(
    "options",
    [
        {"method": "best"},
        {"tol_slow": -1},
        {"max_iterations": 0.5},
        {"device": "tpu"},
        {"inputs": np.zeros((3, 2))},
        {"inputs": {}},
        {"unresolved": "hope"},
        {"tol_unique": np.nan},
        {"deflate": np.zeros((1, 2))},
    ],
)
def test_options_are_refused_as_in_memory(store: Path, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as expected:
        nc.find_fixed_points(GRU, STARTS, **options)
    with pytest.raises(expected.type) as caught:
        search(store, **options)
    assert str(caught.value) == str(expected.value)
    assert not store.exists()


def test_other_options_are_refused(store: Path) -> None:
    with pytest.raises(ValueError, match="chunk_size must lie between 1"):
        search(store, chunk_size=0)
    with pytest.raises(TypeError, match="executor must be an executor"):
        search(store, executor="workers")
    with pytest.raises(ValueError, match="deflate needs one input for all starts"):
        search(store, inputs=INPUTS["labelled"], deflate=STARTS[:1])
    with pytest.raises(TypeError, match="cell must be"):
        nc.search_to_store("GRU", STARTS, store=store)  # type: ignore[arg-type]
    assert not store.exists()


# Functions, which no file can hold


def test_a_function_is_known_again_by_what_it_does(store: Path) -> None:
    torch: Any = pytest.importorskip("torch")

    def leaky(gain: float) -> nc.FunctionCell:
        return nc.from_function(lambda x, h: 0.5 * h + 0.5 * torch.tanh(gain * h + x), 3, 3)

    starts = np.random.default_rng(8).uniform(-1, 1, (20, 3))
    options: dict[str, Any] = {"store": store, "chunk_size": 6}
    cell = leaky(2.0)
    stored = nc.search_to_store(cell, starts, **options)
    assert stored.cell is cell
    assert nc.StoredPoints(store).cell is None
    np.testing.assert_allclose(stored.h[:], nc.find_fixed_points(cell, starts).h, atol=1e-9)
    nc.search_to_store(leaky(2.0), starts, **options)
    with pytest.raises(ValueError, match="of another cell"):
        nc.search_to_store(leaky(2.1), starts, **options)
    assert len(nc.search_to_store(cell, starts[:0], store=store / "none")) == 0
