"""Old spellings still do what they did, and say what to write instead."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import nullcline as nc
from testing.every_cell import random_network
from testing.study_samples import STABLE_REAL, spectrum

MOVED = {
    "nullcline.dimensionality": "nullcline.linearization.dimensionality",
    "nullcline.fixed_points": "nullcline.search.fixed_points",
    "nullcline.line_attractor": "nullcline.continuation.line_attractor",
    "nullcline.linear_prediction": "nullcline.linearization.prediction",
    "nullcline.paper": "nullcline.study",
    "nullcline.paper.dynamics_figures": "nullcline.plotting",
    "nullcline.paper.pca": "nullcline.study.pca",
    "nullcline.paper.style": "nullcline.plotting.theme",
    "nullcline.stack": "nullcline.cells.stack",
    "nullcline.training.ugrnn": "nullcline.training.recurrent",
}


@pytest.fixture
def fresh() -> Any:
    """Forget which old names have been imported, before and after."""

    def forget() -> None:
        for name in [name for name in sys.modules if name in {*MOVED, "nullcline.paper"}]:
            del sys.modules[name]

    forget()
    yield
    forget()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("old", MOVED)
def test_modules_are_found_under_their_old_names(old: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = importlib.import_module(old)
    # A module within a package warns of the package, too.
    said = f"{old} is deprecated: use {MOVED[old]} (it goes in nullcline 0.3.0)"
    assert str(caught[-1].message) == said
    assert {warning.category for warning in caught} == {DeprecationWarning}
    assert module is importlib.import_module(MOVED[old])


@pytest.mark.usefixtures("fresh")
def test_the_warning_shows_the_line_that_imports() -> None:
    with pytest.warns(DeprecationWarning, match=r"use nullcline.search.fixed_points") as caught:
        import nullcline.fixed_points  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    assert [warning.filename for warning in caught] == [__file__]


def test_no_module_has_the_old_name_of_a_function() -> None:
    assert not {name.removeprefix("nullcline.") for name in MOVED} & set(nc.__all__)


@pytest.mark.filterwarnings("ignore:nullcline.paper is deprecated")
@pytest.mark.parametrize("name", ["nullcline.paper.nothing", "nullcline.nothing"])
def test_a_module_that_never_was_is_not_found(name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(name)


def test_a_stack_has_its_layer_points_under_their_old_name() -> None:
    stack = nc.Stack([random_network("tanh", 3, size, 0.5).cell() for size in (2, 3)])
    points = nc.find_fixed_points(stack, np.zeros((2, 6)))
    with pytest.warns(DeprecationWarning, match=r"layer_points .*: use nullcline.layer_points"):
        old = stack.layer_points(points)
    for layer, right in zip(old, nc.layer_points(stack, points), strict=True):
        np.testing.assert_array_equal(layer.h, right.h)


def test_curves_and_branches_have_their_spectral_radius_under_its_old_name() -> None:
    cell = random_network("tanh", 2, 1, 0.5).cell()
    (curve,) = nc.trace(cell, np.zeros(2)).curves
    branch = nc.follow_input(cell, np.zeros(2), np.ones(1))
    for found in (curve, branch):
        with pytest.warns(DeprecationWarning, match="slowest is deprecated: use .*spectral_rad"):
            assert found.slowest is found.spectral_radius


def test_a_spectrum_has_its_spectral_radius_under_its_old_name() -> None:
    found = spectrum(STABLE_REAL)
    with pytest.warns(DeprecationWarning, match="slowest is deprecated: use .*spectral_radius"):
        assert found.slowest == found.spectral_radius == 0.9


@pytest.mark.parametrize("package", ["text", "training"])
def test_names_that_are_loaded_when_asked_for_are_all_there(package: str) -> None:
    script = f"""
import sys, nullcline.{package} as package
assert "torch" not in sys.modules and "pooch" not in sys.modules
assert set(package.__all__) <= set(dir(package))
assert set(package.__all__) == set(package._HOMES)
for name in package.__all__:
    assert getattr(package, name) is getattr(package, name)
try:
    package.nothing
except AttributeError as error:
    assert "has no attribute 'nothing'" in str(error)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
