"""A search on a GPU: arrays are read where they lie, and ends lie where the starts do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nullcline._support import validation
from nullcline.gpu import availability
from nullcline.search.cpu import one_row_a_start, rows_are_equal
from nullcline.gpu.arrays import DeviceView, like, view
from nullcline.search.columns import Ends
from nullcline._support.validation import Floats
from nullcline.cells.compiled import CompiledCell

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._native._cuda import DeviceArray, Source
    from nullcline.gpu.device import Gpu
    from nullcline.cells import Cell

_Array: TypeAlias = Floats | DeviceView


class GpuSearch:
    """Where a search starts, checked, and how it runs.

    Whether values on the GPU are finite is left to the search, which reads them first.

    Parameters
    ----------
    cell, starts, inputs
        As in `find_fixed_points`.
    gpu
        Where to search.
    """

    def __init__(self, cell: Cell, starts: ArrayLike, inputs: ArrayLike | None, gpu: Gpu) -> None:
        if not isinstance(cell, CompiledCell):
            raise TypeError(
                "only cells whose equations are compiled, such as nullcline.GRU, can be searched "
                f'on a GPU, not {type(cell).__name__}; search with device="cpu"'
            )
        self._module = availability.gpu_module()
        self._cell = cell
        self._given = starts
        self._h = _starts(starts, cell)
        self._x = _inputs(inputs, (self.n_starts, cell.input_size), cell)
        self._device = _one_device(gpu, starts=self._h, inputs=self._x)

    @property
    def n_starts(self) -> int:
        """How many starts there are."""
        return self._h.shape[0]

    def has_one_input(self) -> bool:
        """Whether all starts have the same input."""
        return rows_are_equal(self._inputs_on_host())

    def kept(self) -> tuple[Any, Any]:
        """Return copies of starts and inputs, one row a start, for the result to keep.

        Starts stay where they are; inputs on the GPU stay there too if the starts do.
        """
        n = self.n_starts
        if not isinstance(self._h, DeviceView):
            return self._h.copy(), one_row_a_start(self._inputs_on_host(), n)
        starts = like(self._given, self._copy(self._h))
        if not isinstance(self._x, DeviceView):
            return starts, one_row_a_start(self._x, n)
        every = replace(self._x, shape=(n, self._cell.input_size))
        if self._x.shape[0] == 1:
            every = replace(every, strides=(0, self._x.strides[1]))
        return starts, like(self._given, self._copy(every))

    def run(self, **options: Any) -> Ends:
        """Return where the starts end; `h` and `q` lie where the starts do."""
        shape = self.n_starts, self._cell.state_size
        if not isinstance(self._h, DeviceView):
            h, q = np.empty(shape, self._cell.dtype), np.empty(shape[0])
            return Ends.of(h, q, self._run(h.ctypes.data, q.ctypes.data, options))
        h_there = self._module.DeviceArray(shape, self._is_double(), self._device)
        q_there = self._module.DeviceArray(shape[:1], True, self._device)
        found = self._run(h_there.address, q_there.address, options)
        return Ends.of(like(self._given, h_there), like(self._given, q_there), found)

    def _run(self, h: int, q: int, options: dict[str, Any]) -> Any:
        search = self._module.search64 if self._is_double() else self._module.search32
        return search(
            self._cell.core_weights(),
            self._source(self._h),
            None if self._x is None else self._source(self._x),
            h=h,
            q=q,
            device=self._device,
            streams=_streams(self._h, self._x),
            **options,
        )

    def _is_double(self) -> bool:
        return self._cell.dtype == np.float64

    def _source(self, array: _Array) -> Source:
        if isinstance(array, DeviceView):
            address, strides = array.address, array.strides
        else:
            address = array.ctypes.data
            strides = tuple(stride // array.itemsize for stride in array.strides)
        source: Source = self._module.Source(
            address,
            array.shape,
            strides,
            is_double=array.dtype == np.float64,
            on_device=isinstance(array, DeviceView),
        )
        return source

    def _copy(self, array: DeviceView) -> DeviceArray:
        copy: DeviceArray = self._module.copy(
            self._source(array), self._is_double(), self._device, _streams(array)
        )
        return copy

    def _inputs_on_host(self) -> Floats | None:
        return self._copy(self._x).numpy() if isinstance(self._x, DeviceView) else self._x


def _starts(value: ArrayLike, cell: Cell) -> _Array:
    there = view("starts", value)
    if there is None:
        return validation.rows("starts", value, cell.state_size, cell.dtype)
    validation.require_type("starts", value, there.dtype, cell.dtype)
    validation.require_rows("starts", there.shape, cell.state_size)
    return there


def _inputs(value: ArrayLike | None, shape: tuple[int, int], cell: Cell) -> _Array | None:
    there = view("inputs", value)
    if there is None:
        return validation.inputs("inputs", value, shape, cell.dtype)
    validation.require_type("inputs", value, there.dtype, cell.dtype)
    validation.require_inputs("inputs", there.shape, shape)
    if len(there.shape) == 1:
        return replace(there, shape=(1, *there.shape), strides=(0, *there.strides))
    return there


def _one_device(gpu: Gpu, **arrays: _Array | None) -> int:
    """Return the number of the GPU that is asked for and that all arrays on GPUs lie on."""
    wanted, why = gpu.index, "as device says"
    for name, array in arrays.items():
        found = array.device if isinstance(array, DeviceView) else None
        if wanted is None:
            wanted, why = found, f"as {name} is"
        elif found is not None and found != wanted:
            raise ValueError(
                f"{name} must be on cuda:{wanted}, {why}, not on cuda:{found}; move it there"
                + (f', or pass device="cuda:{found}"' if gpu.index is not None else "")
            )
    return wanted or 0


def _streams(*arrays: _Array | None) -> list[int]:
    """Return the streams whose work must end before arrays are read."""
    return sorted(
        {
            array.stream
            for array in arrays
            if isinstance(array, DeviceView) and array.stream is not None
        }
    )
