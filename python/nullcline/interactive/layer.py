"""What a page shows of one layer, checked: its points, and what is drawn around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells import require_cell
from nullcline.continuation import Curve, Trace
from nullcline.interactive.axes import Axes, axes_through
from nullcline.interactive.moving_words import Words, read_words
from nullcline.interactive.packing import clean
from nullcline.linearization.linear_map import require_linearization
from nullcline.search.fixed_points import FixedPoints, distinct_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.linearization.linear_map import Linearization

    Vector = NDArray[np.float64]

MOST_LABELS = 20
"""Different labels that states may have, each of which can be hidden."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer, as `explore` shows it.

    Parameters
    ----------
    points
        Distinct points, whose states have S numbers.
    width
        How many numbers of a state are looked at: S, or H where outputs alone were given.
    axes
        Three directions to look along.
    states
        The states that are shown, shape (n, width), of `n_states`.
    texts, labels
        One for each of these; None where there are none.
    trajectories
        Shape (T, width) each, NaN where they break off, of `n_trajectories`.
    trajectory_words, trajectory_names
        The words of each, one per state, or None; and what each is called.
    curves
        Shape (m, width) each.
    cell, linearization
        What points are linearized with; None for neither.
    words
        Words whose effects are shown.
    readout
        Shape (S,).
    """

    points: FixedPoints
    width: int
    axes: Axes
    states: Floats | None
    n_states: int
    texts: Sequence[str] | None
    labels: Sequence[str] | None
    trajectories: Sequence[Floats]
    n_trajectories: int
    trajectory_words: Sequence[Sequence[str] | None]
    trajectory_names: Sequence[str]
    curves: Sequence[Floats]
    cell: Cell | None
    linearization: Linearization | None
    words: Words | None
    readout: Vector | None


def read_layer(points: Any, given: dict[str, Any], max_states: int) -> Layer:
    """Return a layer of what `explore` was given for it, checked; `given` holds what is not None.

    Raises
    ------
    TypeError, ValueError
        If anything of it has the wrong type or shape, or does not fit the rest.
    """
    if not isinstance(points, FixedPoints):
        raise TypeError(
            "points must be what nullcline.find_fixed_points returns, or map names of layers to "
            f"that, not {type(points).__name__}"
        )
    points = points.numpy()
    linearization = given.get("linearization")
    if linearization is None:
        points = distinct_points(points)
    else:
        _require_maps_of(linearization, points)
    cell = given.get("cell", points.cell if linearization is None else linearization.cell)
    size = points.h.shape[1]
    if cell is not None:
        require_cell(cell)
        if cell.state_size != size:
            raise ValueError(
                f"cell must have states of length {size}, as the points have, not {cell.state_size}"
            )
    sizes = _Widths(size, None if cell is None else cell.hidden_size)
    states = None if "states" not in given else sizes.rows("states", given["states"])
    trajectories = _trajectories(given.get("trajectories"), sizes)
    curves = _curves(given.get("curves"), sizes)
    width = sizes.narrowest
    readout = _readout(given.get("readout"), sizes)
    n_states = 0 if states is None else len(states)
    texts, labels = (_one_each(name, given.get(name), "states", n_states) for name in
                     ("texts", "labels"))  # fmt: skip
    shown = thinned(n_states, max_states)
    states = None if states is None else states[shown, :width]
    n_trajectories = len(trajectories)
    trajectories, words_of, names = _walks(trajectories, given, max_states)
    trajectories = [path[:, :width] for path in trajectories]
    curves = [curve[:, :width] for curve in curves]
    own = points.h[:, :width]
    axes = axes_through(
        _looked_at(states, [*trajectories, *curves, own]),
        given.get("projection"),
        None if readout is None else readout[:width],
    )
    return Layer(
        points=points, width=width, axes=axes, states=states, n_states=n_states,
        texts=None if texts is None else [texts[i] for i in shown.tolist()],
        labels=None if labels is None else [labels[i] for i in shown.tolist()],
        trajectories=trajectories, n_trajectories=n_trajectories,
        trajectory_words=words_of, trajectory_names=names, curves=curves,
        cell=cell, linearization=linearization,
        words=None if "words" not in given else
        read_words(given["words"], len(points), None if cell is None else cell.input_size),
        readout=readout,
    )  # fmt: skip


def thinned(n: int, most: int) -> NDArray[np.intp]:
    """Return which of n rows are shown, at most so many: drawn at random, always the same ones."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


@dataclass
class _Widths:
    """How wide states may be: S, or H for outputs alone; and the narrowest that came."""

    state_size: int
    hidden_size: int | None
    narrowest: int = field(init=False)

    def __post_init__(self) -> None:
        self.narrowest = self.state_size

    def rows(self, name: str, value: ArrayLike, *, finite: bool = True) -> Floats:
        """Return states (n, S) or outputs (n, H)."""
        array = validation.floats(name, value, finite=finite)
        outputs = self.hidden_size or self.state_size // 2  # which an LSTM's state begins with
        if array.ndim != 2 or array.shape[1] not in {self.state_size, outputs}:
            own = "" if outputs == self.hidden_size == self.state_size else f" or (n, {outputs})"
            mend = f"; for all of their rows pass {name}.reshape(-1, {array.shape[-1]})"
            raise ValueError(
                f"{name} must have shape (n, {self.state_size}){own}, not {array.shape}"
                + mend * (array.ndim == 3 and array.shape[-1] in {self.state_size, outputs})
            )
        self.narrowest = min(self.narrowest, array.shape[1])
        return array


def _require_maps_of(linearization: Any, points: FixedPoints) -> None:
    require_linearization(linearization)
    if linearization.h.shape != points.h.shape or not np.array_equal(linearization.h, points.h):
        raise ValueError(
            "linearization must be that of the points: nullcline.linearize(cell, points)"
        )


def _trajectories(given: Any, sizes: _Widths) -> list[Floats]:
    """Return trajectories, shape (T, S) each, NaN from where they break off; none ends in NaN."""
    if given is None:
        return []
    if getattr(given, "ndim", None) == 2:
        given = [given]
    try:
        paths = list(given)
    except TypeError:
        raise TypeError(
            "trajectories must be an array (T, S) or (m, T, S), or a list of arrays (T, S), not "
            f"{type(given).__name__}"
        ) from None
    found = []
    for i, path in enumerate(paths):
        rows = sizes.rows(f"trajectories[{i}]", path, finite=False)
        there = np.asarray(np.isfinite(rows).all(axis=1))
        rows = np.where(there[:, None], rows, np.nan)
        found.append(rows[: int(np.flatnonzero(there).max(initial=-1)) + 1])
    return found


def _walks(
    trajectories: Sequence[Floats], given: dict[str, Any], max_states: int
) -> tuple[list[Floats], list[list[str] | None], list[str]]:
    """Return the trajectories that are shown, the words of each or None, and what it is called."""
    words_of, names = _described(trajectories, given)
    kept = _fitting([len(path) for path in trajectories], max_states)
    if trajectories and len(trajectories[0]) > max_states:
        n = len(trajectories[0])
        names[0] += f" (the first {max_states:,} of {n:,} states)"
    return [path[:max_states] for path in trajectories[:kept]], words_of[:kept], names[:kept]


def _described(
    trajectories: Sequence[Floats], given: dict[str, Any]
) -> tuple[list[list[str] | None], list[str]]:
    """Return the words of each trajectory, or None, and what each is called."""
    n = len(trajectories)
    names = _one_each("trajectory_names", given.get("trajectory_names"), "trajectories", n)
    words = given.get("trajectory_words")
    if words is None:
        words_of: list[list[str] | None] = [None] * n
    else:
        lists = [words] if n == 1 and len(words) and isinstance(words[0], str) else list(words)
        if len(lists) != n:
            raise ValueError(
                f"trajectory_words must hold a list of words for each of {n} trajectories, not "
                f"{len(lists)}"
            )
        words_of = [
            None if of_path is None else [clean(word) for word in of_path] for of_path in lists
        ]
        for i, (of_path, path) in enumerate(zip(words_of, trajectories, strict=True)):
            if of_path is not None and len(of_path) < len(path):
                raise ValueError(
                    f"trajectory_words[{i}] must hold a word for each of {len(path)} states, not "
                    f"{len(of_path)}"
                )
    return words_of, names or [f"trajectory {i + 1}" for i in range(n)]


def _curves(given: Any, sizes: _Widths) -> list[Floats]:
    """Return the states of curves, of a trace, or of arrays (m, S)."""
    if given is None:
        return []
    if isinstance(given, Trace):
        given = given.curves
    elif isinstance(given, Curve) or getattr(given, "ndim", None) == 2:
        given = [given]
    return [
        sizes.rows(f"curves[{i}]", curve.h if isinstance(curve, Curve) else curve)
        for i, curve in enumerate(given)
    ]


def _readout(given: ArrayLike | None, sizes: _Widths) -> Vector | None:
    """Return a readout as a vector of the length of states; zero where it sees nothing."""
    if given is None:
        return None
    weights = validation.floats("readout", given).astype(np.float64)
    size, outputs = sizes.state_size, sizes.hidden_size or sizes.state_size
    if weights.ndim != 1 or len(weights) not in {size, outputs, sizes.narrowest}:
        wanted = " or ".join(f"({width},)" for width in sorted({size, outputs}))
        raise ValueError(f"readout must have shape {wanted}, not {weights.shape}")
    if not weights.any():
        raise ValueError("readout must not be zero")
    return np.pad(weights, (0, size - len(weights)))


def _one_each(name: str, values: Any, of: str, n: int) -> list[str] | None:
    if values is None:
        return None
    if isinstance(values, str):
        raise TypeError(f"{name} must hold one for each of {n} {of}, not be one text")
    found = [clean(value) for value in (values.tolist() if hasattr(values, "tolist") else values)]
    if len(found) != n:
        raise ValueError(f"{name} must hold one for each of {n} {of}, not {len(found)}")
    if name == "labels" and len(set(found)) > MOST_LABELS:
        raise ValueError(
            f"labels must have at most {MOST_LABELS} different values, not {len(set(found))}: what "
            "differs from state to state can be read from texts"
        )
    return found


def _fitting(lengths: Sequence[int], most: int) -> int:
    """Return how many of the first trajectories have no more states than that together.

    One stays in any case.
    """
    fitting = int(np.searchsorted(np.cumsum(lengths), most, side="right"))
    return min(max(fitting, 1), len(lengths))


def _looked_at(states: Floats | None, others: Sequence[Floats]) -> Floats:
    """Return what axes are chosen by: the states; without any, all else that is drawn."""
    if states is not None and len(states) > 1:
        return states
    rows: Floats = np.concatenate(others if states is None else [states, *others])
    finite: Floats = rows[np.isfinite(rows).all(axis=1)]
    return finite
