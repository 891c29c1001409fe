"""What a stored search starts from: starts, and inputs that each start has or that all share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from nullcline._support import validation
from nullcline.search.conditions import read_conditions
from nullcline.stores.given_rows import GivenRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell


class Given(NamedTuple):
    """Starts and inputs, checked but for what only reading them tells.

    Attributes
    ----------
    starts
        Shape (n, S).
    own_inputs
        Those that each start has, shape (n, D), if any.
    inputs
        Those that are shared, shape (1, D), or (c, D) under c conditions, if any.
    labels
        Those of the conditions, shape (c,), if any.
    """

    starts: GivenRows
    own_inputs: GivenRows | None
    inputs: Floats | None
    labels: NDArray[Any] | None

    @classmethod
    def of(cls, cell: Cell, starts: Any, inputs: Any) -> Given:
        """Take what the user gave, as `nullcline.search_to_store` says."""
        rows = GivenRows("starts", starts, cell.state_size, cell.dtype, cell.hidden_size)
        return cls(rows, *_read_inputs(cell, inputs, len(rows)))

    @property
    def n_rows(self) -> int:
        """How many rows the result has."""
        return len(self.starts) * (1 if self.labels is None else len(self.labels))

    def read(self, first: int, end: int) -> dict[str, Floats]:
        """Return the columns of what each start has, for some starts."""
        read = {"starts": self.starts.read(first, end)}
        if self.own_inputs is not None:
            read["inputs"] = self.own_inputs.read(first, end)
        return read


def _read_inputs(
    cell: Cell, inputs: Any, n: int
) -> tuple[GivenRows | None, Floats | None, NDArray[Any] | None]:
    """Return the inputs that are each of a start, or those that are shared and their labels."""
    if isinstance(inputs, Mapping):
        labels, each = read_conditions(cell, inputs)
        return None, each, labels
    shape = getattr(inputs, "shape", None)
    if shape is not None and tuple(shape) == (n, cell.input_size) and n != 1:
        return GivenRows("inputs", inputs, cell.input_size, cell.dtype), None, None
    array = validation.inputs("inputs", inputs, (n, cell.input_size), cell.dtype)
    if array is not None and len(array) == n != 1:  # a list of them
        return GivenRows("inputs", array, cell.input_size, cell.dtype), None, None
    return None, array, None
