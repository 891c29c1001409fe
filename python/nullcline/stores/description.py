"""What a store says of its search: all that its answers depend on, and how its rows are laid out.

It is an archive of NumPy, the only chunk of an array of bytes: the cell's own arrays, the inputs
that starts share, states that were divided out, and the rest as JSON. The search that goes on in a
store must have the same to the bit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive
from nullcline._support.reading import reading
from nullcline._support.records import pack, unpack
from nullcline.cells.cell_record import can_be_packed, pack_cell, unpack_cell

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell

FOLDER = "search"
FILE = f"{FOLDER}/0"
_FORMAT = "nullcline.StoredPoints"
_VERSIONS = (1,)

_STEPS = "steps"
_CLOSE = 1e-4
"""How far, as a share, a function may step elsewhere and be the same: it is not told by its weights
but by what it does, which BLAS libraries round otherwise."""

_NAMED = {
    "nullcline": "the version of nullcline",
    "chunk_size": "chunk_size",
    "n_starts": "the number of starts",
    "state_size": "the number of states",
    "input_size": "the number of inputs",
    "dtype": "the type of the cell",
    "per_start": "whether each start has its own input",
}
"""What settings are called in messages, where they are no arguments by these names."""


@dataclass(frozen=True)
class Settings:
    """The numbers and words that a search is described by; those of the search as it takes them.

    Attributes
    ----------
    nullcline
        The version that searched: another one may end elsewhere.
    n_starts, state_size, input_size, dtype
        Of the starts and of the cell.
    per_start
        Whether each start has an input of its own.
    chunk_size
        The rows of a chunk.
    method, unresolved, tol_unique, tol_slow, max_iterations
        As in `nullcline.find_fixed_points`.
    device
        "cpu" or "cuda".
    """

    nullcline: str
    n_starts: int
    state_size: int
    input_size: int
    dtype: str
    per_start: bool
    chunk_size: int
    method: str
    unresolved: str | None
    tol_unique: float
    tol_slow: float
    max_iterations: int | None
    device: str


@dataclass(frozen=True, eq=False)
class Description:
    """All that a store says of its search.

    Attributes
    ----------
    settings
        What fits into a line of text.
    cell
        The cell; None where no file can hold it, as none can hold a function.
    inputs
        The inputs that rows share, shape (1, D), or (c, D) under c conditions; else None.
    labels
        Those of the conditions, shape (c,), if there are any.
    deflated
        States that were divided out, shape (m, S), if any.
    steps
        Where a cell that no file can hold goes from the first starts.
    """

    settings: Settings
    cell: Cell | None
    inputs: Floats | None
    labels: NDArray[Any] | None
    deflated: Floats | None
    steps: NDArray[np.float64] | None

    @property
    def n_rows(self) -> int:
        """How many rows the result has."""
        return self.settings.n_starts * (1 if self.labels is None else len(self.labels))

    def write(self, store: Path) -> None:
        """Write it into a store, whole or not at all."""
        (store / FOLDER).mkdir(exist_ok=True)
        archive.write(store / FILE, _FORMAT, _VERSIONS[-1], self._arrays())

    @classmethod
    def read(cls, store: Path) -> Description:
        """Read that of a store.

        Raises
        ------
        FileError
            If it is none, or is damaged.
        OSError
            If it cannot be opened.
        """
        with reading(store / FILE, "the description of a stored search") as file:
            arrays = archive.read(file, _FORMAT, _VERSIONS)
            cell = unpack_cell(arrays)
            settings = unpack(Settings, json.loads(arrays.pop("settings").item()))
            given = [arrays.pop(name, None) for name in ("inputs", "labels", "deflate", _STEPS)]
            found = cls(settings, cell, *given)
            found._require_sound()
            return found

    def _require_sound(self) -> None:
        own = self.settings
        if min(own.n_starts, own.input_size) < 0 or min(own.chunk_size, own.state_size) < 1:
            raise ValueError("its sizes are none")
        if own.dtype not in {"float64", "float32"}:
            raise ValueError(f"its states are of {own.dtype}")
        if self.labels is not None and (self.inputs is None or self.labels.ndim != 1):
            raise ValueError("its conditions have no inputs")
        n = 1 if self.labels is None else len(self.labels)
        if self.inputs is not None and self.inputs.shape != (n, own.input_size):
            raise ValueError(f"its inputs have shape {self.inputs.shape}")

    def require_same(self, other: Description, store: Path) -> None:
        """Raise ValueError, which names what differs, unless another one is of the same search."""
        difference = self._difference(other)
        if difference is not None:
            raise ValueError(
                f"store must name a new folder, or one of this search: {store} holds another, "
                f"{difference}; choose another folder, or delete this one"
            )

    def _difference(self, other: Description) -> str | None:
        mine, theirs = pack(self.settings)[0], pack(other.settings)[0]
        for name, value in mine.items():
            if value != theirs[name]:
                return f"with {_NAMED.get(name, name)} {value!r} instead of {theirs[name]!r}"
        own, given = self._arrays(), other._arrays()
        steps = own.pop(_STEPS, None), given.pop(_STEPS, None)
        differing = {name for name in {*own, *given} if not _equal(own.get(name), given.get(name))}
        if not _are_close(*steps) or any(name.partition("/")[0] == "cell" for name in differing):
            return "of another cell"
        return f"with other {min(differing)}" if differing else None

    def _arrays(self) -> dict[str, NDArray[Any]]:
        packed, _ = pack(self.settings)
        arrays: dict[str, NDArray[Any] | None] = {
            "settings": np.array(json.dumps(packed)),
            "inputs": self.inputs,
            "labels": self.labels,
            "deflate": self.deflated,
            _STEPS: self.steps,
            **({} if self.cell is None else pack_cell(self.cell)),
        }
        return {name: array for name, array in arrays.items() if array is not None}


def cell_to_keep(cell: Cell) -> Cell | None:
    """Return a cell if files can hold it."""
    return cell if can_be_packed(cell) else None


def _equal(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.dtype == other.dtype and np.array_equal(one, other)


def _are_close(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and np.allclose(one, other, _CLOSE, _CLOSE, equal_nan=True)
