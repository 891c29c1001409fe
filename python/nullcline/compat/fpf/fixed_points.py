"""FixedPointFinder's container of fixed points, with its names and its units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._native.blas import one_blas_thread
from nullcline._support import archive, validation
from nullcline._support.reading import open_regular, reading
from nullcline.compat.fpf import _pickle_data
from nullcline.compat.fpf._warn import warn_meaningless
from nullcline.search.kinds import KINDS

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import DTypeLike, NDArray

_FORMAT = "nullcline.compat.fpf.FixedPoints"
_FORMAT_VERSION = 1

# The axes of every column after the first, which is the point: s for states, i for inputs.
_AXES = {
    "xstar": "s",
    "x_init": "s",
    "inputs": "i",
    "F_xstar": "s",
    "qstar": "",
    "dq": "",
    "n_iters": "",
    "J_xstar": "ss",
    "eigval_J_xstar": "s",
    "eigvec_J_xstar": "ss",
    "is_stable": "",
    "cond_id": "",
    "dFdu": "si",
    "kind": "",
}
_COMPLEX = ("eigval_J_xstar", "eigvec_J_xstar")
_DTYPE_KINDS = {
    **dict.fromkeys(_COMPLEX, "fc"),
    **dict.fromkeys(("xstar", "x_init", "inputs", "F_xstar", "J_xstar", "dFdu"), "f"),
    "kind": "U",
}
"""What a column may be of, as NumPy abbreviates it; of others than these any real numbers."""

_SETTINGS = ("tol_unique", "dtype", "dtype_complex", "verbose", "do_alloc_nan")

# What old files hold beside columns and settings, all of which follows from those.
_DERIVED = ("n", "n_states", "n_inputs", "has_decomposed_jacobians", "has_decomposed_Jacobians")


class FixedPoints:
    """Fixed points and what is known of them, one row per point; None for what is not known.

    It has the arguments, attributes and methods of the class of this name in FixedPointFinder
    (Golub and Sussillo, JOSS 3 (2018) 1003), and its plots take it. The last two arguments are new.

    Parameters
    ----------
    xstar
        The points, shape (n, n_states); of an LSTM `[h, c]`.
    x_init
        Where each search started, shape (n, n_states).
    inputs
        The constant inputs, shape (n, n_inputs).
    F_xstar
        The states one step later, shape (n, n_states).
    qstar
        Half the sum of the squares of `xstar - F_xstar`, shape (n,): n_states / 2 times the speed
        of nullcline.
    dq
        How much one step of gradient descent, at rate 1, changes `qstar`, shape (n,).
    n_iters
        Iterations of each search, shape (n,).
    J_xstar
        ∂F/∂x, shape (n, n_states, n_states).
    eigval_J_xstar, eigvec_J_xstar
        Its eigenvalues, shape (n, n_states), by falling modulus, and their eigenvectors as columns,
        shape (n, n_states, n_states).
    is_stable
        Whether every |λ| < 1, shape (n,).
    cond_id
        Numbers of conditions, shape (n,).
    n, n_states, n_inputs
        Sizes, if `do_alloc_nan`; otherwise they are those of the arrays.
    do_alloc_nan
        Whether to make all columns, but for `kind`, and fill them with NaN.
    tol_unique
        Points are one if the 2-norm of the difference of their (xstar, inputs) is at most this.
    dtype, dtype_complex
        Types of what is made here; arrays that are given keep theirs.
    verbose
        Whether `save` and `restore` say so.
    dFdu
        ∂F/∂u, the derivative by the input, shape (n, n_states, n_inputs).
    kind
        What the search says of each, shape (n,): "fixed", a zero to rounding; "slow", a local
        minimum of q of at most the finder's `tol_q`; "minimum", one above it; "unconverged",
        everything else.

    Raises
    ------
    ValueError
        If shapes do not fit each other, or a size is missing.
    """

    def __init__(
        self,
        xstar: NDArray[Any] | None = None,
        x_init: NDArray[Any] | None = None,
        inputs: NDArray[Any] | None = None,
        F_xstar: NDArray[Any] | None = None,
        qstar: NDArray[Any] | None = None,
        dq: NDArray[Any] | None = None,
        n_iters: NDArray[Any] | None = None,
        J_xstar: NDArray[Any] | None = None,
        eigval_J_xstar: NDArray[Any] | None = None,
        eigvec_J_xstar: NDArray[Any] | None = None,
        is_stable: NDArray[Any] | None = None,
        cond_id: NDArray[Any] | None = None,
        n: int | None = None,
        n_states: int | None = None,
        n_inputs: int | None = None,
        do_alloc_nan: bool = False,
        tol_unique: float = 1e-3,
        dtype: DTypeLike = np.float32,
        dtype_complex: DTypeLike = np.complex64,
        verbose: bool = False,
        dFdu: NDArray[Any] | None = None,
        kind: NDArray[np.str_] | None = None,
    ) -> None:
        self.tol_unique = tol_unique
        self.dtype = np.dtype(dtype)
        self.dtype_complex = np.dtype(dtype_complex)
        self.do_alloc_nan = do_alloc_nan
        self.verbose = verbose
        # Arrays or None: typed so that who knows which need not say it.
        self.xstar: Any = xstar
        self.x_init: Any = x_init
        self.inputs: Any = inputs
        self.F_xstar: Any = F_xstar
        self.qstar: Any = qstar
        self.dq: Any = dq
        self.n_iters: Any = n_iters
        self.J_xstar: Any = J_xstar
        self.eigval_J_xstar: Any = eigval_J_xstar
        self.eigvec_J_xstar: Any = eigvec_J_xstar
        self.is_stable: Any = is_stable
        self.cond_id: Any = cond_id
        self.dFdu: Any = dFdu
        self.kind: Any = kind
        if do_alloc_nan:
            self._fill_with_nan(n=n, n_states=n_states, n_inputs=n_inputs)
        self.assert_valid_shapes()

    # Sizes

    @property
    def n(self) -> int:
        """How many points there are."""
        return next((len(column) for column in self._columns().values()), 0)

    @property
    def n_states(self) -> int | None:
        """The length of a state; None without states."""
        return self._length(("xstar", "x_init", "F_xstar", "J_xstar"))

    @property
    def n_inputs(self) -> int | None:
        """The length of an input; None without inputs."""
        return self._length(("inputs",))

    def __len__(self) -> int:
        return self.n

    @property
    def is_single_fixed_point(self) -> bool:
        """Whether there is exactly one."""
        return self.n == 1

    @property
    def has_decomposed_jacobians(self) -> bool:
        """Whether there are eigenvalues."""
        return self.eigval_J_xstar is not None

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments that make a shallow copy: `FixedPoints(**fps.kwargs)`."""
        columns = {name: getattr(self, name) for name in _AXES}
        settings = {name: getattr(self, name) for name in _SETTINGS}
        return {**columns, **settings, "do_alloc_nan": False}

    def assert_valid_shapes(self) -> None:
        """Raise ValueError unless all columns have as many rows, and the dimensions they should."""
        for name, column in self._columns().items():
            n_dimensions = 1 + len(_AXES[name])
            if np.ndim(column) != n_dimensions or len(column) != self.n:
                raise ValueError(
                    f"{name} must have {n_dimensions} dimension(s) and {self.n} rows, not shape "
                    f"{np.shape(column)}"
                )

    # Rows

    def __getitem__(self, index: Any) -> FixedPoints:
        """Return some of the rows: by a number, a slice, a mask or numbers."""
        rows = _keeping_dimensions(index)
        return self._with({name: column[rows] for name, column in self._columns().items()})

    def __setitem__(self, index: Any, fps: FixedPoints) -> None:
        """Overwrite rows in every column that this has; NaN where the other knows nothing."""
        if not isinstance(fps, FixedPoints):
            raise TypeError(f"fps must be FixedPoints, not {type(fps).__name__}")
        rows = _keeping_dimensions(index)
        for name, column in self._columns().items():
            new = getattr(fps, name)
            if new is None and column.dtype.kind not in "fc":
                raise ValueError(f"fps must have {name}, as what it is assigned to has")
            column[rows] = np.nan if new is None else new

    def __contains__(self, fp: object) -> bool:
        return self.find(fp).size > 0

    def find(self, fp: object) -> NDArray[np.intp]:
        """Return the numbers of the rows that are the point `fp`, within `tol_unique`.

        Parameters
        ----------
        fp
            A `FixedPoints` of one row. What cannot be compared is nowhere.

        Raises
        ------
        ValueError
            If it has other than one row, or either has no `xstar`.
        """
        if not isinstance(fp, FixedPoints):
            return np.empty(0, np.intp)
        if (fp.n_states, fp.n_inputs) != (self.n_states, self.n_inputs):
            return np.empty(0, np.intp)
        if fp.n != 1:
            raise ValueError(f"fp must be one fixed point, not {fp.n}")
        return np.flatnonzero(self._near(self._places(), fp._places()[0]))

    def get_unique(self) -> FixedPoints:
        """Return one row per point: the one of least `qstar` among those within `tol_unique`.

        Rows are taken in their order, as FixedPointFinder takes them: each that has not been
        merged gathers all that have not within `tol_unique` of it.

        Raises
        ------
        ValueError
            If there is no `xstar`.
        """
        places = self._places()
        q = np.zeros(self.n) if self.qstar is None else self.qstar
        left = np.ones(self.n, np.bool_)
        kept = []
        for i in range(self.n):
            if left[i]:
                near = np.append(i, np.flatnonzero(left & self._near(places, places[i])))
                left[near] = False
                kept.append(near[np.argmin(q[near])])
        return self[np.array(kept, np.intp)]

    def transform(self, U: NDArray[Any], offset: Any = 0.0) -> FixedPoints:
        """Map states x to x U + offset, e.g. to principal components or a readout.

        Eigenvectors and `dFdu` are directions, which U maps and `offset` does not move. All else,
        eigenvalues and `J_xstar` too, remains as it is.

        Parameters
        ----------
        U
            Shape (n_states, k).
        offset
            Shape (k,), or a number.
        """
        states = ("xstar", "x_init", "F_xstar")
        directions = ("eigvec_J_xstar", "dFdu")
        columns = self._columns()
        mapped = {name: columns[name] @ U + offset for name in states if name in columns}
        turned = {name: U.T @ columns[name] for name in directions if name in columns}
        return self._with({**columns, **mapped, **turned})

    def update(self, new_fps: FixedPoints) -> None:
        """Append the rows of another.

        Raises
        ------
        ValueError
            If types or tolerances differ, or only one of the two has a column.
        """
        if self._columns().keys() != new_fps._columns().keys():
            raise ValueError("new_fps must have the columns that these have")
        for name, column in FixedPoints.concatenate([self, new_fps])._columns().items():
            setattr(self, name, column)

    @staticmethod
    def concatenate(fps_seq: Sequence[FixedPoints]) -> FixedPoints:
        """Join rows; a column that not all have is left out.

        Raises
        ------
        ValueError
            If there is nothing to join, or types or tolerances differ.
        """
        if len(fps_seq) == 0:
            raise ValueError("fps_seq must hold at least one FixedPoints")
        first = fps_seq[0]
        for name in ("tol_unique", "dtype", "dtype_complex"):
            found = {str(getattr(fps, name)) for fps in fps_seq}
            if len(found) > 1:
                raise ValueError(f"fps_seq must have one {name}, not {' and '.join(sorted(found))}")
        parts = [fps._columns() for fps in fps_seq]
        shared = [name for name in parts[0] if all(name in part for part in parts)]
        return first._with(
            {name: np.concatenate([part[name] for part in parts]) for name in shared}
        )

    # Jacobians

    def decompose_jacobians(self, do_batch: bool = True, str_prefix: str = "") -> None:
        """Set `eigval_J_xstar`, `eigvec_J_xstar` and `is_stable`, found in float64 by LAPACK.

        Parameters
        ----------
        do_batch
            No meaning here: matrices are decomposed one after the other either way.
        str_prefix
            What to put before what is printed.

        Raises
        ------
        ValueError
            If there is no `J_xstar`.
        """
        if not do_batch:
            warn_meaningless("do_batch", "matrices are decomposed one after the other either way")
        if self.has_decomposed_jacobians:
            print(f"{str_prefix}Jacobians have been decomposed already.")
            return
        if self.J_xstar is None:
            raise ValueError("there is no J_xstar to decompose")
        whole = np.isfinite(self.J_xstar).all(axis=(1, 2))
        # A stable sort leaves of a conjugate pair the one with positive imaginary part first.
        with one_blas_thread():
            found, vectors = np.linalg.eig(self.J_xstar[whole].astype(np.float64))
        order = np.argsort(-np.abs(found), axis=1, kind="stable")
        found = np.take_along_axis(found, order, axis=1)
        self.eigval_J_xstar = np.full(self.J_xstar.shape[:2], np.nan, self.dtype_complex)
        self.eigvec_J_xstar = np.full(self.J_xstar.shape, np.nan, self.dtype_complex)
        self.is_stable = np.zeros(self.n, np.bool_)
        self.eigval_J_xstar[whole] = found
        self.eigvec_J_xstar[whole] = np.take_along_axis(vectors, order[:, None], axis=2)
        self.is_stable[whole] = (np.abs(found) < 1).all(axis=1)

    decompose_Jacobians = decompose_jacobians  # noqa: N815
    """What FixedPointFinder's plots call it."""

    # Files

    def save(self, save_path: str | os.PathLike[str]) -> None:
        """Write to `save_path`, under just this name, a NumPy archive without pickled objects.

        Raises
        ------
        OSError
            If it cannot be written; what stood there is then unchanged.
        ValueError
            If a column holds objects, or shapes do not fit.
        """
        if self.verbose:
            print("Saving FixedPoints object.")
        self.assert_valid_shapes()
        arrays = {name: np.asarray(column) for name, column in self._columns().items()}
        if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
            raise ValueError(f"{', '.join(objects)} must be of numbers or text, not of objects")
        settings = {
            "tol_unique": np.array(self.tol_unique),
            "dtype": np.array(self.dtype.str),
            "dtype_complex": np.array(self.dtype_complex.str),
            "verbose": np.array(self.verbose),
        }
        archive.write(save_path, _FORMAT, _FORMAT_VERSION, {**arrays, **settings})

    def restore(self, restore_path: str | os.PathLike[str]) -> None:
        """Replace all that this holds by what `save`, or FixedPointFinder's `save`, wrote.

        Raises
        ------
        OSError
            If it cannot be opened.
        ValueError
            If it is neither, or damaged, or holds more than arrays; nothing of it is executed.
        """
        if self.verbose:
            print("Restoring FixedPoints object.")
        path = Path(restore_path)
        with open_regular(path) as file:
            is_archive = file.read(2) == b"PK"
        restored = _read_archive(path) if is_archive else read_fps(path)
        self.__dict__ = restored.__dict__

    # What is printed

    def print_summary(self) -> None:
        """Print all columns that tell how good the points are, and the points."""
        shown = {
            "q at the fixed points": self.qstar,
            "Its change by one step of gradient descent": self.dq,
            "Iterations": self.n_iters,
            "The fixed points": self.xstar,
            "One step later": self.F_xstar,
            "Jacobians": self.J_xstar,
        }
        for title, column in shown.items():
            if column is not None:
                print(f"\n{title}:\n{column}")

    def print_shapes(self) -> None:
        """Print the shape of every column."""
        for name in _AXES:
            column = getattr(self, name)
            print(f"{name}: {None if column is None else column.shape}")

    def __repr__(self) -> str:
        return f"FixedPoints(n={self.n}, n_states={self.n_states}, n_inputs={self.n_inputs})"

    # Helpers

    def _columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns that are known."""
        columns = {name: getattr(self, name) for name in _AXES}
        return {name: column for name, column in columns.items() if column is not None}

    def _with(self, columns: dict[str, NDArray[Any]]) -> FixedPoints:
        """Return these columns alone, with the settings of this."""
        return FixedPoints(**{**self.kwargs, **dict.fromkeys(_AXES), **columns})

    def _length(self, names: Sequence[str]) -> int | None:
        columns = self._columns()
        return next((columns[name].shape[1] for name in names if name in columns), None)

    def _places(self) -> NDArray[Any]:
        """Return states and inputs side by side, shape (n, n_states + n_inputs)."""
        if self.xstar is None:
            raise ValueError("points without xstar cannot be compared")
        parts = [self.xstar] if self.inputs is None else [self.xstar, self.inputs]
        return np.concatenate(parts, axis=1)

    def _near(self, places: NDArray[Any], place: NDArray[Any]) -> NDArray[np.bool_]:
        near: NDArray[np.bool_] = np.linalg.norm(places - place, axis=1) <= self.tol_unique
        return near

    def _fill_with_nan(self, **sizes: int | None) -> None:
        for name, size in sizes.items():
            if size is None:
                raise ValueError(f"{name} must be given if do_alloc_nan is True")
        lengths = {"s": sizes["n_states"], "i": sizes["n_inputs"]}
        for name, axes in _AXES.items():
            if name != "kind":
                shape = [sizes["n"], *(lengths[axis] for axis in axes)]
                dtype = self.dtype_complex if name in _COMPLEX else self.dtype
                setattr(self, name, np.full(shape, np.nan, dtype))


def read_fps(path: str | os.PathLike[str]) -> FixedPoints:
    """Read a file that FixedPointFinder's `FixedPoints.save` wrote, which is a pickle.

    Unpickling runs whatever a file says. Here nothing is run: the file is read as data, and may
    hold arrays of numbers, single numbers and text, and nothing else. `FixedPoints.save` then
    writes it as a NumPy archive.

    Parameters
    ----------
    path
        The file, of any version of FixedPointFinder, Python and NumPy.

    Returns
    -------
    FixedPoints
        What it holds; None for columns that its version had not.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it is no such file, or damaged, or refers to anything but arrays of numbers.
    """
    with reading(path, "a file of FixedPointFinder's fixed points") as file:
        return _of_attributes(_pickle_data.parse(file.read()))


def _of_attributes(found: dict[str, Any]) -> FixedPoints:
    """Return the `FixedPoints` that has these attributes."""
    if unknown := found.keys() - {*_AXES, *_SETTINGS, *_DERIVED}:
        raise ValueError(f"it has the attributes {', '.join(sorted(unknown))}")
    columns = {name: found[name] for name in _AXES if found.get(name) is not None}
    for name, column in columns.items():
        if not isinstance(column, np.ndarray):
            raise TypeError(f"{name} is a {type(column).__name__}, not an array")
    settings = {name: found[name] for name in _SETTINGS if name in found}
    settings["tol_unique"] = float(found["tol_unique"])
    settings["verbose"] = bool(found.get("verbose", False))
    settings.pop("do_alloc_nan", None)
    return _checked({name: column.copy() for name, column in columns.items()}, settings)


def _read_archive(path: Path) -> FixedPoints:
    with reading(path, "a file of fixed points") as file:
        found = archive.read(file, _FORMAT, (_FORMAT_VERSION,))
        settings = {name: found.pop(name).item() for name in _SETTINGS if name in found}
        return _checked(found, settings)


def _checked(columns: dict[str, Any], settings: dict[str, Any]) -> FixedPoints:
    """Return the points that a file holds, if they can be worked with; else raise."""
    if unknown := columns.keys() - _AXES.keys():
        raise ValueError(f"it has the columns {', '.join(sorted(unknown))}")
    for name, column in columns.items():
        if column.dtype.kind not in _DTYPE_KINDS.get(name, "fiub"):
            raise TypeError(f"{name} is of type {column.dtype}")
    validation.tolerance("tol_unique", settings["tol_unique"])
    if "kind" in columns and (unknown_kinds := {*columns["kind"].tolist()} - {*KINDS}):
        raise ValueError(f"kind must hold {', '.join(KINDS)}, not {sorted(unknown_kinds)}")
    points = FixedPoints(**columns, **settings)
    if (points.dtype.kind, points.dtype_complex.kind) != ("f", "c"):
        raise TypeError(f"its types are {points.dtype} and {points.dtype_complex}")
    lengths = {"s": points.n_states, "i": points.n_inputs}
    for name, column in columns.items():
        wanted = (
            lengths[axis] or length
            for axis, length in zip(_AXES[name], column.shape[1:], strict=True)
        )
        if column.shape != (points.n, *wanted):
            raise ValueError(f"{name} of shape {column.shape} does not fit the others")
    return points


def _keeping_dimensions(index: Any) -> Any:
    """Return an index that keeps the first axis, where a number would drop it."""
    return [index] if isinstance(index, int | np.integer) else index
