"""Files of results: records and columns come back, and what is none of theirs is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray  # noqa: TC002 - fields are read back by their types

from nullcline._support import archive
from nullcline._support.reading import FileError, reading

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class Part:
    name: str
    values: NDArray[Any]
    kept: int = 1


@dataclass(frozen=True, eq=False)
class Whole:
    parts: tuple[Part, ...]
    share: float | None


WHOLE = Whole((Part("a", np.arange(3)), Part("b", np.ones((2, 2)), 5)), None)


def read(path: Path, kind: str = "whole 1", made: Any = Whole) -> Any:
    with reading(path, "a whole") as file:
        return archive.read_record(file, kind, made)


def test_a_record_comes_back_but_for_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    archive.write_record(path, "whole 1", WHOLE, omit={Part: {"kept"}})
    found = read(path)
    assert found.share is None
    assert [(part.name, part.kept) for part in found.parts] == [("a", 1), ("b", 1)]
    for part, own in zip(found.parts, WHOLE.parts, strict=True):
        np.testing.assert_array_equal(part.values, own.values)
    assert [file.name for file in tmp_path.iterdir()] == ["whole.npz"]


def test_a_record_of_another_kind_or_form_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    archive.write_record(path, "whole 1", WHOLE)
    with pytest.raises(FileError, match=r"whole\.npz is not a whole.*unknown, not 'whole 2'"):
        read(path, "whole 2")
    with pytest.raises(FileError, match=r"whole\.npz is not a whole.*no field of Part"):
        read(path, made=Part)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileError, match=r"whole\.npz is not a whole"):
        read(path)


def test_objects_are_not_written_and_what_stood_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "whole.npz"
    archive.write_record(path, "whole 1", WHOLE)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        archive.write_record(path, "whole 1", Part("c", np.array([None])))
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_version_that_is_not_known_is_named(tmp_path: Path, version: int) -> None:
    archive.write(tmp_path / "it.npz", "columns", version, {"h": np.zeros(2)})
    with (tmp_path / "it.npz").open("rb") as file:
        if version < 3:
            np.testing.assert_array_equal(archive.read(file, "columns", (1, 2))["h"], [0, 0])
            return
        with pytest.raises(ValueError, match="has version 3, and this nullcline reads up to 2"):
            archive.read(file, "columns", (1, 2))


@pytest.mark.parametrize(
    ("name", "column", "is_right"),
    [
        ("h", np.zeros(1), True),
        ("h", np.zeros(1, ">f8"), True),
        ("h", np.zeros(1, np.float16), False),
        ("h", np.array(["0"]), False),
        ("kind", np.array(["fixed"]), True),
        ("extra", np.zeros(1), False),
    ],
)
def test_columns_are_of_their_types_alone(name: str, column: NDArray[Any], is_right: bool) -> None:
    types = {"h": ("f4", "f8"), "kind": ("U",)}
    if is_right:
        archive.require_types({name: column}, types)
        return
    with pytest.raises(TypeError, match=f"it has {name} of type"):
        archive.require_types({name: column}, types)
