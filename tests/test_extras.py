"""What is not installed is named with an extra that there is, and that brings it."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

import nullcline
from nullcline._support.extras import EXTRAS, what_brings

PACKAGE = Path(nullcline.__file__).parent
ROOT = Path(__file__).parents[1]
ALWAYS = {"numpy", "scipy", "threadpoolctl", "nullcline"}
"""What is installed with the package."""

NOT_OURS_TO_BRING = {"cloudpickle", "cupy", "cuda"}
"""What is used where its user has it."""

OF_MODULES = {"sklearn": "scikit-learn", "mpl_toolkits": "matplotlib"}
"""Distributions that are not called as their modules are."""

BROUGHT_BY_OTHERS = {"h5py": "keras", "distributed": "dask"}
"""Packages that come with those that use them."""


@cache
def extras() -> dict[str, set[str]]:
    """Return the distributions of every extra in pyproject.toml, those of others in it included."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads TOML")
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["project"]["optional-dependencies"]

    def of(extra: str) -> set[str]:
        names: set[str] = set()
        for requirement in listed[extra]:
            inner = re.fullmatch(r"nullcline\[(.*)\]", requirement)
            if inner:
                names |= set().union(*(of(one) for one in inner[1].split(",")))
            else:
                names.add(re.split(r"[\[<>=; ]", requirement)[0].lower())
        return names

    return {extra: of(extra) for extra in listed}


def distribution(module: str) -> str:
    name = BROUGHT_BY_OTHERS.get(module, module)
    return OF_MODULES.get(name, name)


def third_party() -> dict[str, str]:
    """Return the modules that the package imports, with a file that does, as far as these tell."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.partition(".")[0]
                if top not in ALWAYS | NOT_OURS_TO_BRING | set(sys.stdlib_module_names):
                    found[top] = str(path.relative_to(PACKAGE))
    return found


def test_every_package_that_is_imported_has_its_extra() -> None:
    known = set(EXTRAS) | set(OF_MODULES)
    assert {name: path for name, path in third_party().items() if name not in known} == {}


@pytest.mark.parametrize("module", sorted(EXTRAS))
def test_the_extra_of_a_package_brings_it(module: str) -> None:
    assert distribution(module).lower() in extras()[EXTRAS[module]]


def messages() -> list[tuple[str, str]]:
    """Return every extra that the package or its documentation tells to install, and where."""
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html"), *(ROOT / "docs").rglob("*.md")]
    return [
        (extra.strip(), str(path.relative_to(ROOT)))
        for path in [*files, ROOT / "README.md"]
        for several in re.findall(r"nullcline\[([\w, ]+)\]", path.read_text("utf-8"))
        for extra in several.split(",")
    ]


def test_every_extra_that_is_named_is_there() -> None:
    named = messages()
    assert len(named) > 5
    assert [place for place in named if place[0] not in extras()] == []


def calls_of_framework() -> list[tuple[str, str]]:
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "framework":
                words = [one.value for one in node.args if isinstance(one, ast.Constant)]
                found.append(tuple(map(str, words)))
    return [(words[0], words[1]) for words in found if len(words) == 2]


def test_a_framework_is_asked_for_with_its_extra() -> None:
    calls = calls_of_framework()
    assert len(calls) > 5
    wrong = [
        (module, extra)
        for module, extra in calls
        if distribution(module.partition(".")[0]).lower() not in extras()[extra]
    ]
    assert wrong == []


def missing(name: str, message: str | None = None) -> ModuleNotFoundError:
    return ModuleNotFoundError(message or f"No module named {name!r}", name=name)


def test_a_sentence_says_what_brings_what_is_missing() -> None:
    expected = "matplotlib is needed and not installed: pip install 'nullcline[plot]'"
    assert what_brings(missing("matplotlib.pyplot")) == expected
    assert what_brings(missing("torch"), "study").endswith("pip install 'nullcline[study]'")
    told = "plotly is needed: pip install 'nullcline[explore]'"
    assert what_brings(missing("plotly", told), "study") == told
    assert what_brings(missing("none_of_ours"), "study") == "No module named 'none_of_ours'"
