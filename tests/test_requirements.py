"""What `make` installs before the package is compiled: all that it needs, and not itself."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from testing import requirements

PROJECT = {
    "name": "walnut",
    "dependencies": ["numpy>=1"],
    "optional-dependencies": {
        "shell": ["rich>=13"],
        "kernel": ["walnut[shell]", "jax>=0.4"],
        "all": ["walnut[shell,kernel]", "jax>=0.4", "walnut-oil>=2"],
    },
}


def test_extras_that_extras_name_are_among_them_once() -> None:
    assert requirements.requirements(PROJECT, ["all"]) == [
        "numpy>=1", "jax>=0.4", "walnut-oil>=2", "rich>=13",
    ]  # fmt: skip


def test_extras_that_name_each_other_end() -> None:
    around = {"a": ["walnut[b]", "x"], "b": ["walnut[a]", "y"]}
    project = {**PROJECT, "optional-dependencies": around}
    assert set(requirements.requirements(project, ["a"])) == {"numpy>=1", "x", "y"}


@pytest.mark.parametrize("extras", [[], ["test", "lint"]])
def test_of_this_package_each_line_is_a_requirement_of_another(
    extras: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    requirements.main(extras)
    lines = capsys.readouterr().out.splitlines()
    names = [Requirement(line).name for line in lines]
    assert "nullcline" not in names
    assert {"pytest", "torch", "mypy"} <= set(names) if extras else "pybind11" in names
