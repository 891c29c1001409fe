"""Headers of the core include downward through the rooms, and never upward."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOMS = ("numerics", "parallel", "cells", "batching", "solvers", "search", "cpu", "gpu")
"""From the lowest to the highest: a header includes its own room and lower ones."""

FOLDER = Path(__file__).parents[1] / "cpp" / "include" / "nullcline"
# Until the core is moved into its rooms there is nothing to look at.
BUILT = (FOLDER / ROOMS[0]).is_dir()
HEADERS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.h*") if BUILT)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]nullcline/([^>"]+)[>"]', re.MULTILINE)


def room(header: str) -> str:
    """Return the first folder of a header's path."""
    return header.partition("/")[0]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_is_in_a_room_and_includes_no_higher_one(header: str) -> None:
    assert room(header) in ROOMS, f"{header} is in no room of the list"
    included = INCLUDE.findall((FOLDER / header).read_text("utf-8"))
    own = ROOMS.index(room(header))
    assert not [name for name in included if room(name) in ROOMS[own + 1 :]]
