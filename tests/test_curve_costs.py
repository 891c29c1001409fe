"""A step along a curve costs one factorization, or none, and leads where Newton's method does."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import lapack

import nullcline as nc
from nullcline.cells.residual_maps import residual_map
from nullcline.continuation import corrector, fiber_problem, fibers, input_branch
from nullcline.continuation.branch_points import Kind, n_passed, open_directions
from nullcline.continuation.by_products import gmres
from nullcline.continuation.curve_problem import Problem
from nullcline.continuation.factored import Factored, factor
from nullcline.continuation.singular_vectors import smallest_by_products, smallest_left_vectors
from testing.every_cell import SMOOTH, random_network
from testing.gru_samples import seeds
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@pytest.fixture
def factorizations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that every factorization is entered in."""
    made: list[str] = []

    def entering(name: str) -> Any:
        routine = getattr(lapack, name)

        def entered(*args: Any, **options: Any) -> Any:
            made.append(name)
            return routine(*args, **options)

        return entered

    for name in ("dgetrf", "sgetrf", "dgesv"):
        monkeypatch.setattr(lapack, name, entering(name))
    return made


@pytest.fixture
def by_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow all curves as those of large networks."""
    for module in (fiber_problem, fibers, input_branch):
        monkeypatch.setattr(module, "LARGEST_WRITTEN_OUT", 0)


def first_fixed_point(name: str) -> tuple[nc.GRU, nc.FixedPoints]:
    layer = trained_layer(name)
    cell = layer.cell()
    return cell, nc.find_fixed_points(cell, layer.starts[:20]).unique().select("fixed")[:1]


# Dense steps


@pytest.mark.parametrize("name", ["imdb-1-layer", "imdb-64-units", "synthetic-1-layer"])
def test_a_trace_factors_about_once_a_step(
    name: str, factorizations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, point = first_fixed_point(name)
    residuals = []

    def counted(*args: Any) -> Any:
        residuals.append(args)
        return residual_map(*args)

    monkeypatch.setattr(fiber_problem, "residual_map", counted)
    factorizations.clear()
    (curve,) = nc.trace(cell, point).curves
    assert len(curve) > 20
    assert len(factorizations) <= 1.2 * (len(curve) - 1)
    assert factorizations.count("dgesv") == 0
    assert len(residuals) <= 7.2 * (len(curve) - 1)


def test_curves_side_by_side_are_those_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, point = first_fixed_point("imdb-64-units")
    alone = nc.trace(cell, point, n_directions=2, n_threads=1)
    monkeypatch.setattr(fibers, "IN_PARALLEL_FROM", 0)
    monkeypatch.setattr(fibers, "map", None, raising=False)  # not one by one
    together = nc.trace(cell, point, n_directions=2, n_threads=2)
    for one, other in zip(alone.curves, together.curves, strict=True):
        np.testing.assert_array_equal(one.h, other.h)


@settings(max_examples=15)
@given(st.sampled_from(SMOOTH), st.integers(1, 8), seeds)
def test_old_factors_correct_to_where_newtons_method_does(kind: str, size: int, seed: int) -> None:
    cell = random_network(kind, size, 1, 2.0, seed).cell()
    starts = np.random.default_rng(seed).uniform(-1, 1, (4, cell.state_size))
    points = nc.find_fixed_points(cell, starts).unique().select("fixed")
    assume(len(points) > 0)
    ours = nc.trace(cell, points[0], max_points=40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corrector, "_chords", lambda *_: None)
        patch.setattr(corrector, "RESOLVED", np.inf)
        newton = nc.trace(cell, points[0], max_points=80)
    for curve in (ours.curves[0], newton.curves[0]):
        expected = np.outer(curve.tau, curve.direction)
        np.testing.assert_allclose(cell.residual(cell.outputs_of(curve.h)), expected, atol=1e-10)
    assert on_polygon(ours.curves[0], newton.curves[0])


def on_polygon(ours: nc.Curve, other: nc.Curve) -> bool:
    """Tell whether states of one curve lie along the other, as far as that one goes."""
    states = other.cell.outputs_of(other.h)
    inside = (ours.arclength > other.arclength[0]) & (ours.arclength < other.arclength[-1])
    for h in ours.cell.outputs_of(ours.h)[inside]:
        distances, reach = [], []
        for before, after in pairwise(states):
            along = after - before
            part = np.clip(along @ (h - before) / max(along @ along, 1e-300), 0, 1)
            distances.append(np.linalg.norm(before + part * along - h))
            reach.append(np.linalg.norm(along))
        nearest = int(np.argmin(distances))
        if distances[nearest] > 0.1 * reach[nearest] + 1e-6:  # a chord's sagitta, at 20 degrees
            return False
    return True


def test_updates_are_exact_in_one_unknown() -> None:
    """There they are the secant method."""
    updates = corrector._BroydenUpdates()
    y = np.zeros(1)
    for _ in range(2):
        move = updates.improved(1 - 1.3 * y)
        assert move is not None
        y = y + move
    assert y[0] == pytest.approx(1 / 1.3, rel=1e-14)
    assert updates.contraction == pytest.approx(0.3)


def test_moves_that_hardly_shorten_are_refused() -> None:
    for second in (0.6, -0.6, np.nan):
        updates = corrector._BroydenUpdates()
        assert updates.improved(np.ones(1)) is not None
        assert updates.improved(np.full(1, second)) is None


def tall(size: int, smallest: float = 1.0) -> Matrix:
    """Return a matrix (N, N + 1) whose singular values are 1 to 2 but for the smallest."""
    rng = np.random.default_rng(size)
    left = np.linalg.qr(rng.normal(size=(size, size)))[0]
    right = np.linalg.qr(rng.normal(size=(size + 1, size + 1)))[0]
    values = np.append(smallest, np.linspace(1, 2, size - 1))
    matrix: Matrix = left @ np.column_stack([np.diag(values), np.zeros(size)]) @ right
    return matrix


@pytest.mark.parametrize("smallest", [1.0, 1e-3, 1e-6, 1e-9])
def test_single_precision_is_refined_or_given_up(smallest: float) -> None:
    jacobian = tall(40, smallest)
    row = np.random.default_rng(1).normal(size=41)
    single, double = factor(jacobian, row, single=True), factor(jacobian, row, single=False)
    assert single is not None
    assert double is not None
    assert single.sign == double.sign == np.linalg.slogdet(np.vstack([jacobian, row]))[0]
    for found in (single, double):
        assert np.abs(jacobian @ found.tangent).max() < 1e-13
        assert np.linalg.norm(found.tangent) == pytest.approx(1)
        assert found.tangent @ row > 0
        assert found.sign_towards(-row) == -found.sign


def test_what_is_singular_or_not_finite_has_no_factors() -> None:
    jacobian = tall(5)
    null = np.linalg.svd(jacobian)[2][-1]
    assert factor(np.zeros((2, 3)), np.ones(3)) is None
    assert factor(np.full((2, 3), np.nan), np.ones(3)) is None
    assert factor(np.full((2, 3), 1e200), np.ones(3), single=True) is None
    assert factor(1e100 * jacobian, null, single=True) is not None  # by double precision


def test_corrections_lie_across_the_curve() -> None:
    jacobian = tall(30)
    found = factor(jacobian, np.random.default_rng(1).normal(size=31), single=False)
    assert found is not None
    residual = np.random.default_rng(2).normal(size=30)
    change = found.across(residual, found.tangent)
    np.testing.assert_allclose(jacobian @ change, residual, atol=1e-13)
    assert abs(change @ found.tangent) < 1e-13


@pytest.mark.parametrize("size", [10, 90])
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_changes_of_the_determinants_sign_are_counted(n: int, size: int) -> None:
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(size, size)))[0]
    values = np.append(-2.0 - np.arange(n), np.linspace(0.9, 1.1, size - n))
    row = np.eye(size + 1)[-1]
    before = np.column_stack([turn @ np.diag(values) @ turn.T, np.zeros(size)])
    after = np.column_stack([np.eye(size), np.zeros(size)])
    first, second = factor(before, -row), factor(after, row)  # the second's row is what counts
    assert isinstance(first, Factored)
    assert isinstance(second, Factored)
    assert n_passed(first, second) == n
    assert (n % 2 == 1) == (first.sign_towards(second.tangent) != second.sign)


# Where a curve begins


@pytest.mark.parametrize("n", [1, 3])
def test_the_smallest_singular_vectors_are_found_without_the_others(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = np.random.default_rng(0).normal(size=(120, 120)) / 24 - np.eye(120)
    left, values, _ = np.linalg.svd(matrix)
    monkeypatch.setattr(np.linalg, "svd", None)  # not needed
    found = smallest_left_vectors(matrix, n)
    products = smallest_by_products(lambda u: matrix @ (matrix.T @ u), 120, n)
    assert products is not None
    for i, (vector, by_products) in enumerate(zip(found, products, strict=True)):
        assert abs(vector @ left[:, -1 - i]) == pytest.approx(1, abs=1e-13)
        assert np.linalg.norm(matrix.T @ vector) == pytest.approx(values[-1 - i], rel=1e-9)
        assert np.linalg.norm(matrix.T @ by_products) == pytest.approx(values[-1 - i], rel=1e-6)
        assert vector[np.argmax(np.abs(vector))] > 0


def test_many_or_singular_vectors_are_decomposed() -> None:
    matrix = np.diag(np.append(np.arange(1.0, 80.0), 0.0))
    found = smallest_left_vectors(matrix, 40)
    np.testing.assert_allclose(found, np.eye(80)[[79, *range(39)]], atol=1e-12)


@pytest.mark.parametrize("size", [3, 100])
def test_a_branch_point_among_many_units_has_two_directions(size: int) -> None:
    """Of s x = x³, while all other units are at rest; mixed, so that nothing is zero exactly."""
    rng = np.random.default_rng(0)
    mixed = np.linalg.qr(rng.normal(size=(size, size)))[0]
    turn = np.linalg.qr(rng.normal(size=(size + 1, size + 1)))[0]

    def function(y: Any) -> Any:
        z = y @ turn
        return mixed @ np.append(z[-1] * z[0] - z[0] ** 3, z[1:-1])

    def jacobian(y: Any) -> Any:
        z = y @ turn
        rows = np.eye(size, size + 1)
        rows[0, 0], rows[0, -1] = z[-1] - 3 * z[0] ** 2, z[0]
        return mixed @ rows @ turn.T

    problem = Problem(function, jacobian, lambda y: 2 - np.abs(y))
    assert open_directions(problem, np.zeros(size + 1)).kind is Kind.CROSSING
    leaving = open_directions(problem, turn[:, -1])
    assert leaving.kind is Kind.ORDINARY
    assert abs(leaving.tangents[0] @ turn[:, -1]) == pytest.approx(1, abs=1e-12)


# By products


def networks() -> Iterator[tuple[str, Any]]:
    for kind in SMOOTH:
        yield kind, random_network(kind, 12, 2, 1.5, 3).cell()
    below = random_network("gru", 7, 2, 1.5, 1).cell()
    yield "stack", nc.Stack([below, random_network("lstm", 6, 7, 1.5, 2).cell()])
    pair = nc.Bidirectional(below, random_network("ugrnn", 4, 2, 1.5, 4).cell())
    above = [random_network("gru", 3, 11, 1.5, seed).cell() for seed in (5, 6)]
    yield "two directions", nc.Stack([pair, nc.Bidirectional(*above)])
    weights = torch.from_numpy(1.6 * np.random.default_rng(0).normal(size=(5, 5)) / 5**0.5)
    yield "function", nc.from_function(lambda x, h: torch.tanh(h @ weights + x[:, :1]), 5, 2)


NETWORKS = dict(networks())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_map_is_the_jacobian(name: str) -> None:
    cell = NETWORKS[name]
    rng = np.random.default_rng(0)
    h, x = rng.uniform(-0.9, 0.9, cell.hidden_size), rng.normal(size=2)
    v = rng.normal(size=cell.hidden_size)
    jacobian = cell.residual_jacobian(h[None], x)[0]
    for read in (x, None):
        here = residual_map(cell, h, read)
        np.testing.assert_allclose(here.residual, cell.residual(h[None], read)[0], atol=1e-14)
    here = residual_map(cell, h, x)
    np.testing.assert_allclose(here.jvp(v), jacobian @ v, atol=1e-13)
    np.testing.assert_allclose(here.vjp(v), v @ jacobian, atol=1e-13)


def test_a_cell_of_ones_own_has_a_map() -> None:
    cell = NETWORKS["gru"]

    class Own:
        def __getattr__(self, name: str) -> Any:
            return getattr(cell, name)

    h, v = np.full(12, 0.2), np.arange(12.0)
    ours, theirs = residual_map(cell, h, None), residual_map(Own(), h, None)
    np.testing.assert_allclose(theirs.residual, ours.residual, atol=1e-14)
    np.testing.assert_allclose(theirs.jvp(v), ours.jvp(v), atol=1e-13)
    np.testing.assert_allclose(theirs.vjp(v), ours.vjp(v), atol=1e-13)


@pytest.mark.parametrize("name", NETWORKS)
def test_curves_by_products_are_those_by_factors(
    name: str, monkeypatch: pytest.MonkeyPatch, factorizations: list[str]
) -> None:
    cell = NETWORKS[name]
    start, d = np.zeros(cell.state_size), np.array([1.0, -0.5])
    dense = nc.trace(cell, start, max_points=12)
    dense_input = nc.follow_input(cell, dense.points.select("fixed")[:1], d, reach=0.5)
    for module in (fiber_problem, fibers, input_branch):
        monkeypatch.setattr(module, "LARGEST_WRITTEN_OUT", 0)
    monkeypatch.setattr(fibers, "LARGEST_DENSE_POLISH", 0)
    factorizations.clear()
    ours = nc.trace(cell, start, max_points=12)
    branch = nc.follow_input(cell, dense.points.select("fixed")[:1], d, reach=0.5)
    assert not factorizations
    (curve,), (expected,) = ours.curves, dense.curves
    assert abs(curve.direction @ expected.direction) == pytest.approx(1, abs=1e-8)
    outputs = cell.outputs_of(curve.h)
    along = np.outer(curve.tau, curve.direction)
    np.testing.assert_allclose(cell.residual(outputs), along, atol=1e-9)
    for h, tangent, slope in zip(outputs, curve.tangents, curve.tau_slope, strict=True):
        moved = cell.residual_jacobian(h[None])[0] @ tangent
        np.testing.assert_allclose(moved, slope * curve.direction, atol=1e-9)
    assert curve.ends == expected.ends
    assert on_polygon(curve, expected)
    assert branch.end == dense_input.end
    np.testing.assert_allclose(branch.h[-1], dense_input.h[-1], atol=2e-3)
    np.testing.assert_allclose(
        cell.residual(cell.outputs_of(branch.h), branch.inputs), 0, atol=1e-9
    )


@pytest.mark.usefixtures("by_products")
def test_the_line_attractor_is_followed_by_products() -> None:
    cell, point = first_fixed_point("imdb-1-layer")
    found = nc.trace(cell, point)
    assert sorted(found.points.kind) == ["fixed", "slow"]
    assert found.curves[0].ends == ("the curve reached a face of the cell's box",) * 2


@pytest.mark.usefixtures("by_products")
def test_where_products_do_not_lead_to_the_tangent_factors_do(
    monkeypatch: pytest.MonkeyPatch, factorizations: list[str]
) -> None:
    cell = NETWORKS["gru"]
    monkeypatch.setattr("nullcline.continuation.by_products.MOST_PRODUCTS", 2)
    found = nc.trace(cell, np.zeros(12), max_points=10)
    assert len(found.curves[0]) > 10
    assert factorizations


def test_gmres_solves_or_says_that_it_has_not() -> None:
    rng = np.random.default_rng(0)
    matrix = np.eye(60) + 0.4 * rng.normal(size=(60, 60)) / 60**0.5
    right = rng.normal(size=60)
    found = gmres(lambda v: matrix @ v, right, 1e-10, 60)
    assert found is not None
    assert np.linalg.norm(matrix @ found - right) <= 1e-9 * np.linalg.norm(right)
    assert gmres(lambda v: matrix @ v, right, 1e-10, 4) is None
    assert gmres(lambda v: np.full(60, np.nan) * v, right, 1e-10, 60) is None
    np.testing.assert_array_equal(gmres(lambda v: matrix @ v, np.zeros(60), 1e-10, 4), 0)
