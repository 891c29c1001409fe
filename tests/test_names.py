"""A public name is what the documentation says, whatever has been imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest

import nullcline as nc

SCRIPT = """
import importlib, pkgutil, types
import nullcline as nc
before = {name: getattr(nc, name) for name in nc.__all__}
missing = []
for module in pkgutil.walk_packages(nc.__path__, "nullcline.", onerror=missing.append):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:  # an extra, or a compiled module, that is not there
            assert not error.name.startswith("nullcline") or "_native" in error.name, error
changed = [name for name in nc.__all__ if getattr(nc, name) is not before[name]]
modules = [name for name in nc.__all__ if isinstance(before[name], types.ModuleType)]
print(changed, modules)
"""


def test_no_import_of_a_module_changes_a_public_name() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[] ['cuda']\n"


def test_public_names_are_the_objects_that_name_themselves_so() -> None:
    for name in set(nc.__all__) - {"__version__", "cuda"}:
        assert getattr(nc, name).__name__ == name
        assert getattr(nc, name).__module__.startswith("nullcline.")


def test_rooms_are_attributes_without_an_import_of_their_own() -> None:
    script = """
import sys, nullcline as nc
assert nc.cells.GRU is nc.GRU and nc.search.find_fixed_points is nc.find_fixed_points
assert "nullcline.plotting" not in sys.modules and "nullcline.training" not in sys.modules
assert nc.plotting is sys.modules["nullcline.plotting"]
assert nc.training.__name__ == "nullcline.training"
assert dir(nc) == sorted(nc.__all__)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", ["serach", "_nothing", "py", "__wrapped__"])
def test_what_is_no_room_is_no_attribute(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'nullcline' has no attribute '{name}'"):
        getattr(nc, name)
