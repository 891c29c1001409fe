"""Linear predictions are those of the textbook's loop, and R² says how good they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.linearization.prediction import predict_last_states
from testing.every_cell import random_network
from testing.gru_samples import cell_of, random_gru, seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from testing.reference import ReferenceGRU

    Matrix = NDArray[np.float64]
    Vector = NDArray[np.float64]


def predicted(gru: ReferenceGRU, h: Vector, x: Vector, at: Vector, under: Vector) -> Vector:
    """Return the first-order prediction from `h` and `x`, about `at` and `under`."""
    drive = gru.input_jacobian(at, under) @ (x - under)
    return gru.step(at, under) + gru.jacobian(at, under) @ (h - at) + drive


def r2(actual: Matrix, guess: Matrix) -> float:
    return float(1 - np.mean((actual - guess) ** 2, axis=0).sum() / actual.var(axis=0).sum())


def nearest(h: Vector, points: Matrix) -> int:
    return min(range(len(points)), key=lambda i: float(np.linalg.norm(h - points[i])))


@settings(max_examples=30)
@given(
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(2, 9),
    st.sampled_from(["none", "one", "each"]),
    st.sampled_from(["none", "one", "each"]),
    st.booleans(),
    seeds,
)
def test_next_states_agree_with_the_reference(
    size: int, n_points: int, n: int, driven: str, resting: str, given_point: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    gru = random_gru(size, 2, 1.0, seed)
    cell = cell_of(gru)
    h, points = rng.uniform(-1, 1, (n, size)), rng.uniform(-1, 1, (n_points, size))
    x = {"none": None, "one": rng.normal(size=2), "each": rng.normal(size=(n, 2))}[driven]
    at = {"none": None, "one": rng.normal(size=2), "each": rng.normal(size=(n_points, 2))}[resting]
    point = n_points - 1 if given_point else None
    found = nc.predict_next_states(nc.linearize(cell, points, at), h, x, point=point)
    every_x = np.broadcast_to(0.0 if x is None else x, (n, 2))
    every_at = np.broadcast_to(0.0 if at is None else at, (n_points, 2))
    for i in range(n):
        j = nearest(h[i], points) if point is None else point
        guess = predicted(gru, h[i], every_x[i], points[j], every_at[j])
        np.testing.assert_allclose(found.predicted[i], guess, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.actual[i], gru.step(h[i], every_x[i]), atol=1e-13)
        assert found.point[i] == j
        assert found.distance[i] == pytest.approx(np.linalg.norm(h[i] - points[j]))
    np.testing.assert_array_equal(found.origin, h)
    np.testing.assert_array_equal(found.sequence, np.arange(n))
    assert (found.step == 1).all()
    assert found.r2 == pytest.approx(r2(found.actual, found.predicted), rel=1e-9)
    change = r2(found.actual - h, found.predicted - h)
    assert found.r2_of_change == pytest.approx(change, rel=1e-9)


@settings(max_examples=30)
@given(
    st.integers(1, 5),
    st.integers(1, 3),
    st.lists(st.integers(0, 6), min_size=1, max_size=5),
    st.sampled_from(["zeros", "one", "each"]),
    st.booleans(),
    seeds,
)
def test_sequences_agree_with_the_reference(
    size: int, n_points: int, lengths: list[int], begin: str, given_point: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    gru = random_gru(size, 2, 0.7, seed)
    points = rng.uniform(-1, 1, (n_points, size))
    inputs = [rng.normal(size=(length, 2)) for length in lengths]
    many = rng.uniform(-1, 1, (len(lengths), size))
    starts = {"zeros": None, "one": many[0], "each": many}[begin]
    every = np.broadcast_to(0.0 if starts is None else starts, many.shape)
    point = 0 if given_point else None
    found = nc.predict_sequences(nc.linearize(cell_of(gru), points), inputs, starts, point=point)
    row = 0
    for i, sequence in enumerate(inputs):
        state = guess = every[i]
        for t, x in enumerate(sequence):
            j = nearest(guess, points) if point is None else point
            assert found.point[row] == j
            assert found.distance[row] == pytest.approx(np.linalg.norm(state - points[j]))
            state = gru.step(state, x)
            guess = predicted(gru, guess, x, points[j], np.zeros(2))
            scale = max(1.0, float(np.abs(guess).max()))
            np.testing.assert_allclose(found.actual[row], state, atol=1e-12)
            np.testing.assert_allclose(found.predicted[row], guess, rtol=0, atol=1e-9 * scale)
            np.testing.assert_array_equal(found.origin[row], every[i])
            assert (found.sequence[row], found.step[row]) == (i, t + 1)
            row += 1
    assert len(found) == row
    last = found.last()
    assert last.sequence.tolist() == [i for i, length in enumerate(lengths) if length]
    assert last.step.tolist() == [length for length in lengths if length]


def test_the_error_is_of_second_order() -> None:
    gru = random_gru(5, 2, 1.5, 3)
    rng = np.random.default_rng(3)
    at, direction, drive = rng.uniform(-1, 1, 5), rng.normal(size=5), rng.normal(size=2)
    linearization = nc.linearize(cell_of(gru), at[None])
    errors = []
    for scale in (1e-2, 1e-3):
        found = nc.predict_next_states(linearization, (at + scale * direction)[None], scale * drive)
        errors.append(np.linalg.norm(found.actual - found.predicted))
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.1)


def test_a_linear_network_is_predicted_to_its_end() -> None:
    """Without weights n and z are constant: h' = z h + (1 - z) n."""
    bias = np.array([0.3, -0.2, 1.0, 0.5, 0.2, -0.7])
    cell = nc.GRU(np.zeros((6, 3)), np.zeros((6, 2)), bias)
    linearization = nc.linearize(cell, np.full((1, 2), 0.9))
    rng = np.random.default_rng(0)
    h = rng.uniform(-1, 1, (20, 2))
    assert nc.predict_next_states(linearization, h).r2 == pytest.approx(1, abs=1e-14)
    found = nc.predict_sequences(linearization, rng.normal(size=(20, 7, 3)), h)
    assert found.r2 == pytest.approx(1, abs=1e-14)
    assert found.r2_of_change == pytest.approx(1, abs=1e-14)


def test_bins_hold_every_row_once_and_rank_by_distance() -> None:
    rng = np.random.default_rng(1)
    cell = cell_of(random_gru(4, 2, 1.0, 1))
    h = rng.uniform(-1, 1, (103, 4))
    found = nc.predict_next_states(nc.linearize(cell, np.zeros((1, 4))), h)
    bins = found.by_distance(7)
    assert len(bins.edges) == 8
    assert bins.count.sum() == 103
    assert np.ptp(bins.count) <= 2
    assert bins.edges[0] == found.distance.min()
    assert bins.edges[-1] == found.distance.max()
    for i in range(7):
        upper = found.distance <= bins.edges[-1] if i == 6 else found.distance < bins.edges[i + 1]
        rows = (found.distance >= bins.edges[i]) & upper
        assert bins.count[i] == rows.sum()
        assert bins.distance[i] == np.median(found.distance[rows])
        assert bins.r2[i] == pytest.approx(r2(found.actual[rows], found.predicted[rows]))
        assert bins.r2_of_change[i] == found.select(rows).r2_of_change
    assert found.by_distance(1).r2[0] == pytest.approx(found.r2)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.7]), min_size=1, max_size=12), st.integers(1, 12))
def test_no_bin_is_empty_where_distances_are_equal(distances: list[float], n_bins: int) -> None:
    cell = cell_of(random_gru(1, 1))
    found = nc.predict_next_states(
        nc.linearize(cell, np.zeros((1, 1))), np.array(distances)[:, None]
    )
    bins = found.by_distance(min(n_bins, len(distances)))
    assert bins.count.sum() == len(distances)
    assert (bins.count > 0).all()
    assert len(bins.edges) == len(bins.count) + 1


def test_states_that_do_not_differ_have_no_r2() -> None:
    cell = cell_of(random_gru(3, 2))
    linearization = nc.linearize(cell, np.zeros((1, 3)))
    equal = nc.predict_next_states(linearization, np.full((4, 3), 0.1))
    none = nc.predict_next_states(linearization, np.empty((0, 3)))
    assert np.isnan([equal.r2, equal.r2_of_change, none.r2]).all()
    assert len(nc.predict_sequences(linearization, [])) == 0


def test_a_readout_is_predicted_too() -> None:
    rng = np.random.default_rng(2)
    cell = cell_of(random_gru(4, 2, 1.0, 1))
    h, readout = rng.uniform(-1, 1, (30, 4)), rng.normal(size=4)
    found = nc.predict_next_states(nc.linearize(cell, np.zeros((1, 4))), h)
    logits = found.read_out(readout)
    np.testing.assert_allclose(logits.actual[:, 0], cell.step(h) @ readout, atol=1e-14)
    np.testing.assert_allclose(logits.predicted[:, 0], found.predicted @ readout, atol=1e-14)
    assert logits.r2 == pytest.approx(r2(found.actual @ readout[:, None], logits.predicted))


def test_an_lstm_is_predicted_in_its_whole_state() -> None:
    cell = random_network("lstm", 3, 2).cell()
    rng = np.random.default_rng(0)
    states = rng.uniform(-1, 1, (6, 6))
    x = rng.normal(size=(6, 2))
    at = nc.find_fixed_points(cell, np.zeros((1, 6))).h
    linearization = nc.linearize(cell, at)
    found = nc.predict_next_states(linearization, states, x)
    expected = at + (states - at) @ cell.jacobian(at)[0].T + x @ cell.input_jacobian(at)[0].T
    np.testing.assert_allclose(found.predicted, expected, atol=1e-10)
    np.testing.assert_allclose(found.actual, cell.step(states, x))
    short, long = np.array([1.0, -2.0, 0.5]), np.array([1.0, -2.0, 0.5, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(found.read_out(short).actual, found.read_out(long).actual)
    sequences = nc.predict_sequences(linearization, [x, x[:2]])
    assert sequences.actual.shape == (8, 6)


def test_single_precision_is_predicted_in_double() -> None:
    gru = random_gru(4, 2)
    rng = np.random.default_rng(0)
    h = rng.uniform(-1, 1, (9, 4)).astype(np.float32)
    single = nc.predict_next_states(nc.linearize(cell_of(gru, np.float32), h[:1]), h)
    double = nc.predict_next_states(nc.linearize(cell_of(gru), h[:1]), h)
    assert single.predicted.dtype == np.float64
    np.testing.assert_allclose(single.predicted, double.predicted, atol=1e-5)


LINEARIZATION = nc.linearize(cell_of(random_gru(4, 2)), np.zeros((2, 4)))
STATES = np.zeros((3, 4))

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "states": ({"states": np.zeros((3, 5))}, ValueError, r"states must have shape \(n, 4\)"),
    "one state": ({"states": np.zeros(4)}, ValueError, r"states\[None\]"),
    "NaN": ({"states": STATES * np.nan}, ValueError, "states must be finite"),
    "inputs": ({"inputs": np.zeros((2, 2))}, ValueError, "inputs must be None or have shape"),
    "point": ({"point": 2}, ValueError, "point must lie between 0 and 1, not be 2"),
    "part": ({"point": 0.5}, TypeError, "point must be an integer"),
    "no point": (
        {"linearization": nc.linearize(LINEARIZATION.cell, STATES[:0])},
        ValueError,
        "linearization must hold a point",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.predict_next_states(**{"linearization": LINEARIZATION, "states": STATES, **change})


BAD_SEQUENCES: dict[str, tuple[dict[str, Any], str]] = {
    "one sequence": ({"inputs": np.zeros((3, 2))}, r"for one pass \[inputs\]"),
    "length": ({"inputs": [np.zeros((3, 2)), np.zeros((3, 3))]}, r"inputs\[1\] must have shape"),
    "starts": ({"starts": np.zeros((2, 4))}, r"starts must have shape \(4,\) or \(1, 4\)"),
    "point": ({"point": -1}, "point must lie between 0 and 1"),
}


@pytest.mark.parametrize("case", BAD_SEQUENCES)
def test_bad_sequences_are_refused(case: str) -> None:
    change, message = BAD_SEQUENCES[case]
    good = {"linearization": LINEARIZATION, "inputs": [np.zeros((3, 2))]}
    with pytest.raises(ValueError, match=message):
        nc.predict_sequences(**{**good, **change})


def test_bad_bins_rows_and_readouts_are_refused() -> None:
    found = nc.predict_next_states(LINEARIZATION, STATES)
    with pytest.raises(ValueError, match="n_bins must lie between 1 and 3, not be 4"):
        found.by_distance(4)
    with pytest.raises(IndexError):
        found.select([5])
    with pytest.raises(ValueError, match=r"readout must have shape \(4,\), not \(3,\)"):
        found.read_out(np.ones(3))
    with pytest.raises(ValueError, match="readout must not be zero"):
        found.read_out(np.zeros(4))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 6), max_size=5), st.integers(1, 3), st.booleans(), seeds)
def test_last_states_alone_are_those_of_whole_sequences(
    lengths: list[int], n_points: int, started: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    linearization = nc.linearize(
        random_network("gru", 4, 3, 1.0, 0).cell(), rng.normal(size=(n_points, 4))
    )
    inputs = [rng.normal(size=(length, 3)) for length in lengths]
    starts = rng.uniform(-1, 1, (len(inputs), 4)) if started else None
    expected = nc.predict_sequences(linearization, inputs, starts).last()
    found = predict_last_states(linearization, inputs, starts)
    for name in ("actual", "predicted", "origin", "point", "distance", "sequence", "step"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
