"""Old names still work, and say what the new ones are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from testing.study_samples import STABLE_REAL, spectrum


def test_the_largest_modulus_is_the_spectral_radius() -> None:
    found = spectrum(STABLE_REAL)
    with pytest.warns(DeprecationWarning, match="slowest is now spectral_radius"):
        assert found.slowest == found.spectral_radius == 0.9


def test_the_paper_is_the_study() -> None:
    script = """
from nullcline.paper.analysis import AnalysisSettings, analyse
from nullcline.paper.dynamics_figures import time_constants
from nullcline.paper.reproduce import reproduce
from nullcline.paper.results import NetworkAnalysis
from nullcline.paper.study import study
import nullcline.study.study
assert study is nullcline.study.study.study
"""
    command = [sys.executable, "-W", "always::DeprecationWarning", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "nullcline.paper is now nullcline.study" in ended.stderr


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
