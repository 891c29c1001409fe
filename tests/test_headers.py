"""Headers of the core include downward through the rooms, never upward, and nothing of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOMS = (
    "numerics",
    "parallel",
    "cells",
    "enumeration",
    "training",
    "batching",
    "solvers",
    "search",
    "cpu",
    "gpu",
)
"""From the lowest to the highest: a header includes its own room and lower ones."""

INCLUDE = Path(__file__).parents[1] / "cpp" / "include"
FILES = sorted(path.relative_to(INCLUDE).as_posix() for path in INCLUDE.rglob("*.?pp"))

DIRECTIVE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
OTHERS = re.compile(
    r"pybind11|python\.h|cuda|cu(blas|fft|rand|solver|sparse)|nv|cooperative_groups"
)
"""How the names of Python's and CUDA's headers begin, in lower case."""


def room(header: str) -> str:
    """Return the room of a header of ours, by its path from the folder of all of them."""
    first, _, rest = header.partition("/")
    return rest.partition("/")[0] if first == "nullcline" else ""


def included(header: str) -> list[str]:
    return DIRECTIVE.findall((INCLUDE / header).read_text("utf-8"))


def test_every_room_has_headers_and_every_header_a_room() -> None:
    assert {room(header) for header in FILES} == set(ROOMS)


@pytest.mark.parametrize("header", FILES)
def test_a_header_includes_no_higher_room(header: str) -> None:
    own = ROOMS.index(room(header))
    ours = [name for name in included(header) if name.startswith("nullcline/")]
    assert not [name for name in ours if room(name) not in ROOMS[: own + 1]]


@pytest.mark.parametrize("header", FILES)
def test_a_header_includes_ours_by_their_whole_path_and_none_of_python_or_cuda(header: str) -> None:
    """What is neither of ours nor of others is the standard library's, which has no suffix."""
    foreign = [name for name in included(header) if not name.startswith("nullcline/")]
    assert not [name for name in foreign if OTHERS.match(name.lower()) or not name.isidentifier()]
