"""Enumerations find every fixed point, prove each, and leave open what they cannot decide."""

from __future__ import annotations

import pickle
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from flint import arb

import nullcline as nc
from testing import ball_reference
from testing.every_cell import EVERY_KIND, KINDS, random_network
from testing.gru_samples import cell_of, random_gru

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ROOT = 0.95750402407726874068  # of tanh(2 h) = h
BOUNDED = [kind for kind in KINDS if kind != "relu"]


def rnn(w: Any, b: Any = None, **options: Any) -> nc.RNN:
    """Return a vanilla network without input."""
    weight = np.asarray(w, np.float64)
    bias = np.zeros(len(weight)) if b is None else np.asarray(b, np.float64)
    return nc.RNN(np.zeros((len(weight), 1)), weight, bias, **options)


def uncoupled(size: int) -> nc.RNN:
    """Return units h = tanh(2 h), with fixed points at 0 and ±ROOT each."""
    return rnn(2 * np.eye(size))


def distances(found: nc.Enumeration, states: Array) -> Array:
    """Return how far each state is from the nearest point found."""
    if len(found) == 0:
        return np.full(len(states), np.inf)
    apart = np.abs(states[:, None] - found.points.h[None]).max(axis=2)
    nearest: Array = apart.min(axis=1)
    return nearest


def searched(cell: Any, n: int = 60) -> Array:
    """Return the fixed points that a search from many starts finds."""
    rng = np.random.default_rng(0)
    reach = np.minimum(np.abs(cell.box.high), 5)
    starts = rng.uniform(-1, 1, (n, cell.state_size))
    starts[:, : cell.hidden_size] *= reach
    return np.asarray(nc.find_fixed_points(cell, starts).select("fixed").unique().h)


# Known counts


@pytest.mark.parametrize("size", [1, 2, 4])
def test_uncoupled_units_have_all_their_combinations(size: int) -> None:
    found = nc.enumerate_fixed_points(uncoupled(size))
    truth = np.array(list(product((-ROOT, 0, ROOT), repeat=size)))
    assert found.complete
    assert len(found) == 3**size
    assert (distances(found, truth) < 1e-12).all()
    is_zero = np.abs(found.points.h) < 1e-6
    np.testing.assert_array_equal(found.index, (-1) ** is_zero.sum(axis=1))


def test_a_network_has_the_fixed_points_it_was_made_of() -> None:
    """Katz and Reggia's construction: W = artanh(V) V⁻¹ has V's columns for fixed points."""
    v = np.random.default_rng(0).uniform(-0.9, 0.9, (6, 6))
    found = nc.enumerate_fixed_points(rnn(np.arctanh(v) @ np.linalg.inv(v)))
    assert found.complete
    assert (distances(found, np.vstack([v.T, -v.T, np.zeros((1, 6))])) < 1e-10).all()
    assert len(found) == 41
    assert found.index.sum() == 1


def test_a_contraction_has_one_fixed_point_and_takes_one_box() -> None:
    w = np.random.default_rng(1).normal(size=(40, 40)) * 0.05
    found = nc.enumerate_fixed_points(rnn(w, w[0]))
    assert found.complete
    assert (len(found), found.n_boxes) == (1, 1)


# Every cell


SIZES = [pair for pair in product(KINDS, (2, 4)) if pair != ("leaky", 4)]  # its third is unbounded


@pytest.mark.parametrize(("kind", "size"), SIZES)
def test_nothing_that_a_search_finds_is_missing(kind: str, size: int) -> None:
    for seed in range(4):
        gain = 3.0 if EVERY_KIND[kind].is_smooth else 1.5
        cell = random_network(kind, size, 2, gain, seed).cell()
        found = nc.enumerate_fixed_points(cell)
        assert found.complete
        states = searched(cell)
        assert (distances(found, states) < 1e-6).all()
        if kind in BOUNDED:
            assert found.index.sum() == 1
            assert len(found) >= len(states)


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_proved_to_be_where_they_are(kind: str) -> None:
    cell = random_network(kind, 2 if kind == "leaky" else 3, 2, 2.0, 5).cell()
    x = np.array([0.3, -0.7])
    found = nc.enumerate_fixed_points(cell, x)
    assert len(found) > 0
    np.testing.assert_allclose(cell.step(found.points.h, x[None]), found.points.h, atol=1e-12)
    assert (found.radius_exists < 1e-11).all()
    assert (found.points.kind == "fixed").all()
    np.testing.assert_array_equal(found.points.inputs, np.tile(x, (len(found), 1)))
    if EVERY_KIND[kind].is_smooth:
        np.testing.assert_array_equal(found.index, found.points.index)
        assert found.points.certify().certified.all()


@pytest.mark.parametrize("seed", range(6))
def test_the_true_fixed_point_lies_within_its_radius(seed: int) -> None:
    gru = random_gru(3, 2, 3.0, seed)
    x = np.random.default_rng(seed).normal(size=2)
    found = nc.enumerate_fixed_points(cell_of(gru), x)
    assert found.complete
    for state, radius in zip(found.points.h, found.radius_exists, strict=True):
        for exact, near in zip(ball_reference.polish(gru, state, x), state, strict=True):
            assert abs(exact - arb(float(near))) <= arb(float(radius))


@pytest.mark.parametrize("activation", ["hard_tanh", "rectified_tanh", "logistic", "tanh"])
@pytest.mark.parametrize("made", [nc.LeakyRNN, nc.RateRNN])
def test_bounded_activations_may_have_kinks(activation: str, made: Any) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        w, b = 1.7 * rng.normal(size=(4, 4)), 0.3 * rng.normal(size=4)
        cell = made(np.zeros((4, 1)), w, b, alpha=0.5, activation=activation)
        found = nc.enumerate_fixed_points(cell)
        assert found.complete
        assert found.index.sum() == 1
        assert (distances(found, searched(cell)) < 1e-6).all()


def test_a_float32_cell_is_enumerated_as_its_weights_are_stored() -> None:
    cell = random_network("gru", 3, 2, 3.0, 0).cell(np.float32)
    found = nc.enumerate_fixed_points(cell)
    wide = random_network("gru", 3, 2, 3.0, 0)
    twin = nc.GRU(*(array.astype(np.float32).astype(np.float64) for array in wide.weights))
    exact = nc.enumerate_fixed_points(twin)
    assert found.complete
    assert found.points.h.dtype == np.float32
    gap = np.abs(found.points.h - exact.points.h).max(axis=1)
    assert (gap <= found.radius_exists + exact.radius_exists).all()
    assert (found.radius_exists < 1e-7).all()


# Low rank


def low_rank(size: int, rank: int, seed: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(size, rank))
    n = (2 * m + 1.6 * rng.normal(size=(size, rank))) / size
    return m, n, 0.1 * rng.normal(size=size)


@pytest.mark.parametrize(("size", "rank", "seed"), [(300, 2, 0), (100, 3, 1), (40, 1, 2)])
def test_low_rank_is_enumerated_in_latent_variables(size: int, rank: int, seed: int) -> None:
    m, n, b = low_rank(size, rank, seed)
    given = nc.enumerate_fixed_points(nc.RateRNN(np.zeros((size, 1)), (m, n), b, alpha=0.1))
    seen = nc.enumerate_fixed_points(nc.RateRNN(np.zeros((size, 1)), m @ n.T, b, alpha=0.1))
    assert given.method == seen.method == "latent"
    assert given.complete
    assert seen.complete
    assert given.index.sum() == seen.index.sum() == 1
    np.testing.assert_allclose(given.points.h, seen.points.h, atol=1e-9)
    rates = nc.enumerate_fixed_points(rnn(m @ n.T, b))
    assert rates.complete
    np.testing.assert_allclose(
        np.sort(rates.points.h, axis=0), np.sort(np.tanh(given.points.h), axis=0), atol=1e-9
    )
    assert (distances(seen, searched(seen.points.cell, 30)) < 1e-6).all()


def test_low_rank_agrees_with_boxes_of_all_outputs() -> None:
    m, n, b = low_rank(6, 2, 3)
    w = m @ n.T
    latent = nc.enumerate_fixed_points(rnn(w, b))
    blocks, biases = np.zeros((12, 6)), np.zeros(12)
    blocks[:6], biases[:6] = w, b  # of a UGRNN, whose fixed points are those of its candidate
    full = nc.enumerate_fixed_points(nc.UGRNN(np.zeros((12, 1)), blocks, biases))
    assert (latent.method, full.method) == ("latent", "boxes")
    np.testing.assert_allclose(latent.points.h, full.points.h, atol=1e-11)


def test_a_rank_that_is_low_only_roughly_is_not_taken_for_low() -> None:
    m, n, b = low_rank(8, 2, 4)
    noise = 1e-9 * np.random.default_rng(0).normal(size=(8, 8))
    found = nc.enumerate_fixed_points(rnn(m @ n.T + noise, b))
    assert found.method == "boxes"
    assert found.complete


def test_a_remainder_of_the_factors_is_part_of_the_proof() -> None:
    """Weights that are rounded otherwise move points by more than their radii say, or are noted."""
    m, n, b = low_rank(50, 2, 5)
    w = m @ n.T
    moved = w * (1 + 2.0**-50 * np.random.default_rng(1).choice([-1, 1], w.shape))
    one, other = (nc.enumerate_fixed_points(rnn(weights, b)) for weights in (w, moved))
    for found, weights in ((one, w), (other, moved)):
        residual = rnn(weights, b).residual(found.points.h)
        assert np.abs(residual).max() < 1e-13
        assert found.complete
    assert (np.abs(one.points.h - other.points.h).max(axis=1) < 1e-10).all()


# ReLU


def by_brute_force(w: Array, b: Array) -> tuple[Array, list[int]]:
    """Return all fixed points of max(W h + b, 0) = h, trying every pattern, and their indices."""
    size = len(b)
    points, indices = [], []
    for pattern in product((False, True), repeat=size):
        on = np.array(pattern)
        matrix = np.eye(on.sum()) - w[np.ix_(on, on)]
        h = np.zeros(size)
        h[on] = np.linalg.solve(matrix, b[on])
        if (h >= 0).all() and ((w @ h + b)[~on] <= 0).all():
            points.append(h)
            indices.append(int(np.sign(np.linalg.det(matrix))))
    return np.reshape(points, (-1, size)), indices


@pytest.mark.parametrize("size", [1, 3, 6, 9])
def test_relu_networks_have_the_points_of_all_patterns(size: int) -> None:
    for seed in range(6 if size < 9 else 2):
        rng = np.random.default_rng(seed)
        w = 1.5 * rng.normal(size=(size, size)) / np.sqrt(size)
        b = rng.normal(size=size)
        truth, indices = by_brute_force(w, b)
        found = nc.enumerate_fixed_points(rnn(w, b, nonlinearity="relu"))
        assert (found.method, found.complete) == ("regions", True)
        assert len(found) == len(truth)
        assert (distances(found, truth) < 1e-9).all()
        assert sorted(found.index) == sorted(indices)
        currents = nc.enumerate_fixed_points(
            nc.RateRNN(np.zeros((size, 1)), w, b, alpha=0.3, activation="relu")
        )
        assert currents.complete
        assert (distances(currents, truth @ w.T + b) < 1e-9).all()


def test_a_competitive_network_has_its_winners() -> None:
    """h = max(1 - 2 Σ of the others, 0): each alone, and every set of equals."""
    found = nc.enumerate_fixed_points(rnn(-2 * (1 - np.eye(4)), np.ones(4), nonlinearity="relu"))
    assert found.complete
    assert len(found) == 2**4 - 1
    assert found.index.sum() == 1


def test_a_network_with_a_p_matrix_has_one_point_and_one_with_none_is_told_so() -> None:
    w = 0.3 * np.random.default_rng(3).normal(size=(12, 12)) / np.sqrt(12)
    assert len(nc.enumerate_fixed_points(rnn(w, w[0], nonlinearity="relu"))) == 1
    none = nc.enumerate_fixed_points(rnn([[2.0]], [1.0], nonlinearity="relu"))
    assert (len(none), none.complete) == (0, True)


def test_a_unit_exactly_at_its_kink_is_proved_or_open() -> None:
    w = 0.1 * np.random.default_rng(2).normal(size=(8, 8))
    proved = nc.enumerate_fixed_points(rnn(w, nonlinearity="relu"))  # all are, at h = 0
    assert proved.complete
    np.testing.assert_allclose(proved.points.h, 0, atol=1e-12)
    # one side of the kink has slope 2, the other 0: the determinants differ in sign
    undecided = nc.enumerate_fixed_points(rnn([[2.0]], [0.0], nonlinearity="relu"))
    assert not undecided.complete
    assert_open(undecided, np.zeros((1, 1)))


def assert_open(found: nc.Enumeration, states: Array) -> None:
    """Every state is in an open box."""
    low, high = found.open_boxes
    inside = ((low <= states[:, None]) & (states[:, None] <= high)).all(axis=2)
    assert np.all(np.any(inside, axis=1))


# What cannot be decided


def test_degenerate_points_stay_open() -> None:
    for cell, state in (
        (rnn([[1.0]]), 0.0),
        (rnn([[2.0]], [np.arctanh(0.5**0.5) - 2 * 0.5**0.5]), 0.5**0.5),
    ):
        found = nc.enumerate_fixed_points(cell)
        assert not found.complete
        assert "degenerate" in found.reason
        assert_open(found, np.array([[state]]))
        assert (found.open_high - found.open_low).max() < 1e-6
    assert (nc.enumerate_fixed_points(rnn([[1 + 1e-9]]))).complete  # three within 1e-4


def test_a_pitchfork_leaves_the_other_points_proved() -> None:
    found = nc.enumerate_fixed_points(rnn(np.diag([1.0, 2.0])))
    assert len(found) == 0
    assert len(found.open_low) == 3
    assert_open(found, np.array([[0, -ROOT], [0, 0], [0, ROOT]]))
    beside = nc.enumerate_fixed_points(rnn([[2.0]], [np.arctanh(0.5**0.5) - 2 * 0.5**0.5]))
    assert len(beside) == 1


@pytest.mark.parametrize("b", [0.0, 1.0])
def test_lines_of_fixed_points_stay_open(b: float) -> None:
    found = nc.enumerate_fixed_points(rnn([[1.0, 0.0], [0.0, 0.5]], [0.0, b], nonlinearity="relu"))
    assert not found.complete
    assert "line" in found.reason
    line = np.array([[t, 2 * b] for t in (0.0, 0.5, 7.0, 1e6)])
    assert_open(found, line)
    flat = nc.LeakyRNN(np.zeros((1, 1)), np.eye(1), alpha=0.5, activation="hard_tanh")
    cut = nc.enumerate_fixed_points(flat, max_boxes=3_000)
    assert not cut.complete
    assert_open(cut, np.array([[-0.7], [0.1], [0.99]]))


@pytest.mark.parametrize("max_boxes", [1, 2, 17, 60, 130])
def test_no_point_is_lost_to_a_limit(max_boxes: int) -> None:
    found = nc.enumerate_fixed_points(uncoupled(4), max_boxes=max_boxes)
    assert not found.complete
    assert found.n_boxes == max_boxes
    assert "max_boxes" in found.reason
    truth = np.array(list(product((-ROOT, 0, ROOT), repeat=4)))
    assert_open(found, truth[distances(found, truth) > 1e-9])


def test_a_limit_counts_for_regions_too() -> None:
    w = np.random.default_rng(0).normal(size=(12, 12))
    found = nc.enumerate_fixed_points(rnn(w, w[0], nonlinearity="relu"), max_boxes=3)
    assert not found.complete
    assert "max_boxes" in found.reason
    points = nc.enumerate_fixed_points(rnn(w, w[0], nonlinearity="relu")).points
    assert_open(found, points.h.astype(np.float64))


def test_patience_ends_a_search() -> None:
    w = np.random.default_rng(0).normal(size=(20, 20))
    found = nc.enumerate_fixed_points(rnn(w), patience=0.02)
    assert not found.complete
    assert "patience" in found.reason


def test_the_resolution_says_how_wide_open_boxes_are() -> None:
    coarse, fine = (
        nc.enumerate_fixed_points(rnn([[1.0]]), resolution=resolution)
        for resolution in (1e-3, 1e-7)
    )
    assert coarse.n_boxes < fine.n_boxes
    for found, most in ((coarse, 1e-1), (fine, 1e-5)):
        assert (found.open_high - found.open_low).max() < most


# How it runs


def test_the_result_does_not_depend_on_the_number_of_threads() -> None:
    cell = random_network("gru", 5, 2, 3.0, 0).cell()
    one, *others = (nc.enumerate_fixed_points(cell, n_threads=n) for n in (1, 2, 3))
    for other in others:
        np.testing.assert_array_equal(one.points.h, other.points.h)
        np.testing.assert_array_equal(one.radius_exists, other.radius_exists)
        assert one.n_boxes == other.n_boxes


def test_progress_goes_from_nothing_to_all() -> None:
    told: list[tuple[int, int]] = []
    cell = random_network("gru", 5, 2, 3.0, 0).cell()
    nc.enumerate_fixed_points(cell, progress=lambda *done: told.append(done))
    assert told[-1] == (1000, 1000)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_what_progress_raises_ends_the_search() -> None:
    def stop(_: int, __: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nc.enumerate_fixed_points(uncoupled(6), progress=stop)


def test_the_result_pickles_and_is_indexed() -> None:
    found = nc.enumerate_fixed_points(uncoupled(2))
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    np.testing.assert_array_equal(again.points.h, found.points.h)
    np.testing.assert_array_equal(found[3].h, found.points.h[3:4])
    assert repr(found) == (
        f"Enumeration(9 fixed points, complete; index sum 1, {found.n_boxes} boxes, S = 2)"
    )
    assert "radius_exists" in found._repr_html_()


# Refusals

CELL = uncoupled(2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"cell": 3}, TypeError, "cell"),
        ({"inputs": np.zeros(3)}, ValueError, "inputs"),
        ({"inputs": np.array([np.nan])}, ValueError, "inputs"),
        ({"inputs": np.zeros((2, 1))}, ValueError, "inputs"),
        ({"max_boxes": 0}, ValueError, "max_boxes"),
        ({"max_boxes": 1.5}, TypeError, "max_boxes"),
        ({"patience": -1}, ValueError, "patience"),
        ({"resolution": 0}, ValueError, "resolution"),
        ({"resolution": "fine"}, TypeError, "resolution"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"progress": 3}, TypeError, "progress"),
    ],
)
def test_bad_arguments_are_named(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        nc.enumerate_fixed_points(**{"cell": CELL, **arguments})


def test_what_cannot_be_enumerated_is_told_what_to_do_instead() -> None:
    square = np.random.default_rng(0).normal(size=(70, 70))
    with pytest.raises(ValueError, match="find_fixed_points"):
        nc.enumerate_fixed_points(rnn(square))
    for activation in ("softplus", "identity", ["relu", "tanh"]):
        cell = nc.LeakyRNN(np.zeros((2, 1)), np.eye(2), alpha=0.5, activation=activation)
        with pytest.raises(ValueError, match="find_fixed_points"):
            nc.enumerate_fixed_points(cell)
    ones = np.ones((2, 1))
    cell = nc.LeakyRNN(np.zeros((2, 1)), (ones, ones), alpha=0.5, activation="relu")
    with pytest.raises(ValueError, match="one matrix"):
        nc.enumerate_fixed_points(cell)
    stack = nc.Stack([random_network("gru", 2, 2, seed=seed).cell() for seed in (0, 1)])
    with pytest.raises(TypeError, match="its cells one after the other"):
        nc.enumerate_fixed_points(stack)
    function = nc.from_function(lambda x, h: 0.5 * h + x, 2, 2, bounds=(-1, 1))
    with pytest.raises(TypeError, match="native cell"):
        nc.enumerate_fixed_points(function)
