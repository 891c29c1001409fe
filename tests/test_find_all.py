"""Networks with known points are completed, and the search ends, says why, and can go on."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

import nullcline as nc
from nullcline.completeness import layer_by_layer, rounds
from nullcline.completeness.known_points import KnownPoints
from nullcline.continuation import trace
from nullcline.search import Verdict
from testing.every_cell import random_network
from testing.flip_flops import flip_flop

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def uncoupled(slopes: list[float], bias: float = 0.1) -> nc.RNN:
    """Return units that know nothing of each other, rotated by nothing: 3 points each, or 1."""
    size = len(slopes)
    return nc.RNN(np.zeros((size, 1)), np.diag(slopes), np.full(size, bias))


def known_points(slopes: list[float], bias: float = 0.1) -> NDArray[np.float64]:
    """Return the fixed points of `uncoupled`, each unit's by bisection, in every combination."""
    own = []
    for slope in slopes:
        grid = np.linspace(-1, 1, 401)

        def residual(h: float, slope: float = slope) -> float:
            return float(np.tanh(slope * h + bias) - h)

        values = [residual(h) for h in grid]
        own.append(
            [
                brentq(residual, a, b, xtol=1e-14)
                for a, b, at_a, at_b in zip(grid, grid[1:], values, values[1:], strict=False)
                if at_a * at_b < 0
            ]
        )
    return np.array(list(product(*own)))


def lacking(found: nc.AllFixedPoints, known: NDArray[np.float64]) -> int:
    """Return how many known points were not found."""
    h = found.points.h.astype(np.float64)
    away = np.abs(known[:, None] - h[None]).max(axis=2).min(axis=1, initial=np.inf)
    return int(np.sum(away > 1e-3))


@pytest.mark.parametrize("slopes", [[0.5], [3.0], [2.0, 3.0], [1.5, 2.0, 4.0]])
@pytest.mark.parametrize("n_starts", [None, 1])
def test_uncoupled_units_are_completed(slopes: list[float], n_starts: int | None) -> None:
    cell = uncoupled(slopes)
    starts = None if n_starts is None else np.full((n_starts, len(slopes)), 0.3)
    found = nc.find_all_fixed_points(cell, starts=starts)
    known = known_points(slopes)
    assert lacking(found, known) == 0
    assert len(found) == len(known)
    assert found.settled.tolist() == [True]
    assert found.completeness.is_consistent


@pytest.mark.parametrize("seed", range(2))
def test_what_katz_constructed_is_found(seed: int) -> None:
    """W = arctanh(V) V⁻¹ has the columns of V, their opposites and zero for fixed points."""
    v = np.random.default_rng(seed).uniform(-0.95, 0.95, (5, 5))
    w = np.arctanh(v) @ np.linalg.inv(v)
    found = nc.find_all_fixed_points(nc.RNN(np.zeros((5, 1)), w))
    assert lacking(found, np.concatenate([v.T, -v.T, np.zeros((1, 5))])) == 0
    assert found.completeness.is_consistent


@pytest.mark.parametrize(
    ("bits", "size", "n_points"), [(1, 24, 3), (2, 24, 9), (3, 24, 27), (4, 16, 77)]
)
def test_a_flip_flop_is_completed(bits: int, size: int, n_points: int) -> None:
    """Its latent variables are enumerated; of the last one's 81 points two pairs met and went."""
    cell = flip_flop(bits, size)
    known = proved(cell, np.zeros(bits))
    assert len(known) == n_points
    found = nc.find_all_fixed_points(cell)
    assert lacking(found, known) == 0
    assert len(found) == n_points
    assert found.settled.tolist() == [True]


@pytest.mark.parametrize("kind", ["gru", "original_gru", "lstm", "ugrnn", "mgu", "tanh", "rate"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_few_starts_come_to_what_many_find(kind: str, dtype: Any) -> None:
    cell = random_network(kind, 6, 2, 2.5, 8).cell(dtype)
    box = cell.box
    outputs = np.random.default_rng(1).uniform(box.low, box.high, (2000, 6)).astype(dtype)
    many = nc.find_fixed_points(cell, cell.state_of(outputs)).unique().select("fixed")
    found = nc.find_all_fixed_points(cell, starts=cell.state_of(outputs[:1]))
    assert lacking(found, many.h.astype(np.float64)) == 0
    assert found.settled.tolist() == [True]


def test_each_point_says_how_it_was_found() -> None:
    found = nc.find_all_fixed_points(uncoupled([2.0, 3.0]), starts=np.full((1, 2), 0.9))
    assert found.how[0] == "start"
    assert set(found.how[1:]) <= {"fiber", "deflation", "homotopy", "start"}
    assert "fiber" in found.how
    assert found.points.count.min() >= 1
    assert "by fiber" in repr(found)
    assert repr(found).endswith("index sum 1; settled)")


def test_without_effort_the_starts_alone_are_searched() -> None:
    found = nc.find_all_fixed_points(uncoupled([3.0]), starts=np.full((1, 1), 0.9), effort=0)
    assert len(found) == 1
    assert found.rounds.tolist() == [0]
    assert found.settled.tolist() == [False]


def test_conditions_are_completed_one_by_one() -> None:
    cell = nc.RNN(np.ones((1, 1)), np.array([[2.0]]))
    found = nc.find_all_fixed_points(cell, {"rest": np.zeros(1), "push": np.array([3.0])})
    assert found.points.condition is not None
    assert found.points.condition.tolist() == ["rest"] * 3 + ["push"]
    assert found.completeness.n_points.tolist() == [3, 1]
    assert str(found.completeness).splitlines()[1].startswith("push: consistent")
    assert found.points.completeness().is_consistent
    assert found.settled.tolist() == [True, True]


# Stacks


def a_stack(*sizes: int, seed: int = 0, directions: int = 1) -> nc.Stack:
    """Return tanh layers one above the other that have several fixed points each."""
    layers: list[Any] = []
    reads = 2
    for number, size in enumerate(sizes):
        cells = [
            random_network("tanh", size, reads, 4.0, seed + 10 * number + way).cell()
            for way in range(directions)
        ]
        layers.append(cells[0] if directions == 1 else nc.Bidirectional(cells[0], cells[1]))
        reads = size * directions
    return nc.Stack(layers)


def enumerated(stack: nc.Stack, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return all joint fixed points, each cell's enumerated with proof at what is below it."""
    joint = [(np.zeros(0), x)]
    for layer in stack.layers:
        cells = layer if isinstance(layer, tuple) else (layer,)
        joint = [
            (np.concatenate([below, *parts]), np.concatenate(parts))
            for below, u in joint
            for parts in product(*(proved(cell, u) for cell in cells))
        ]
    return np.array([h for h, _ in joint])


def proved(cell: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return all fixed points of a small cell."""
    every = nc.enumerate_fixed_points(cell, x)
    assert every.complete
    return np.asarray(every.points.h, np.float64)


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("n_starts", [None, 1])
def test_a_stack_is_completed(directions: int, n_starts: int | None) -> None:
    stack, x = a_stack(3, 2, 2, directions=directions), np.array([0.3, -0.2])
    starts = None if n_starts is None else np.full((n_starts, stack.state_size), 0.4)
    known = enumerated(stack, x)
    found = nc.find_all_fixed_points(stack, x, starts=starts)
    assert len(known) >= 3
    assert lacking(found, known) == 0
    assert len(found) == len(known)
    assert found.settled.tolist() == [True]
    assert found.completeness.is_consistent
    assert set(found.points.kind) == {"fixed"}
    assert nc.find_fixed_points(stack, found.points.h, x, max_iterations=0).kind.tolist() == (
        found.points.kind.tolist()
    )


def test_a_stack_of_lstms_has_its_whole_state() -> None:
    layers = [random_network("lstm", 4, reads, 4.0, reads).cell() for reads in (2, 4)]
    stack = nc.Stack(layers)
    found = nc.find_all_fixed_points(stack)
    np.testing.assert_allclose(stack.step(found.points.h), found.points.h, atol=1e-12)
    assert found.points.h.shape[1] == 16
    assert found.settled.tolist() == [True]


def test_a_joint_point_tells_the_hardest_way_of_its_layers() -> None:
    """One start goes to one point of each layer; all else is found by other ways."""
    stack = nc.Stack([uncoupled([2.0]), nc.RNN(np.eye(1), np.array([[2.5]]))])
    found = nc.find_all_fixed_points(stack, starts=np.full((1, 2), 0.9))
    lower = found.points.h[:, 0]
    by_start = found.how == "start"
    assert by_start.sum() == 1
    assert (found.how[lower != lower[by_start]] != "start").all()
    assert found.directions.min() >= 1


def test_a_stack_goes_on_from_its_file(tmp_path: Path) -> None:
    stack, file = a_stack(3, 2), tmp_path / "all.npz"
    inputs = {"rest": np.zeros(2), "push": np.array([0.3, -0.2])}

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    starts = np.full((1, 5), 0.4)
    with pytest.raises(KeyboardInterrupt):
        nc.find_all_fixed_points(stack, inputs, starts=starts, file=file, progress=interrupt)
    kept = nc.AllFixedPoints.load(file)
    assert kept.rounds.tolist() == [1]
    found = nc.find_all_fixed_points(stack, inputs, file=file)
    assert found.rounds[0] > 1
    where = [int(np.argmin(np.abs(found.points.h - h).max(axis=1))) for h in kept.points.h]
    np.testing.assert_array_equal(found.points.h[where], kept.points.h)
    assert found.how[where].tolist() == kept.how.tolist()
    for label, x in inputs.items():
        of = found.points.select(found.points.condition == label)
        assert len(of) == len(enumerated(stack, x))
    again = nc.find_all_fixed_points(stack, inputs, file=file)
    np.testing.assert_array_equal(again.points.h, found.points.h)
    assert again.how.tolist() == found.how.tolist()
    assert again.directions.tolist() == found.directions.tolist()
    assert again.rounds.tolist() == found.rounds.tolist()


def test_a_stack_with_more_points_than_a_round_has_searches_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layer_by_layer, "MOST_SEARCHES", 2)
    stack = nc.Stack([uncoupled([2.0, 2.0]), nc.RNN(np.eye(2)[:1], np.array([[2.5]]))])
    first = nc.find_all_fixed_points(stack, effort=1)
    assert first.settled.tolist() == [False]
    found = nc.find_all_fixed_points(stack, effort=9)
    assert found.settled.tolist() == [True]
    assert len(first) < len(found)
    assert len(np.unique(found.points.h[:, :2], axis=0)) == 9


class _Told:
    """The search of a cell whose points are known, and are met in a round that is told."""

    rounds, settled, is_over = 0, False, False

    def __init__(self, cell: nc.cells.Cell, x: NDArray[np.float64] | None, late: bool) -> None:
        self._late = late
        self._all = nc.find_all_fixed_points(cell, x).points
        self._show(1 if late else len(self._all))

    def _show(self, n: int) -> None:
        self.known = KnownPoints.begun(self._all[:n], "start")

    def spend_a_round(self) -> None:
        """Meet the rest, in the second round where that is late, and be over then."""
        self.rounds += 1
        if self.rounds == 1 + self._late:
            self._show(len(self._all))
            self.settled = self.is_over = True


def test_a_stack_is_not_settled_before_its_upper_layer_is_searched_at_every_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the lower layer's nine points eight come late, more than are searched in a round."""
    monkeypatch.setattr(layer_by_layer, "MOST_SEARCHES", 3)
    stack = nc.Stack([uncoupled([2.0, 2.0]), nc.RNN(np.eye(2)[:1], np.array([[0.5]]))])
    lower = stack.cells[0]
    work = layer_by_layer.LayerByLayer(
        stack, None, None, 1e-3, None, None, lambda cell, x, *_: _Told(cell, x, cell is lower)
    )
    rounds = 0
    while not work.is_over:
        work.spend_a_round()
        rounds += 1
    assert rounds == 4
    assert len(work.result()) == 9
    assert work.settled


def test_a_stack_of_which_no_point_is_known_says_so() -> None:
    """Of strong tanh layers `auto` leaves most starts without a zero."""
    stack = a_stack(64, 2)
    found = nc.find_all_fixed_points(stack, starts=np.full((1, 66), 0.4), effort=0)
    assert len(found) == 0
    assert found.completeness.verdict == (Verdict.INCOMPLETE,)
    assert "sum to 0" in str(found.completeness)


def test_a_function_is_completed() -> None:
    w = torch.diag(torch.tensor([2.0, 3.0], dtype=torch.float64))
    cell = nc.from_function(lambda x, s: torch.tanh(s @ w + x), 2, 2, bounds=(-1, 1))
    found = nc.find_all_fixed_points(cell, starts=np.full((1, 2), 0.5))
    assert len(found) == 9
    assert found.settled.tolist() == [True]


# What cannot be settled


def test_a_line_of_fixed_points_ends_with_an_open_verdict() -> None:
    slope = np.diag([1.0, 0.5])
    cell = nc.LeakyRNN(np.zeros((2, 1)), slope, alpha=0.5, activation="hard_tanh")
    found = nc.find_all_fixed_points(cell, effort=3)
    assert found.completeness.verdict == (Verdict.UNDETERMINED,)
    assert found.settled.tolist() == [False]
    assert found.rounds[0] < 3
    smooth = nc.RNN(np.zeros((2, 1)), slope)  # a threefold zero
    found = nc.find_all_fixed_points(smooth, effort=3)
    assert found.completeness.verdict == (Verdict.UNDETERMINED,)


@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_unbounded_cells_end_with_a_round_that_finds_nothing(activation: str) -> None:
    w = np.random.default_rng(0).normal(size=(4, 4)) / 4
    cell = nc.LeakyRNN(np.zeros((4, 1)), w, np.ones(4), alpha=0.5, activation=activation)
    found = nc.find_all_fixed_points(cell)
    assert found.completeness.verdict == (Verdict.INAPPLICABLE,)
    assert found.settled.tolist() == [False]
    assert found.rounds.tolist() == [1]
    assert len(found) == 1


def test_too_many_points_end_with_the_effort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "N_STATES", 500)
    told: list[tuple[int, int]] = []
    found = nc.find_all_fixed_points(
        uncoupled([2.0] * 6), effort=1, progress=lambda done, total: told.append((done, total))
    )
    assert len(found) > 200
    assert not found.settled[0]
    assert found.completeness.verdict != (Verdict.INAPPLICABLE,)
    assert told == [(1, 1)]


# Going on, and what is refused


def test_an_interrupted_search_goes_on_from_its_file(tmp_path: Path) -> None:
    cell, file = uncoupled([2.0, 3.0, 2.5]), tmp_path / "all.npz"

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    starts = np.full((1, 3), 0.9)
    with pytest.raises(KeyboardInterrupt):
        nc.find_all_fixed_points(cell, starts=starts, file=file, progress=interrupt)
    kept = nc.AllFixedPoints.load(file)
    assert kept.rounds.tolist() == [1]
    found = nc.find_all_fixed_points(cell, starts=starts, file=file)
    assert found.rounds[0] > 1
    np.testing.assert_array_equal(found.points.h[: len(kept)], kept.points.h)
    assert found.how[: len(kept)].tolist() == kept.how.tolist()
    assert len(found) == 27
    again = nc.find_all_fixed_points(cell, file=file)
    assert again.rounds.tolist() == found.rounds.tolist()  # it was settled
    assert again.settled.tolist() == [True]
    np.testing.assert_array_equal(again.points.h, found.points.h)


def test_files_of_several_inputs_go_on_where_they_were(tmp_path: Path) -> None:
    cell, file = nc.RNN(np.ones((1, 1)), np.array([[2.0]])), tmp_path / "all.npz"
    inputs = {"rest": np.zeros(1), "push": np.array([3.0])}
    first = nc.find_all_fixed_points(cell, {"rest": inputs["rest"]}, file=file)
    both = nc.find_all_fixed_points(cell, inputs, file=file)
    assert both.rounds[0] == first.rounds[0]
    assert nc.AllFixedPoints.load(file).completeness.n_points.tolist() == [3, 1]
    with pytest.raises(ValueError, match="at these inputs, and has others"):
        nc.find_all_fixed_points(cell, {"rest": inputs["rest"]}, file=file)


def test_it_draws_the_same_states_again() -> None:
    cell = uncoupled([2.0, 3.0])
    one, other = (nc.find_all_fixed_points(cell, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.points.h, other.points.h)
    assert one.how.tolist() == other.how.tolist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"effort": -1}, "effort must lie between 0"),
        ({"effort": 1.5}, "effort must be an integer"),
        ({"starts": np.zeros((0, 2))}, "starts must hold a state"),
        ({"starts": np.zeros((3, 5))}, "starts must have"),
        ({"inputs": np.zeros((3, 1))}, "inputs must be None or have shape"),
        ({"seed": -1}, "seed must lie between"),
        ({"tol_unique": -1.0}, "tol_unique must"),
        ({"tol_unique": 0}, "tol_unique must be at least 1.5e-08 for a cell of float64"),
        ({"n_threads": 0}, "n_threads must"),
        ({"progress": "bar"}, "progress must be True, False or a function"),
    ],
)
def test_what_is_wrong_is_named(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        nc.find_all_fixed_points(uncoupled([2.0, 2.0]), **arguments)


def test_other_files_are_refused(tmp_path: Path) -> None:
    cell, file = uncoupled([2.0, 3.0]), tmp_path / "all.npz"
    nc.find_all_fixed_points(cell, file=file, effort=0)
    with pytest.raises(ValueError, match="file must hold points of this cell"):
        nc.find_all_fixed_points(uncoupled([2.0, 2.0]), file=file)
    points = tmp_path / "points.npz"
    nc.find_fixed_points(cell, np.zeros((1, 2))).save(points, cell=True)
    with pytest.raises(ValueError, match="all fixed points"):
        nc.AllFixedPoints.load(points)


def test_points_of_float32_that_are_none_of_float64_end_no_search() -> None:
    rng = np.random.default_rng(162)
    size = int(rng.integers(2, 5))
    weight = 10 ** rng.uniform(1, 4) * rng.normal(size=(size, size))
    cell = nc.LeakyRNN(
        np.zeros((size, 1), np.float32),
        weight.astype(np.float32),
        rng.normal(size=size).astype(np.float32),
        alpha=np.float32(1),
        activation=(["tanh", "logistic"] * 2)[:size],
    )
    ends = nc.find_fixed_points(cell, rng.uniform(-1, 1, (20, size)).astype(np.float32))
    starts = ends.select("fixed").unique().h
    with pytest.raises(ValueError, match="in float64, too"):
        trace(cell, starts, beyond=True)
    found = nc.find_all_fixed_points(cell, starts=starts, effort=1)
    assert set(found.points.kind) == {"fixed"}
    assert len(found) >= len(starts)


def test_units_that_nothing_reaches_are_followed_beyond_their_box() -> None:
    rng = np.random.default_rng(0)
    cell = nc.RateRNN(np.zeros((3, 1)), np.zeros((3, 3)), rng.normal(size=3), alpha=0.5)
    starts = np.zeros((1, 3))
    traced = trace(cell, starts, beyond=True, directions=rng.normal(size=3))
    assert len(traced.points) == 1
    assert not traced.faults


def test_effort_that_is_not_spent_takes_no_time() -> None:
    calls: list[tuple[int, int]] = []
    nc.find_all_fixed_points(
        uncoupled([0.5]), effort=2**31 - 1, progress=lambda *done: calls.append(done)
    )
    assert len(calls) < 10
    assert calls[-1] == (2**31 - 1, 2**31 - 1)


def test_a_point_whose_c_rounding_moves_far_is_one_point() -> None:
    rng = np.random.default_rng(0)
    weight = 5 * rng.normal(size=(12, 3))
    bias = np.zeros(12)
    bias[3:6] = 14  # forget gates near 1: c is 1e7, and rounding of it more than tol_unique
    arrays = (np.zeros((12, 1)), weight, bias, np.zeros(12))
    cell = nc.LSTM(*(array.astype(np.float32) for array in arrays))
    found = nc.find_all_fixed_points(cell, effort=2)
    assert 0 < len(found) <= 3  # as many as an enumeration proves that there are
    assert found.completeness.n_points.tolist() == [len(found)]
