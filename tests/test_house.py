"""Who imports whom: arrows only downward through the rooms, and no circle between files."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import nullcline
from nullcline import cells

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOMS = (
    "_support",
    "_native",
    "distribution",
    "gpu",
    "cells",
    "interop",
    "certify",
    "search",
    "stores",
    "enumeration",
    "linearization",
    "geometry",
    "cycles",
    "continuation",
    "completeness",
    "attribution",
    "context",
    "plotting",
    "interactive",
    "compat",
    "visits",
    "text",
    "training",
    "explanation",
    "sweeps",
    "study",
    "cli",
    "",  # the front door: nullcline/__init__.py, __main__.py and cuda.py
)
"""From the lowest to the highest: a file imports its own room and lower ones."""

FOLDER = Path(nullcline.__file__).parent
FRONT_DOOR = {"nullcline", "nullcline.__main__", "nullcline.cuda"}


def _module(path: Path) -> str:
    parts = path.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_module(path): path for path in sorted(FOLDER.rglob("*.py"))}
COMPILED = {f"nullcline._native.{path.stem}" for path in (FOLDER / "_native").glob("*.pyi")}


def room(module: str) -> str:
    """Return the room that a module is in."""
    return "" if module in FRONT_DOOR else module.split(".")[1]


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of every module of the package that a file imports, anywhere."""
    for node in ast.walk(ast.parse(FILES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relatively"
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                yield node.lineno, inner if inner in FILES else str(node.module)


ARROWS = {
    module: [(line, name) for line, name in imports(module) if name.split(".")[0] == "nullcline"]
    for module in FILES
}


@pytest.mark.parametrize("module", FILES)
def test_a_file_imports_its_own_room_and_lower_ones(module: str) -> None:
    assert room(module) in ROOMS, f"{module} is in no room of the list"
    own = ROOMS.index(room(module))
    upward = [
        f"{FILES[module]}:{line} imports {name}"
        for line, name in ARROWS[module]
        if ROOMS.index(room(name)) > own
    ]
    assert not upward


def test_what_is_imported_is_there() -> None:
    names = {name for arrows in ARROWS.values() for _, name in arrows}
    assert names <= FILES.keys() | COMPILED


def test_files_import_each_other_in_no_circle() -> None:
    below = {
        module: {name for _, name in arrows if name != module} for module, arrows in ARROWS.items()
    }
    try:
        TopologicalSorter(below).prepare()
    except CycleError as circle:
        pytest.fail(f"files import each other in a circle: {' -> '.join(circle.args[1])}")


@pytest.mark.parametrize("name", [name for name in ROOMS if (FOLDER / name).is_dir()])
def test_a_room_says_in_a_sentence_what_it_is_for(name: str) -> None:
    docstring = ast.get_docstring(ast.parse((FOLDER / name / "__init__.py").read_text("utf-8")))
    assert docstring
    first = docstring.splitlines()[0]
    assert first.endswith(".")
    assert len(first.split()) > 3


@pytest.mark.parametrize("name", [name for name in ROOMS if (FOLDER / name).is_dir()])
def test_no_file_has_the_name_of_something_that_its_room_exports(name: str) -> None:
    inside = {
        file.rpartition(".")[2]
        for file in FILES
        if file.rpartition(".")[0] == ".".join(filter(None, ("nullcline", name)))
    }
    path = FOLDER / name / "__init__.py"
    public = {
        element.value
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for element in ast.walk(node.value)
        if isinstance(element, ast.Constant)
    }
    assert not inside & (public - {"cuda"})


CLASSES = {name for name in cells.__all__ if hasattr(getattr(cells, name), "residual")} - {"Cell"}
ABOVE_CELLS = [
    module
    for module in FILES
    if room(module) in ROOMS[ROOMS.index("certify") : ROOMS.index("compat")]
]


@pytest.mark.parametrize("module", ABOVE_CELLS)
def test_no_one_asks_of_what_class_a_cell_is(module: str) -> None:
    """What differs between cells is in what `Cell` has, or in a table by class."""
    asked = [
        f"{FILES[module]}:{node.lineno}"
        for node in ast.walk(ast.parse(FILES[module].read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
        for name in ast.walk(node.args[1])
        if (isinstance(name, ast.Name) and name.id in CLASSES)
        or (isinstance(name, ast.Attribute) and name.attr in CLASSES)
    ]
    assert not asked
