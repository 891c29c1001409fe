"""What a search found: one row a start, merged into distinct points on request, and its file."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive, validation
from nullcline._native import _core
from nullcline.gpu.arrays import host
from nullcline.cells import require_cell

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.certify.certificates import Certificates

KINDS = _core.KINDS
"""The kinds of ends, from the most to the least telling."""

_FORMAT = "nullcline.FixedPoints"
_FORMAT_VERSIONS = (1, 2)  # those that are read; the last is written, the first has no conditions

# Columns of texts, which a file holds as the distinct ones and their numbers.
_TEXTS = ("kind", "reason", "condition")

# Distinct points nearly always differ in one of this many coordinates, those that vary most.
_TELLING_COORDINATES = 16


@dataclass(frozen=True, eq=False, repr=False)
class FixedPoints:
    """The ends of a search, one row a start, or the distinct points among them.

    A search on a GPU from starts that are there leaves `h`, `q`, `starts` and maybe `inputs` there,
    as arrays of the starts' library. Methods then work on a copy of them on the host, and so do
    `linearize` and the like: who calls several should call `numpy` first, which makes that copy.

    Attributes
    ----------
    h
        Where each start ended, shape (n, S): the cell's states, S = H but for an LSTM's [h, c].
    q
        The speed there, `mean((h - F(h, x))**2)`, shape (n,).
    kind
        What the end is, shape (n,): "fixed", a zero of the reduced residual to rounding; "slow", a
        local minimum of q over the box of the cell's outputs with 0 < q <= tol_slow (for the
        gradient method any state with q <= tol_slow); "unconverged", everything else. Of a `Stack`,
        the worst of its layers' kinds.
    reason
        A sentence that says why it is of this kind, shape (n,).
    iterations
        Steps that the search took, shape (n,).
    starts
        Where it started, shape (n, S).
    inputs
        The input at each row, shape (n, D); None for zero input.
    condition
        The label of each row's input, shape (n,); None where inputs were given without labels.
    tol_unique
        How close in every coordinate two ends must be to count as one point.
    count
        How many starts a row stands for, shape (n,): one each until `unique` merges them.
    cell
        The cell that was searched; None after `load`, since files do not hold it.
    """

    h: Floats
    q: NDArray[np.float64]
    kind: NDArray[np.str_]
    reason: NDArray[np.str_]
    iterations: NDArray[np.int32]
    starts: Floats
    inputs: Floats | None
    tol_unique: float
    count: NDArray[np.int64]
    condition: NDArray[np.str_] | None = None
    cell: Cell | None = None

    def __post_init__(self) -> None:
        n = len(self)
        # An array on a GPU need have no more than a shape.
        shapes = {name: tuple(array.shape) for name, array in self._rows().items()}
        for name, shape in shapes.items():
            n_dimensions = 2 if name in {"h", "starts", "inputs"} else 1
            if len(shape) != n_dimensions or shape[0] != n:
                raise ValueError(
                    f"{name} must have {n_dimensions} dimension(s) and {n} rows, as h has, "
                    f"not shape {shape}"
                )
        if shapes["starts"] != shapes["h"]:
            raise ValueError(f"starts must have h's shape {shapes['h']}, not {shapes['starts']}")
        if unknown := set(self.kind.tolist()) - set(KINDS):
            raise ValueError(f"kind must hold {', '.join(KINDS)}, not {sorted(unknown)}")
        if self.condition is not None and self.condition.dtype.kind != "U":
            raise ValueError(f"condition must hold strings, not {self.condition.dtype}")

    def __len__(self) -> int:
        return int(self.h.shape[0])

    def __repr__(self) -> str:
        n, n_starts = len(self), int(self.count.sum())
        rows = f"{n} starts" if n == n_starts else f"{n} points from {n_starts} starts"
        kinds = ", ".join(f"{np.sum(self.kind == kind)} {kind}" for kind in KINDS)
        return f"FixedPoints({rows}: {kinds}; S = {self.h.shape[1]})"

    def numpy(self) -> FixedPoints:
        """Return the same with every column on the host, in NumPy's arrays; itself if it is so."""
        columns = self._rows()
        moved: dict[str, Any] = {
            name: host(column)
            for name, column in columns.items()
            if not isinstance(column, np.ndarray)
        }
        return replace(self, **moved) if moved else self

    def select(self, which: str | ArrayLike) -> FixedPoints:
        """Return some of the rows.

        Parameters
        ----------
        which
            A kind ("fixed", "slow" or "unconverged"), a mask of shape (n,), or row numbers in the
            order wanted.

        Raises
        ------
        ValueError
            If it is an unknown kind, or an array of another shape.
        TypeError
            If it is an array of neither booleans nor integers.
        IndexError
            If there is no row of a number.
        """
        return self.numpy()._take(self._row_numbers(which))

    def unique(self, *, unconverged: bool = False) -> FixedPoints:
        """Merge ends that are one point: every coordinate within `tol_unique`, inputs equal.

        Where inputs are labelled conditions, their labels must be equal too.

        Ends are taken from the best to the worst: fixed ones before slow ones, and by rising q
        among each. An end within `tol_unique` of a point that was kept is merged into the first
        such point; any other is kept. So each kept point has the lowest q of all that were merged
        into it, kept points are further than `tol_unique` apart, a chain of close ends does not
        collapse into one point, and the order of the starts has no influence.

        Parameters
        ----------
        unconverged
            Whether unconverged ends take part; by default they are left out.

        Returns
        -------
        FixedPoints
            One row a distinct point, from the best to the worst; `count` says how many starts each
            stands for. The other columns are those of the end that was kept.
        """
        converged = self.numpy() if unconverged else self.select(self.kind != "unconverged")
        candidates = converged._take(converged._from_best_to_worst())
        owner = np.empty(len(candidates), np.intp)
        for group in candidates._alike():
            owner[group] = group[_merge(candidates.h[group], self.tol_unique)]
        kept = np.flatnonzero(owner == np.arange(len(candidates)))
        count = np.zeros(len(candidates), np.int64)
        np.add.at(count, owner, candidates.count)
        return replace(candidates._take(kept), count=count[kept])

    def outliers(self, threshold: float = 10.0) -> NDArray[np.bool_]:
        """Tell which ends lie far from where all starts were, by FixedPointFinder's distance rule.

        An end is one if its distance to the centroid of the starts is at least `threshold` times
        the mean distance of the starts to it (Golub and Sussillo, JOSS 3 (2018) 1003; the default
        is theirs). Ask before `unique`, which keeps one start a point:
        ``points.select(~points.outliers()).unique()``.

        Parameters
        ----------
        threshold
            In mean distances of the starts, 0 or more.

        Returns
        -------
        numpy.ndarray
            A mask, shape (n,).

        Raises
        ------
        TypeError, ValueError
            If `threshold` is no number, negative or not finite.
        """
        threshold = validation.tolerance("threshold", threshold)
        if len(self) == 0:
            return np.zeros(0, np.bool_)
        points = self.numpy()
        return far_from(points.starts, points.h, threshold)

    def certify(self, cell: Cell | None = None) -> Certificates:
        """Prove, in floating point, that exactly one fixed point lies near each row.

        By the Newton–Kantorovich theorem in the form of a radii polynomial, with every rounding
        error bounded; `nullcline.certify` derives it. Takes about as long as two H x H inverses a
        row. A slow point is refused, as there is no fixed point at it. A proof is about exact
        arithmetic with the weights, inputs and states as they are stored: with a float32 cell too.

        Parameters
        ----------
        cell
            The cell that was searched; needed after `load` alone.

        Returns
        -------
        Certificates
            One row a row: `certified`, `radius_exists`, `radius_unique` (sup norm) and why not.

        Raises
        ------
        ValueError
            If there is no cell, or one of another size.
        TypeError
            If the cell is not a `GRU`. Of a stack, `Stack.layer_points` are certified, layer by
            layer, each for the input that it has there.
        """
        from nullcline.certify.certificates import certify_states

        cell = cell or self.cell
        if cell is None:
            raise ValueError("the file does not hold the cell: pass the one that was searched")
        require_cell(cell)
        if cell.state_size != self.h.shape[1]:
            raise ValueError(
                f"cell has states of {cell.state_size} numbers, and these have {self.h.shape[1]}"
            )
        points = self.numpy()
        return certify_states(cell, points.h, points.inputs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to `path`, a NumPy archive (.npz) without pickled objects, whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written; what stood under `path` is then unchanged.
        """
        arrays = self.numpy()._rows()
        # A sentence a row would outweigh small states: each text is stored once.
        for name in (name for name in _TEXTS if name in arrays):
            texts, codes = np.unique(arrays.pop(name), return_inverse=True)
            code = np.min_scalar_type(len(texts))
            arrays |= {f"{name}_texts": texts, f"{name}_codes": codes.astype(code)}
        arrays["tol_unique"] = np.array(self.tol_unique)
        archive.write(path, _FORMAT, _FORMAT_VERSIONS[-1], arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FixedPoints:
        """Read what `save` wrote.

        Raises
        ------
        OSError
            If `path` cannot be opened.
        ValueError
            If it was not written by `save`, or by a newer version, or is damaged.
        """
        with Path(path).open("rb") as file:
            try:
                return cls(**_read(file))
            except archive.UNREADABLE as error:
                raise ValueError(
                    f"{Path(path)} is not a file of fixed points, or it is damaged: {error}"
                ) from error

    def _rows(self) -> dict[str, Any]:
        """Return all that has one entry a row."""
        columns = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in {"tol_unique", "cell"}
        }
        return {name: column for name, column in columns.items() if column is not None}

    def _take(self, index: NDArray[np.intp]) -> FixedPoints:
        taken: dict[str, Any] = {name: column[index] for name, column in self._rows().items()}
        return replace(self, **taken)

    def _row_numbers(self, which: str | ArrayLike) -> NDArray[np.intp]:
        n = len(self)
        if isinstance(which, str):
            if which not in KINDS:
                raise ValueError(f"which must be one of {', '.join(KINDS)}, not {which!r}")
            return np.flatnonzero(self.kind == which)
        index = np.asarray(which)
        if index.size == 0 and index.dtype != bool:
            return np.empty(0, np.intp)
        if index.ndim != 1:
            raise ValueError(f"which must have one dimension, not shape {index.shape}")
        if index.dtype == bool:
            if len(index) != n:
                raise ValueError(
                    f"a mask must have an entry for each of {n} rows, not {len(index)}"
                )
            return np.flatnonzero(index)
        if not np.issubdtype(index.dtype, np.integer):
            raise TypeError(f"which must be a kind, a mask or row numbers, not {index.dtype}")
        if index.min() < -n or index.max() >= n:
            raise IndexError(f"which must hold numbers of rows, 0 to {n - 1}")
        return index.astype(np.intp)

    def _alike(self) -> list[NDArray[np.intp]]:
        """Return the numbers of rows of one input and condition, group by group, rising in each."""
        if len(self) == 0:
            return []
        inputs, conditions = self._ranks_of_inputs()
        order = np.lexsort((conditions, inputs))
        changes = (np.diff(inputs[order]) != 0) | (np.diff(conditions[order]) != 0)
        return np.split(order, np.flatnonzero(changes) + 1)

    def _from_best_to_worst(self) -> NDArray[np.intp]:
        """Order rows by kind, then q, then by all else, so that their given order plays no part."""
        kind = np.array([KINDS.index(kind) for kind in self.kind.tolist()], np.intp)
        rest = (*self._ranks_of_inputs(), _rank(self.starts), self.iterations, _rank(self.h))
        return np.lexsort((*rest, self.q, kind))

    def _ranks_of_inputs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return numbers that are equal where inputs are, and where conditions are."""
        none = np.zeros(len(self), np.intp)
        return (
            none if self.inputs is None else _rank(self.inputs + 0.0),  # -0.0 becomes 0.0
            none if self.condition is None else np.unique(self.condition, return_inverse=True)[1],
        )


def far_from(starts: Floats, h: Floats, threshold: float) -> NDArray[np.bool_]:
    """Tell which `h` are at least `threshold` mean distances of the starts from their centroid."""
    centroid = starts.mean(axis=0, dtype=np.float64)
    scale = np.linalg.norm(starts - centroid, axis=1).mean()
    distance = np.linalg.norm(h - centroid, axis=1)
    # A single start, or equal ones, have no scale: then nothing is far.
    mask: NDArray[np.bool_] = (distance >= threshold * scale) & (scale > 0)
    return mask


def _rank(rows: Floats) -> NDArray[np.intp]:
    """Return each row's number in some order that depends on their bytes alone."""
    width = rows.itemsize * rows.shape[1]
    if width == 0:
        return np.zeros(len(rows), np.intp)
    as_bytes = np.ascontiguousarray(rows).view(np.dtype((np.void, width))).reshape(-1)
    return np.unique(as_bytes, return_inverse=True)[1].reshape(-1)


def _merge(points: Floats, tolerance: float) -> NDArray[np.intp]:
    """Return for each point the first one before it, or itself, that it is merged into.

    A k-d tree of the coordinates that vary most names the candidates: O(n log n), where comparing
    all pairs would be quadratic, as long as those coordinates tell points apart.
    """
    owner = np.full(len(points), -1, np.intp)
    if len(points) == 1:
        owner[0] = 0
        return owner
    from scipy.spatial import KDTree

    telling = np.argsort(-points.var(axis=0, dtype=np.float64))[:_TELLING_COORDINATES]
    shadows = points[:, telling].astype(np.float64)
    # Splitting in the middle, not at the median: the median of a saturated unit is where most are.
    tree = KDTree(shadows, balanced_tree=False)
    radius = tolerance * (1 + 1e-9) + np.finfo(np.float64).tiny
    for i in range(len(points)):
        if owner[i] < 0:
            near = np.array(tree.query_ball_point(shadows[i], radius, p=np.inf), np.intp)
            near = near[owner[near] < 0]
            near = near[np.abs(points[near] - points[i]).max(axis=1) <= tolerance]
            owner[near] = i
    return owner


def _read(file: Any) -> dict[str, Any]:
    """Return the fields of the `FixedPoints` in a file."""
    arrays = archive.read(file, _FORMAT, _FORMAT_VERSIONS)
    for name in (name for name in _TEXTS if f"{name}_texts" in arrays):
        arrays[name] = arrays.pop(f"{name}_texts")[arrays.pop(f"{name}_codes")]
    return {"inputs": None, **arrays, "tol_unique": arrays["tol_unique"].item()}
