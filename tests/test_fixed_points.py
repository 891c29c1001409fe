"""Ends are merged, selected and kept in files by rules that hold for any of them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nullcline import FixedPoints
from nullcline.search import KINDS, merging
from testing.point_files import rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def ends(
    h: Any,
    *,
    q: Any = None,
    kind: Any = None,
    inputs: Any = None,
    tol_unique: float = 1e-3,
) -> FixedPoints:
    """Return a search's result with these columns; all fixed, with q = 0, unless told."""
    h = np.asarray(h, np.float64)
    n = len(h)
    kind = np.array(["fixed"] * n if kind is None else kind, "<U11")
    return FixedPoints(
        h=h,
        q=np.zeros(n) if q is None else np.asarray(q, np.float64),
        kind=kind,
        reason=np.char.add("because it is ", kind),
        iterations=np.arange(n, dtype=np.int32),
        starts=h + 0.5,
        inputs=None if inputs is None else np.asarray(inputs, np.float64),
        tol_unique=tol_unique,
        count=np.ones(n, np.int64),
    )


@st.composite
def results(draw: st.DrawFn) -> FixedPoints:
    """Draw ends that crowd on a coarse grid, with jitter around the tolerance, inputs and kinds."""
    n, size = draw(st.integers(0, 30)), draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 0.3, 0.9, 1.1]))
    levels = draw(st.integers(1, 3))
    h = 0.1 * rng.integers(levels, size=(n, size)) + 1e-3 * spread * rng.uniform(-1, 1, (n, size))
    kind = rng.choice(KINDS, n)
    q = np.where(kind == "fixed", 0, rng.choice([1e-9, 1e-8, 1e-7], n))
    inputs = draw(st.sampled_from([None, 1.0 * rng.integers(2, size=(n, 2))]))
    return ends(h, q=q, kind=kind, inputs=inputs)


def same(left: FixedPoints, right: FixedPoints) -> bool:
    """Whether all columns are equal, types included."""
    for field in fields(FixedPoints):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if a is None or b is None or isinstance(a, float):
            if a != b:
                return False
        elif a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=a.dtype.kind == "f"):
            return False
    return True


def slow_unique(points: FixedPoints) -> list[list[int]]:
    """Return the rows merged into each kept one, which comes first, by comparing all with all."""
    rank = {kind: i for i, kind in enumerate(KINDS)}
    order = sorted(range(len(points)), key=lambda i: (rank[str(points.kind[i])], points.q[i]))
    groups: list[list[int]] = []
    for i in order:
        for group in groups:
            best = group[0]
            close = np.abs(points.h[i] - points.h[best]).max() <= points.tol_unique
            if close and (
                points.inputs is None or np.array_equal(points.inputs[i], points.inputs[best])
            ):
                group.append(i)
                break
        else:
            groups.append([i])
    return groups


@given(results())
def test_unique_keeps_the_promises_of_its_docstring(points: FixedPoints) -> None:
    unique = points.unique(unconverged=True)
    assert unique.count.sum() == len(points)
    for i in range(len(unique)):
        close = np.abs(unique.h - unique.h[i]).max(axis=1) <= points.tol_unique
        if unique.inputs is not None:
            close &= (unique.inputs == unique.inputs[i]).all(axis=1)
        assert np.flatnonzero(close).tolist() == [i]
    for i in range(len(points)):
        close = np.abs(unique.h - points.h[i]).max(axis=1) <= points.tol_unique
        if unique.inputs is not None and points.inputs is not None:
            close &= (unique.inputs == points.inputs[i]).all(axis=1)
        best = np.flatnonzero(close)[0]
        quality = KINDS.index(str(points.kind[i])), points.q[i]
        assert (KINDS.index(str(unique.kind[best])), unique.q[best]) <= quality
    quality_of = [(KINDS.index(str(k)), q) for k, q in zip(unique.kind, unique.q, strict=True)]
    assert all(a <= b for a, b in pairwise(quality_of))


@given(results())
def test_unique_agrees_with_comparing_all_pairs(points: FixedPoints) -> None:
    # Distinct q leave the slow way no choice in ties.
    points = replace(points, q=points.q + 1e-12 * np.arange(len(points)))
    groups = slow_unique(points)
    unique = points.unique(unconverged=True)
    np.testing.assert_array_equal(unique.h, points.h[[group[0] for group in groups]])
    assert unique.count.tolist() == [len(group) for group in groups]


@given(results(), st.randoms(use_true_random=False))
def test_unique_does_not_depend_on_the_order(points: FixedPoints, random: Any) -> None:
    order = list(range(len(points)))
    random.shuffle(order)
    assert same(points.unique(), points.select(order).unique())


@given(results())
def test_unique_of_unique_changes_nothing(points: FixedPoints) -> None:
    once = points.unique(unconverged=True)
    assert same(once, once.unique(unconverged=True))


@given(results())
def test_unique_leaves_out_what_did_not_converge(points: FixedPoints) -> None:
    converged = points.select(points.kind != "unconverged")
    assert same(points.unique(), converged.unique(unconverged=True))
    assert points.unique().count.sum() == len(converged)


def test_a_fixed_point_absorbs_slow_ends_of_lower_q() -> None:
    points = ends([[0.0], [5e-4], [-5e-4]], q=[1e-30, 0, 1e-9], kind=["fixed", "slow", "slow"])
    unique = points.unique()
    assert unique.kind.tolist() == ["fixed"]
    assert unique.count.tolist() == [3]
    assert unique.reason.tolist() == ["because it is fixed"]


def test_a_chain_of_close_ends_stays_a_chain() -> None:
    unique = ends(np.linspace(0, 0.01, 101)[:, None], q=np.arange(101)).unique()
    assert 6 <= len(unique) <= 10


def test_the_tolerance_is_inclusive_and_per_coordinate() -> None:
    points = ends([[0.0] * 9, [0.25] * 9, [0.0] * 8 + [0.5]], q=[0, 1, 2], tol_unique=0.25)
    assert points.unique().count.tolist() == [2, 1]


def test_zero_tolerance_merges_equal_ends_only() -> None:
    points = ends([[0.0, 1e-300], [0.0, 1e-300], [0.0, 0.0]], tol_unique=0)
    assert sorted(points.unique().count.tolist()) == [1, 2]


def test_other_inputs_are_other_points() -> None:
    points = ends(np.zeros((4, 2)), inputs=[[0.0], [-0.0], [1.0], [0.0]])
    assert sorted(points.unique().count.tolist()) == [1, 3]


def test_ends_that_are_no_number_are_merged_last() -> None:
    points = ends([[0.0], [0.0], [0.5]], q=[np.nan, 1, np.nan], kind=["unconverged"] * 3)
    np.testing.assert_array_equal(points.unique(unconverged=True).q, [1, np.nan])


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_ends_that_are_not_finite_are_near_no_other(odd: float) -> None:
    points = ends([[0.0], [odd], [0.0], [odd]], q=[0, 1, 2, 3])
    assert points.unique().count.tolist() == [2, 1, 1]
    assert ends([[odd], [odd]]).unique().count.tolist() == [1, 1]


def test_twenty_thousand_ends_are_merged() -> None:
    # All pairs would be 2e8 comparisons of 64 coordinates.
    rng = np.random.default_rng(0)
    corners = np.where(rng.random((500, 64)) < 0.5, -0.99, 0.99)
    which = rng.integers(500, size=20_000)
    points = ends(corners[which] + 4e-4 * rng.uniform(-1, 1, (20_000, 64)))
    unique = points.unique()
    np.testing.assert_array_equal(np.sort(unique.count), np.sort(np.bincount(which)))


@pytest.mark.parametrize("few", [0, 300])
def test_few_points_merge_as_many_do(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    corners = np.where(rng.random((40, 6)) < 0.5, -1, rng.uniform(-1, 1, (40, 6)))
    h = corners[rng.integers(40, size=300)] + 6e-4 * rng.uniform(-1, 1, (300, 6))
    monkeypatch.setattr(merging, "_FEW", few)
    owner = merging.merge(h, 1e-3)
    expected = np.full(300, -1)
    for i in range(300):
        near = np.abs(h - h[i]).max(axis=1) <= 1e-3
        expected[near & (expected < 0) & (expected[i] < 0)] = i
    np.testing.assert_array_equal(owner, expected)


def test_thousands_of_copies_are_one_point() -> None:
    assert ends(np.full((5000, 3), 0.1)).unique().count.tolist() == [5000]


def test_select_takes_kinds_masks_and_indices() -> None:
    points = ends([[0.0], [0.1], [0.2]], kind=["fixed", "slow", "fixed"], inputs=np.eye(3))
    assert points.select("fixed").h.ravel().tolist() == [0.0, 0.2]
    assert points.select(points.kind == "slow").iterations.tolist() == [1]
    taken = points.select([2, 0, -1])
    assert taken.iterations.tolist() == [2, 0, 2]
    assert taken.inputs is not None
    np.testing.assert_array_equal(taken.inputs, np.eye(3)[[2, 0, 2]])
    assert len(points.select([])) == 0
    assert len(points.select("unconverged")) == 0


@pytest.mark.parametrize(
    ("which", "error", "message"),
    [
        ("saddle", ValueError, "one of fixed, slow, minimum, unconverged, not 'saddle'"),
        ([True, False], ValueError, "a mask must have an entry for each of 3 rows, not 2"),
        (3, IndexError, "0 to 2"),
        (True, TypeError, "by their numbers or a mask"),
        (None, TypeError, "by their numbers or a mask"),
        ([[0]], ValueError, "one dimension"),
        ([0.0], TypeError, "not float64"),
        ([3], IndexError, "0 to 2"),
        ([-4], IndexError, "0 to 2"),
    ],
)
def test_bad_selections_are_refused(which: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ends(np.zeros((3, 2))).select(which)


def test_the_summary_counts_every_kind() -> None:
    points = ends(np.zeros((4, 2)), kind=["fixed", "slow", "fixed", "unconverged"])
    assert repr(points) == "FixedPoints(4 starts: 2 fixed, 1 slow, 1 unconverged; S = 2)"
    assert (
        repr(points.unique())
        == "FixedPoints(1 points from 3 starts: 1 fixed, 0 slow, 0 unconverged; S = 2)"
    )
    assert len(points) == 4
    with pytest.raises(FrozenInstanceError):
        points.h = np.zeros((1, 1))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q": np.zeros(2)}, "q must have 1 dimension"),
        ({"starts": np.zeros((3, 5))}, "starts must have h's shape"),
        ({"inputs": np.zeros((1, 2))}, "inputs must have 2 dimension"),
        ({"kind": np.array(["fixed", "slow", "saddle"])}, "kind must hold"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ends(np.zeros((3, 2))), **change)


# Files


@given(results(), st.sampled_from([np.float64, np.float32]))
def test_a_file_gives_back_what_was_saved(
    tmp_path_factory: pytest.TempPathFactory, points: FixedPoints, dtype: type[Any]
) -> None:
    path = tmp_path_factory.mktemp("points") / "points.npz"
    points = replace(points, h=points.h.astype(dtype))
    points.save(path)
    assert same(FixedPoints.load(path), points)
    with np.load(path, allow_pickle=False) as archive:
        assert {array.dtype.kind for array in archive.values()} <= set("fiuU")


def test_a_name_without_the_suffix_is_kept(tmp_path: Path) -> None:
    ends(np.zeros((1, 1))).save(tmp_path / "points")
    assert [entry.name for entry in tmp_path.iterdir()] == ["points"]
    assert len(FixedPoints.load(str(tmp_path / "points"))) == 1


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "points.npz"
    ends([[0.25, 0.5], [0.75, 1.0]], inputs=np.ones((2, 3)), kind=["fixed", "slow"]).save(path)
    return path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none.npz"):
        FixedPoints.load(tmp_path / "none.npz")
    with pytest.raises(IsADirectoryError):
        FixedPoints.load(tmp_path)


def refuse(path: Path) -> None:
    with pytest.raises(ValueError, match=r"points.npz is not a file of fixed points, or it is dam"):
        FixedPoints.load(path)


@pytest.mark.parametrize("content", [b"", b"h,q\n0,1\n", b"PK\x03\x04", b"\x93NUMPY\x01\x00"])
def test_foreign_files_are_refused(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    refuse(saved)


def test_a_single_array_is_refused(saved: Path) -> None:
    with saved.open("wb") as file:
        np.save(file, np.zeros(3))
    refuse(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": np.array("other")},
        {"format": None},
        {"version": np.array(4)},
        {"h": None},
        {"h": np.zeros((2, 2, 2))},
        {"h": np.zeros((3, 2))},
        {"surprise": np.zeros(2)},
        {"tol_unique": np.zeros(2)},
        {"kind_codes": np.array([0, 9], np.uint8)},
        {"kind_codes": np.array([0.0, 1.0])},
        {"kind_texts": np.array(["fixed", "saddle"])},
        {"q": np.array([{"a": "pickle"}, None], object)},
    ],
    ids=", ".join,
)
def test_archives_that_do_not_fit_are_refused(saved: Path, changes: dict[str, Any]) -> None:
    rewrite(saved, **changes)
    refuse(saved)


def test_a_newer_format_is_named(saved: Path) -> None:
    rewrite(saved, version=np.array(4))
    with pytest.raises(ValueError, match="version 4, and this nullcline reads up to 3"):
        FixedPoints.load(saved)


@settings(max_examples=40)
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_refused(tmp_path_factory: Any, part: float) -> None:
    path = tmp_path_factory.mktemp("cut") / "points.npz"
    ends(np.zeros((3, 4))).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refuse(path)


@settings(max_examples=300)
@given(
    place=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
    h=hnp.arrays(np.float64, (3, 4), elements=st.floats(-1, 1)),
)
def test_a_damaged_byte_is_noticed_or_harmless(
    tmp_path_factory: Any, place: float, flip: int, h: NDArray[np.float64]
) -> None:
    path = tmp_path_factory.mktemp("damage") / "points.npz"
    points = ends(h, inputs=np.ones((3, 2)))
    points.save(path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= flip
    path.write_bytes(content)
    try:
        loaded = FixedPoints.load(path)
    except ValueError as error:
        assert "points.npz" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert same(loaded, points)  # time stamps and the like


def test_a_full_disk_keeps_the_old_file(saved: Path) -> None:
    before = saved.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            ends(np.zeros((1000, 5))).save(saved)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_kill_while_saving_keeps_the_old_file(saved: Path) -> None:
    before = saved.read_bytes()
    script = f"""
import os, signal, sys
import numpy as np
from nullcline import FixedPoints

points = FixedPoints.load(sys.argv[1])
write = np.lib.format.write_array
def killed(*arguments, **options):
    write(*arguments, **options)
    os.kill(os.getpid(), {signal.SIGKILL:d})
np.lib.format.write_array = killed
points.save(sys.argv[1])
"""
    ended = subprocess.run([sys.executable, "-c", script, os.fspath(saved)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert saved.read_bytes() == before
    assert len(FixedPoints.load(saved)) == 2


def test_columns_are_arrays_that_other_programs_read(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as archive:
        assert archive["q"].tolist() == [0, 0]
        assert archive["kind_texts"][archive["kind_codes"]].tolist() == ["fixed", "slow"]


# Far from the starts


def test_outliers_are_far_from_the_centroid_of_the_starts() -> None:
    points = replace(
        ends([[0.0], [3.0], [29.0], [31.0]]), starts=np.array([[-1.0], [1], [-1], [1]])
    )
    assert points.outliers().tolist() == [False, False, True, True]
    assert points.outliers(30).tolist() == [False, False, False, True]
    assert points.outliers(3).tolist() == [False, True, True, True]
    assert points.select(~points.outliers()).h.ravel().tolist() == [0, 3]


@given(results(), st.floats(0, 20))
def test_outliers_agree_with_their_definition(points: FixedPoints, threshold: float) -> None:
    outliers = points.outliers(threshold)
    assert outliers.shape == (len(points),)
    centroid = points.starts.mean(axis=0) if len(points) else 0
    scale = float(np.mean(np.linalg.norm(points.starts - centroid, axis=1))) if len(points) else 0
    for end, outlier in zip(points.h, outliers, strict=True):
        distance = float(np.linalg.norm(end - centroid))
        if scale > 1e-12 and abs(distance - threshold * scale) > 1e-12:
            assert outlier == (distance > threshold * scale)


def test_one_start_has_no_outlier() -> None:
    assert ends([[0.9]]).outliers().tolist() == [False]
    assert ends(np.zeros((0, 3))).outliers().tolist() == []


@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (np.nan, ValueError), ("1", TypeError)]
)
def test_a_bad_threshold_is_named(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="threshold must be"):
        ends([[0.9]]).outliers(value)


def test_states_whose_squares_overflow_are_merged_without_a_warning() -> None:
    """An LSTM's c is of this size where its forget gates are saturated."""
    points = ends([[1e200, 0.0], [1e200, 0.0], [-1e200, 1.0]])
    assert points.unique().count.tolist() == [2, 1]
