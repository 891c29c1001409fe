"""What a wheel does where nothing but NumPy and SciPy is installed: every cell is searched.

These are run from each wheel on each platform (packaging/wheel-tests.txt), so they need neither
PyTorch nor a compiler, and judge by NumPy alone.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE, INPUTS = 6, 2
MAKERS: dict[str, tuple[int, Callable[..., Any]]] = {
    "gru": (3, nc.GRU),
    "original_gru": (3, nc.OriginalGRU),
    "lstm": (4, nc.LSTM),
    "ugrnn": (2, nc.UGRNN),
    "mgu": (2, nc.MGU),
    "tanh": (1, nc.RNN),
    "relu": (1, partial(nc.RNN, nonlinearity="relu")),
    "leaky": (1, partial(nc.LeakyRNN, alpha=0.3, activation="logistic")),
    "rate": (1, partial(nc.RateRNN, alpha=0.3)),
}


def cell_of(kind: str, dtype: Any = np.float64, seed: int = 0) -> Any:
    gates, make = MAKERS[kind]
    rng = np.random.default_rng(seed)
    weight_ih = rng.normal(size=(gates * SIZE, INPUTS))
    weight_hh = 0.8 * rng.normal(size=(gates * SIZE, SIZE)) / SIZE**0.5
    bias = 0.3 * rng.normal(size=gates * SIZE)
    return make(weight_ih.astype(dtype), weight_hh.astype(dtype), bias.astype(dtype))


def starts_of(cell: Any, count: int = 40) -> Any:
    rng = np.random.default_rng(1)
    return rng.uniform(-1, 1, (count, cell.state_size)).astype(cell.dtype)


def differences(cell: Any, state: Any, eps: float = 1e-6) -> Any:
    """Return the Jacobian of a step, by central differences."""
    steps = eps * np.eye(len(state))
    return (cell.step(state + steps) - cell.step(state - steps)).T / (2 * eps)


@pytest.mark.parametrize("method", ["auto", "newton", "lm", "krylov"])
@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_found_does_not_move(kind: str, method: str) -> None:
    cell = cell_of(kind)
    points = nc.find_fixed_points(cell, starts_of(cell), method=method)
    fixed = points.h[points.kind == "fixed"]
    assert len(fixed) > 0
    np.testing.assert_allclose(cell.step(fixed), fixed, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_found_in_float32_is_what_is_found_in_float64(kind: str) -> None:
    cell, single = cell_of(kind), cell_of(kind, np.float32)
    points = nc.find_fixed_points(cell, starts_of(cell)).unique()
    singles = nc.find_fixed_points(single, starts_of(single)).unique()
    assert singles.h.dtype == np.float32
    fixed = singles.h[singles.kind == "fixed"]
    assert len(fixed) > 0
    away = np.linalg.norm(points.h[:, None] - fixed, axis=-1).min(axis=0)
    assert away.max() < 1e-3


@pytest.mark.parametrize("kind", sorted(set(MAKERS) - {"relu"}))
def test_the_linearization_is_the_derivative_of_a_step(kind: str) -> None:
    cell = cell_of(kind)
    points = nc.find_fixed_points(cell, starts_of(cell)).unique()
    expected = np.stack([differences(cell, state) for state in points.h])
    np.testing.assert_allclose(cell.jacobian(points.h), expected, rtol=0, atol=1e-7)
    slowest = np.abs(np.linalg.eigvals(expected)).max(axis=1)
    found = np.abs(nc.linearize(cell, points).eigenvalues).max(axis=1)
    np.testing.assert_allclose(found, slowest, rtol=0, atol=1e-5)


def test_a_point_is_certified_and_a_state_near_it_is_not_the_point() -> None:
    cell = cell_of("gru")
    points = nc.find_fixed_points(cell, starts_of(cell)).unique().select("fixed")
    assert points.certify(cell).certified.all()


def test_all_fixed_points_of_a_small_network_are_those_that_a_search_finds() -> None:
    cell = nc.RNN(np.zeros((2, 1)), np.array([[2.0, 0.1], [-0.1, 2.0]]), np.zeros(2))
    proved = nc.enumerate_fixed_points(cell)
    found = nc.find_fixed_points(cell, starts_of(cell, 200)).unique().select("fixed")
    assert proved.complete
    assert len(proved.points) == len(found) == 9


def test_threads_that_search_at_once_get_what_one_gets_alone() -> None:
    kinds = [kind for kind in MAKERS for _ in range(3)]

    def search(kind: str) -> Any:
        cell = cell_of(kind)
        return nc.find_fixed_points(cell, starts_of(cell), n_threads=2).h

    alone = {kind: search(kind) for kind in MAKERS}
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(search, kinds))
    for kind, h in zip(kinds, together, strict=True):
        np.testing.assert_array_equal(h, alone[kind])


def test_points_are_the_same_from_a_pickle_and_from_a_file(tmp_path: Path) -> None:
    cell = cell_of("lstm")
    points = nc.find_fixed_points(cell, starts_of(cell))
    points.save(tmp_path / "points.npz")
    unpickled = pickle.loads(pickle.dumps(points))  # noqa: S301 - what was just pickled
    for again in (unpickled, nc.FixedPoints.load(tmp_path / "points.npz")):
        np.testing.assert_array_equal(again.h, points.h)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nullcline", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_knows_its_version() -> None:
    assert run("--version").stdout == f"nullcline {nc.__version__}\n"


def test_what_is_installed_says_what_it_was_made_of() -> None:
    try:
        files = distribution("nullcline").files or []
    except PackageNotFoundError:
        pytest.skip("nullcline is not installed")
    (file,) = [file for file in files if file.match("*.dist-info/sboms/nullcline.cdx.json")]
    bill = json.loads(file.read_text("utf-8"))
    assert bill["metadata"]["component"]["version"] == version("nullcline")
    parts = {part["name"]: part.get("version") for part in bill["components"]}
    assert parts["pybind11"]
