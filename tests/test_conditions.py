"""Labelled conditions: every start under every input, and labels that stay with their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from testing.gru_samples import cell_of, independent_units, random_gru, seeds
from testing.point_files import rewrite
from testing.search_checks import assert_equal, random_states

if TYPE_CHECKING:
    from pathlib import Path

CELL = cell_of(random_gru(6, 2, gain=2.5, seed=3))
STARTS = random_states(8, 6, seed=1)
LEFT, RIGHT = np.array([1.0, -0.5]), np.array([-1.0, 0.25])
CONDITIONS = {"right": RIGHT, "left": LEFT, "rest": np.zeros(2)}


@settings(max_examples=20)
@given(st.integers(0, 6), st.integers(1, 4), seeds)
def test_every_start_is_searched_under_every_condition(
    n: int, n_conditions: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-1, 1, (n, 6))
    inputs = {f"condition {i}": rng.normal(size=2) for i in range(n_conditions)}
    points = nc.find_fixed_points(CELL, starts, inputs)
    assert len(points) == n * n_conditions
    assert points.condition is not None
    for i, (label, x) in enumerate(inputs.items()):
        rows = np.arange(i * n, (i + 1) * n)
        assert points.condition[rows].tolist() == [label] * n
        assert_equal(points.select(rows), nc.find_fixed_points(CELL, starts, x))
        np.testing.assert_array_equal(points.select(rows).inputs, np.tile(x, (n, 1)))


def test_inputs_without_labels_have_none() -> None:
    for inputs in (None, LEFT, np.tile(LEFT, (8, 1))):
        points = nc.find_fixed_points(CELL, STARTS, inputs)
        assert points.condition is None
        assert points.unique().condition is None


def test_conditions_may_be_any_mapping_of_any_arrays() -> None:
    expected = nc.find_fixed_points(CELL, STARTS, {"left": LEFT})
    given: Any = {"left": torch.from_numpy(LEFT).requires_grad_()}
    assert_equal(nc.find_fixed_points(CELL, torch.from_numpy(STARTS), given), expected)
    assert_equal(nc.find_fixed_points(CELL, STARTS.tolist(), {"left": [1.0, -0.5]}), expected)


def test_labels_stay_with_their_rows(tmp_path: Path) -> None:
    points = nc.find_fixed_points(CELL, STARTS, CONDITIONS)
    expected = np.repeat(["right", "left", "rest"], 8)
    np.testing.assert_array_equal(points.condition, expected)
    order = np.random.default_rng(0).permutation(24)
    np.testing.assert_array_equal(points.select(order).condition, expected[order])
    assert points.numpy() is points
    points.save(tmp_path / "points.npz")
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    assert_equal(loaded, points)
    np.testing.assert_array_equal(loaded.condition, expected)


def test_unique_tells_conditions_apart() -> None:
    """One point an input, for a contraction, and one a label even where inputs are equal."""
    cell = cell_of(random_gru(6, 2, gain=0.3))
    inputs = {"b": LEFT, "a": LEFT, "c": RIGHT}
    unique = nc.find_fixed_points(cell, STARTS, inputs).unique()
    assert unique.condition is not None
    assert sorted(unique.condition) == ["a", "b", "c"]
    assert unique.count.tolist() == [8, 8, 8]
    for label, x, h in zip(unique.condition, np.asarray(unique.inputs), unique.h, strict=True):
        np.testing.assert_array_equal(x, inputs[str(label)])
        np.testing.assert_allclose(cell.step(h[None], x)[0], h, rtol=0, atol=1e-15)


def test_unique_does_not_depend_on_the_order_of_conditions() -> None:
    """Ends of one start under equal inputs are the same in all but their labels."""
    points = nc.find_fixed_points(CELL, STARTS, {"b": LEFT, "a": LEFT})
    turned = points.select(np.arange(16)[::-1])
    assert_equal(points.unique(), turned.unique())
    np.testing.assert_array_equal(points.unique().condition, turned.unique().condition)


def test_what_follows_takes_the_inputs_of_conditions() -> None:
    points = nc.find_fixed_points(CELL, STARTS, CONDITIONS).unique()
    modes = nc.linearize(CELL, points)
    np.testing.assert_array_equal(modes.J_rec, CELL.jacobian(points.h, points.inputs))
    fixed = points.select("fixed")
    assert len(fixed) > 0
    assert fixed.certify().certified.all()


def test_deflation_takes_one_condition_and_no_more() -> None:
    cell = cell_of(independent_units(np.array([3.0]), np.zeros(1)))
    zero, one = {"only": np.zeros(1)}, np.ones(1)
    known = nc.find_fixed_points(cell, np.array([[0.9]]), zero)
    more = nc.find_fixed_points(cell, np.array([[0.9]]), zero, deflate=known)
    assert more.condition is not None
    assert more.condition.tolist() == ["only"]
    with pytest.raises(ValueError, match="deflate needs one input for all starts"):
        nc.find_fixed_points(cell, np.array([[0.9]]), {**zero, "one": one}, deflate=known)


@settings(max_examples=20)
@given(st.lists(st.integers(-(2**40), 2**40) | st.floats(-9, 9), min_size=1, unique=True))
def test_labels_that_are_numbers_stay_numbers_in_their_order(labels: list[float]) -> None:
    inputs = {label: np.array([i / 9, 0]) for i, label in enumerate(labels)}
    points = nc.find_fixed_points(CELL, STARTS[:2], inputs, max_iterations=0)
    texts = nc.find_fixed_points(
        CELL, STARTS[:2], {str(label): x for label, x in inputs.items()}, max_iterations=0
    )
    assert points.condition is not None
    np.testing.assert_array_equal(points.condition, np.repeat(labels, 2))
    assert_equal(points, texts)
    for label, x in inputs.items():
        rows = points.select(points.condition == label)
        np.testing.assert_array_equal(rows.inputs, np.tile(x, (2, 1)))
    assert sorted(points.unique(unconverged=True).count) == sorted(
        texts.unique(unconverged=True).count
    )


def test_labels_that_are_numbers_are_ordered_as_numbers(tmp_path: Path) -> None:
    points = nc.find_fixed_points(CELL, STARTS, {10: LEFT, 9: RIGHT, -1: LEFT})
    assert np.unique(np.asarray(points.condition)).tolist() == [-1, 9, 10]
    points.save(tmp_path / "points.npz")
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    assert_equal(loaded, points)
    np.testing.assert_array_equal(loaded.condition, np.repeat([10, 9, -1], 8))
    half = nc.find_fixed_points(CELL, STARTS, {np.float32(0.5): LEFT, 1: RIGHT})
    np.testing.assert_array_equal(half.condition, np.repeat([0.5, 1.0], 8))


class Twice(Mapping[str, Any]):
    """A mapping that says one label twice."""

    def __getitem__(self, label: str) -> Any:
        return LEFT

    def __iter__(self) -> Iterator[str]:
        return iter(["left", "left"])

    def __len__(self) -> int:
        return 2


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "none": ({}, ValueError, "inputs must name at least one condition"),
    "a number too": ({"left": LEFT, 1: LEFT}, TypeError, r"not both, not \['left', 1\]"),
    "a tuple": ({"left": LEFT, ("a", 2): LEFT}, TypeError, "strings for labels, or numbers"),
    "a truth value": ({True: LEFT, False: RIGHT}, TypeError, r"not \[True, False\].*str\(label\)"),
    "no number": ({np.nan: LEFT}, TypeError, "numbers for labels that NumPy holds, and no NaN"),
    "too many digits": ({10**30: LEFT}, TypeError, "numbers for labels that NumPy holds"),
    "twice": (Twice(), ValueError, r"must not hold a label twice.*\['left', 'left'\]"),
    "NULs": ({"a": LEFT, "a\0": RIGHT}, ValueError, "must not hold a label twice"),
    "too long": ({"a": np.zeros(3)}, ValueError, r"inputs\['a'\] must have shape \(2,\).*\(3,\)"),
    "rows": ({"a": LEFT, "b": LEFT[None]}, ValueError, r"inputs\['b'\].*, not \(1, 2\)"),
    "no input": ({"a": None}, TypeError, r"inputs\['a'\] must be float64 or float32"),
    "booleans": ({"a": [True, False]}, TypeError, r"inputs\['a'\] must be float64 or float32"),
    "under a number": ({2: np.zeros(3)}, ValueError, r"inputs\[2\] must have shape \(2,\)"),
    "NaN": ({"a": LEFT * np.nan}, ValueError, r"inputs\['a'\] must be finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_conditions_are_refused(case: str) -> None:
    inputs, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.find_fixed_points(CELL, STARTS, inputs)


def test_bad_starts_are_refused_under_conditions_too() -> None:
    with pytest.raises(ValueError, match=r"starts must have shape \(n, 6\).*starts\[None\]"):
        nc.find_fixed_points(CELL, STARTS[0], CONDITIONS)
    with pytest.raises(ValueError, match=r"starts must have shape \(n, 6\)"):
        nc.find_fixed_points(CELL, STARTS[:, 1:], CONDITIONS)


def test_labels_that_do_not_fit_are_refused() -> None:
    points = nc.find_fixed_points(CELL, STARTS, CONDITIONS)
    with pytest.raises(ValueError, match="condition must have 1 dimension"):
        replace(points, condition=np.array(["left"]))
    with pytest.raises(ValueError, match="condition must hold strings or numbers, not bool"):
        replace(points, condition=np.arange(24) > 3)


# Files


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "points.npz"
    nc.find_fixed_points(CELL, STARTS, CONDITIONS).save(path)
    return path


def test_a_file_of_the_first_version_has_no_conditions(saved: Path) -> None:
    points = nc.FixedPoints.load(saved)
    rewrite(saved, version=np.array(1), condition_texts=None, condition_codes=None)
    first = nc.FixedPoints.load(saved)
    assert first.condition is None
    assert_equal(first, points)


@pytest.mark.parametrize(
    "changes",
    [
        {"condition_codes": None},
        {"condition_texts": None},
        {"condition_codes": np.full(24, 3, np.uint8)},
        {"condition_codes": np.zeros(23, np.uint8)},
        {"condition_codes": np.zeros(24)},
        {"condition_texts": np.arange(3) > 1},
        {"condition_texts": np.array([{"a": "pickle"}], object)},
    ],
    ids=", ".join,
)
def test_damaged_labels_are_refused(saved: Path, changes: dict[str, Any]) -> None:
    rewrite(saved, **changes)
    with pytest.raises(ValueError, match=r"points.npz is not a file of fixed points, or it is dam"):
        nc.FixedPoints.load(saved)


def test_a_file_holds_more_conditions_than_a_byte_counts(tmp_path: Path) -> None:
    inputs = {f"condition {i}": np.array([i / 400, 0]) for i in range(300)}
    points = nc.find_fixed_points(CELL, STARTS[:1], inputs, max_iterations=0)
    points.save(tmp_path / "points.npz")
    loaded = nc.FixedPoints.load(tmp_path / "points.npz")
    np.testing.assert_array_equal(loaded.condition, list(inputs))
