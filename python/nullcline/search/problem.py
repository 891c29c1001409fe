"""The door of a search: what the user gave, read and checked once, as one value.

Whoever runs a search (`nullcline.search.cpu`, `gpu` and `layers`) takes a `SearchProblem`, and
checks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells.compiled import thread_count
from nullcline.cells.protocol import HasCoreWeights, Layered, require_cell
from nullcline.gpu.arrays import DeviceView, Rows, copied, each_row, like, repeated, view
from nullcline.gpu.availability import require_supported
from nullcline.gpu.device import chosen_gpu, first_gpu
from nullcline.search.conditions import read_conditions
from nullcline.search.fixed_points import FixedPoints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.gpu.device import Gpu

METHODS = ("auto", "newton", "lm", "krylov", "gradient", "homotopy")
"""The solvers that a search may use."""

RESORTS = ("homotopy",)
"""What a search may do with the starts that it leaves without a zero."""


@dataclass(frozen=True, eq=False)
class SearchProblem:
    """What a search is to do; every array is checked, and has the cell's shapes and type.

    Attributes
    ----------
    cell
        What is searched.
    starts
        Shape (n, S): on the host, in C order; or, for a search on a GPU, where they lie there, and
        then that search finds out whether they are finite.
    inputs
        None, or shape (1, D) or (n, D), on the host or a GPU.
    condition
        The label of each row's input, shape (n,); None where inputs have none.
    deflated
        Outputs that are divided out, shape (m, H), if any.
    method, unresolved, tol_slow, max_iterations
        As in `find_fixed_points`.
    n_threads
        The number of threads of a search on the processor.
    gpu
        The number of the GPU to search on; None for the processor.
    given
        What the user passed as starts: results on a GPU are arrays of its library.
    """

    cell: Cell
    starts: Rows
    inputs: Rows | None
    condition: NDArray[Any] | None
    deflated: Floats | None
    method: str
    unresolved: str | None
    tol_slow: float
    max_iterations: int | None
    n_threads: int
    gpu: int | None
    given: object

    @property
    def n_starts(self) -> int:
        """How many starts there are."""
        return self.starts.shape[0]

    def options(self) -> dict[str, Any]:
        """Return the keywords that the compiled searches on processors and GPUs share."""
        return {
            "deflated": self.deflated,
            "method": self.method,
            "tol_slow": self.tol_slow,
            "max_iterations": self.max_iterations,
        }

    def of_layer(self, cell: Cell, starts: Floats, inputs: Floats | None) -> SearchProblem:
        """Return the search of one layer of a stack from its starts, at the inputs it reads."""
        if inputs is not None:
            validation.require_finite("inputs", inputs)  # the layer below may have diverged
            inputs = np.ascontiguousarray(inputs)
        return replace(self, cell=cell, starts=np.ascontiguousarray(starts), inputs=inputs)

    def kept(self) -> tuple[Any, Any]:
        """Return copies of starts and inputs, one row per start, for the result to keep.

        Starts stay where they are, and inputs on a GPU stay there if the starts are there too.
        """
        starts, x, n = self.starts, self.inputs, self.n_starts
        if not isinstance(starts, DeviceView):
            return starts.copy(), _one_row_per_start(self.inputs_on_host(), n)
        there = like(self.given, self._copied(starts))
        if not isinstance(x, DeviceView):
            return there, _one_row_per_start(x, n)
        return there, like(self.given, self._copied(each_row(x, n)))

    def has_one_input(self) -> bool:
        """Whether all starts have the same input."""
        x = self.inputs_on_host()
        return x is None or not (x != x[:1]).any()

    def inputs_on_host(self) -> Floats | None:
        """Return the inputs, shape (1, D) or (n, D), or None."""
        x = self.inputs
        return self._copied(x).numpy() if isinstance(x, DeviceView) else x

    def _copied(self, array: DeviceView) -> Any:
        return copied(array, self.cell.dtype, self.gpu or 0)


def read_problem(
    cell: Cell,
    starts: ArrayLike,
    inputs: ArrayLike | Mapping[Any, ArrayLike] | None,
    *,
    method: str,
    unresolved: str | None,
    deflate: FixedPoints | ArrayLike | None,
    tol_slow: float,
    max_iterations: int | None,
    n_threads: int | None,
    device: object,
) -> SearchProblem:
    """Read and check the arguments of `find_fixed_points`, which says what they are.

    Raises
    ------
    TypeError, ValueError
        If one has the wrong type, shape or value; the message names it and the fix.
    nullcline.cuda.CudaUnavailableError
        If the device is a GPU, and no search can run on one.
    """
    require_cell(cell)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    tol_slow = validation.tolerance("tol_slow", tol_slow)
    if max_iterations is not None:
        max_iterations = validation.whole_number("max_iterations", max_iterations, 0)
    n_threads = thread_count(n_threads)
    gpu = chosen_gpu(device)
    _read_unresolved(unresolved, method, deflate)
    if "homotopy" in {method, unresolved}:
        _require_paths(cell, gpu, "method" if method == "homotopy" else "unresolved")
    if gpu is not None:
        _require_core_weights(cell)
    # The layers of a stack meet on the host.
    may_stay = gpu is not None and not isinstance(cell, Layered)
    h, x, condition = _read_arrays(cell, starts, inputs, may_stay=may_stay)
    problem = SearchProblem(
        cell=cell,
        starts=h,
        inputs=x,
        condition=condition,
        deflated=None,
        method=method,
        unresolved=unresolved,
        tol_slow=tol_slow,
        max_iterations=max_iterations,
        n_threads=n_threads,
        gpu=None if gpu is None else _one_device(gpu, starts=h, inputs=x),
        given=starts,
    )
    return problem if deflate is None else replace(problem, deflated=_zeros(deflate, problem))


def _read_unresolved(unresolved: str | None, method: str, deflate: object) -> None:
    if unresolved is None:
        return
    if unresolved not in RESORTS:
        raise ValueError(f"unresolved must be None or {RESORTS[0]!r}, not {unresolved!r}")
    if method != "auto" or deflate is not None:
        raise ValueError(
            f'unresolved={unresolved!r} goes on after method "auto" without deflate; leave it out, '
            f"or search with method={unresolved!r} alone"
        )


def _require_paths(cell: Cell, gpu: Gpu | None, name: str) -> None:
    """Refuse what no homotopy can be followed for, asked for by the argument `name`."""
    if gpu is not None:
        raise ValueError(f'{name}="homotopy" runs on the CPU; search with device="cpu"')
    box = cell.box
    n_open = np.count_nonzero(~(np.isfinite(box.low) & np.isfinite(box.high)))
    if n_open > 0:
        raise ValueError(
            f'{name}="homotopy" needs bounded outputs: a path may run off to infinity in {n_open} '
            f"of the {len(box.low)} units of this cell; search by another method, or, if you know "
            "bounds, give them to nullcline.from_function(..., bounds=(low, high))"
        )


def _require_core_weights(cell: Cell) -> None:
    for part in cell.cells if isinstance(cell, Layered) else (cell,):
        if not isinstance(part, HasCoreWeights):
            raise TypeError(
                "only cells whose equations are compiled, such as nullcline.GRU, can be searched "
                f'on a GPU, not {type(part).__name__}; search with device="cpu"'
            )


def _read_arrays(
    cell: Cell,
    starts: ArrayLike,
    inputs: ArrayLike | Mapping[Any, ArrayLike] | None,
    *,
    may_stay: bool,
) -> tuple[Rows, Rows | None, NDArray[Any] | None]:
    """Return starts, inputs and labels, one row for every start under every condition.

    All starts come under the first condition, then all under the second, and so on.
    """
    if not isinstance(inputs, Mapping):
        h = _read_starts(starts, cell, may_stay=may_stay)
        return h, _read_inputs(inputs, h.shape[0], cell, may_stay=may_stay), None
    labels, each = read_conditions(cell, inputs)
    h = _read_starts(starts, cell, may_stay=may_stay)
    n = h.shape[0]
    every: Rows
    if isinstance(h, DeviceView):
        every = repeated("starts", starts, len(labels))
    else:
        every = np.tile(h, (len(labels), 1))
    return every, np.repeat(each, n, axis=0), np.repeat(labels, n)


def _read_starts(value: ArrayLike, cell: Cell, *, may_stay: bool) -> Rows:
    there = view("starts", value) if may_stay else None
    if there is None:
        return validation.rows("starts", value, cell.state_size, cell.dtype, cell.hidden_size)
    validation.require_type("starts", value, there.dtype, cell.dtype)
    validation.require_rows("starts", there.shape, cell.state_size, cell.hidden_size)
    return there


def _read_inputs(value: ArrayLike | None, n: int, cell: Cell, *, may_stay: bool) -> Rows | None:
    shape = n, cell.input_size
    there = view("inputs", value) if may_stay else None
    if there is None:
        return validation.inputs("inputs", value, shape, cell.dtype)
    validation.require_type("inputs", value, there.dtype, cell.dtype)
    validation.require_inputs("inputs", there.shape, shape)
    if len(there.shape) == 1:
        return replace(there, shape=(1, *there.shape), strides=(0, *there.strides))
    return there


def _one_device(gpu: Gpu, **arrays: Rows | None) -> int:
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
    index = first_gpu() if wanted is None else wanted
    require_supported(index)
    return index


def _zeros(deflate: FixedPoints | ArrayLike, problem: SearchProblem) -> Floats:
    """Return the outputs to be divided out, shape (m, H): the unknowns of the search."""
    cell, method = problem.cell, problem.method
    if isinstance(cell, Layered):
        raise ValueError(  # noqa: TRY004 - of the right type, but not with a stack
            "deflate must be None for a stack: search one of its cells, with the points of its "
            "layer, which nullcline.layer_points returns"
        )
    if method not in {"auto", "newton"}:
        raise ValueError(f'deflate needs method "auto" or "newton", not {method!r}')
    if not problem.has_one_input():
        raise ValueError("deflate needs one input for all starts: fixed points depend on it")
    states = deflate.select("fixed").unique().h if isinstance(deflate, FixedPoints) else deflate
    known = validation.rows("deflate", states, cell.state_size, cell.dtype, cell.hidden_size)
    return cell.outputs_of(known)


def _one_row_per_start(x: Floats | None, n: int) -> Floats | None:
    """Return a copy of inputs, if there are any, as n rows."""
    return None if x is None else np.broadcast_to(x.copy(), (n, x.shape[1]))
