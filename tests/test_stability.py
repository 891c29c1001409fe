"""docs/stability.md keeps its word: nothing public changes unseen, what is deprecated goes."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nullcline
from testing import public_api, releases
from testing.releases import number
from testing.site import DOCS

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(nullcline.__file__).parent
HELPERS = {"MovedModules", "deprecated_attribute", "deprecated_method", "warn_deprecated"}
HOME = FOLDER / "_support" / "deprecation.py"
SOURCES = {path: path.read_text("utf-8") for path in sorted(FOLDER.rglob("*.py")) if path != HOME}


@dataclass(frozen=True)
class Deprecation:
    """What is deprecated, where, and the version without it."""

    old: str
    where: str
    goes: str


def deprecations() -> Iterator[Deprecation]:
    """Yield every old spelling that a call in the sources keeps alive."""
    for path, text in SOURCES.items():
        if not any(name in text for name in HELPERS):
            continue
        tree = ast.parse(text)
        targets = {
            id(node.value): ast.unparse(node.targets[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in HELPERS:
                where = f"{path}:{node.lineno}"
                (goes,) = (word.value for word in node.keywords if word.arg == "goes")
                for old in _old_names(node, targets.get(id(node))):
                    yield Deprecation(old, where, ast.literal_eval(goes))


def _old_names(call: ast.Call, assigned: str | None) -> list[str]:
    if ast.unparse(call.func) == "deprecated_attribute":
        return [str(assigned)]
    old = ast.literal_eval(call.args[0])
    return list(old) if isinstance(old, dict) else [old]


def overdue(version: str) -> list[Deprecation]:
    """Return what should be gone in a version."""
    return [found for found in deprecations() if number(found.goes) <= number(version)]


def deprecated_before(version: str) -> str:
    """Return all that versions of an earlier minor number list as deprecated, the next one too."""
    major, minor, _ = number(releases.version())
    unreleased, *released = releases.changelog()
    known = [((major, minor + 1), unreleased), *((number(it.name)[:2], it) for it in released)]
    return "\n".join(
        release.sections.get("Deprecated", "") for of, release in known if of < number(version)[:2]
    )


def test_what_should_be_gone_by_this_version_is() -> None:
    assert not overdue(releases.version())


def test_what_is_not_gone_in_its_version_is_found() -> None:
    assert {found.old for found in overdue("0.3.0")} >= {
        "Stack.layer_points",
        "nullcline.paper",
        "seed",
        "slowest",
    }


@pytest.mark.parametrize("found", sorted(deprecations(), key=str), ids=lambda found: found.old)
def test_a_deprecation_is_in_the_changes_of_an_earlier_minor_version(found: Deprecation) -> None:
    assert number(found.goes)[2] == 0, f"{found.where}: no patch takes anything away"
    assert f"`{found.old}`" in deprecated_before(found.goes), found.where


def test_deprecations_are_told_in_one_way_alone() -> None:
    elsewhere = [
        f"{path}:{node.lineno}"
        for path, text in SOURCES.items()
        if "DeprecationWarning" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"warnings.warn", "warn"}
        and "DeprecationWarning" in ast.unparse(node)
    ]
    assert not elsewhere


def test_the_public_api_is_as_it_was_written_down() -> None:
    """If a change is meant: `make api`, and a line of CHANGELOG.md."""
    known = public_api.SNAPSHOT.read_text("utf-8").splitlines()
    assert public_api.lines() == known


def test_what_is_provisional_is_public() -> None:
    page = (DOCS / "stability.md").read_text("utf-8")
    rows = re.findall(r"^\| (`nullcline\..*?) \|", page, re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(nullcline\.\w+)`", row)}
    assert len(names) >= 15
    known = {line.split("(")[0] for line in public_api.SNAPSHOT.read_text("utf-8").splitlines()}
    assert names <= known
