"""The trained networks: every start of every layer ends and is labelled, truly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nullcline as nc
from testing import reference
from testing.reference import ReferenceGRU
from testing.trained_networks import LAYERS, TrainedLayer, trained_layer

TOL_SLOW = 1e-3
"""The study's: the ghosts of these networks are faster than the front door's default allows."""


@pytest.fixture(scope="module", params=LAYERS, ids=lambda key: f"{key[0]}, layer {key[1]}")
def layer(request: pytest.FixtureRequest) -> TrainedLayer:
    return trained_layer(*request.param)


@pytest.fixture(scope="module")
def points(layer: TrainedLayer) -> nc.FixedPoints:
    return nc.find_fixed_points(layer.cell(), layer.starts, tol_slow=TOL_SLOW)


def reference_of(layer: TrainedLayer) -> ReferenceGRU:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return ReferenceGRU(*(getattr(layer, name).astype(np.float64) for name in names))


def test_every_start_is_fixed_or_slow_inside_the_cube(points: nc.FixedPoints) -> None:
    assert len(points) == 500
    assert set(points.kind) <= {"fixed", "slow"}
    assert (np.abs(points.h) < 1).all()


def test_labels_hold_by_the_reference(layer: TrainedLayer, points: nc.FixedPoints) -> None:
    gru = reference_of(layer)
    x = np.zeros(gru.weight_ih.shape[1])
    for i in range(0, len(points), 25):
        h = points.h[i]
        assert points.q[i] == pytest.approx(gru.speed(h, x), rel=1e-6, abs=1e-28)
        if points.kind[i] == "fixed":
            assert reference.is_zero(gru, h, x)
        else:
            assert 0 < points.q[i] <= TOL_SLOW
            assert reference.stationarity(gru, h, x) < 1e-5


@pytest.mark.parametrize("method", ["lm", "krylov"])
def test_a_second_solver_finds_the_same_points(
    layer: TrainedLayer, points: nc.FixedPoints, method: str
) -> None:
    """Basins differ between solvers, the points at their bottom do not."""
    second = nc.find_fixed_points(
        layer.cell(), layer.starts[:100], method=method, tol_slow=TOL_SLOW
    )
    assert "unconverged" not in second.kind
    ours = points.unique()
    for row in second.unique().h:
        assert np.abs(ours.h - row).max(axis=1).min() < points.tol_unique


def test_a_start_ends_alike_alone_and_in_any_company(
    layer: TrainedLayer, points: nc.FixedPoints
) -> None:
    order = np.random.default_rng(0).permutation(500)[:70]
    some = nc.find_fixed_points(layer.cell(), layer.starts[order], tol_slow=TOL_SLOW, n_threads=1)
    np.testing.assert_array_equal(some.h, points.h[order])
    np.testing.assert_array_equal(some.iterations, points.iterations[order])


def test_a_start_whose_iterations_run_out_ends_alike_in_any_company(layer: TrainedLayer) -> None:
    """Starts that share the last part of their way have different numbers of iterations left."""
    options: dict[str, Any] = {"tol_slow": TOL_SLOW, "max_iterations": 36}
    every = nc.find_fixed_points(layer.cell(), layer.starts[:60], **options)
    for i in range(0, 60, 7):
        alone = nc.find_fixed_points(layer.cell(), layer.starts[[i]], **options)
        np.testing.assert_array_equal(alone.h[0], every.h[i])
        assert alone.iterations[0] == every.iterations[i] <= 36


def test_single_precision_finds_the_same_fixed_points(
    layer: TrainedLayer, points: nc.FixedPoints
) -> None:
    arrays = (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)
    single = nc.find_fixed_points(nc.GRU(*arrays), layer.starts[:100], tol_slow=TOL_SLOW)
    assert single.h.dtype == np.float32
    fixed = points.unique().select("fixed").h
    assert "fixed" in single.kind
    for row in single.select("fixed").h:
        assert np.abs(fixed - row).max(axis=1).min() < 1e-4
