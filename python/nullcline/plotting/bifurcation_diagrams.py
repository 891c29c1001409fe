"""Bifurcation diagrams: branches of fixed points as the input moves, and as training goes on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nullcline._support import validation
from nullcline.continuation import Bifurcation, FoldCurve, InputBranch, TrainingPath
from nullcline.continuation.curve_problem import LARGEST_WRITTEN_OUT
from nullcline.plotting.panels import add_legend, add_title, axes_or_new
from nullcline.plotting.projection import Projection, in_space
from nullcline.plotting.theme import BLACK, BLUE, GREEN, ORANGE, PINK, VERMILION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.continuation import BifurcationPoint

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

_STABLE = {"color": BLUE, "ls": "-", "label": "stable"}
_UNSTABLE = {"color": VERMILION, "ls": "--", "label": "unstable"}
_CHECKPOINT: dict[str, Any] = {
    "ls": "",
    "marker": ".",
    "color": BLACK,
    "ms": 4,
    "label": "at a checkpoint",
}


NUMBER_ROOM = 0.045
"""Room that a number keeps free above another, in heights of the axes."""


class BifurcationMark(NamedTuple):
    """How bifurcations of some kinds are drawn."""

    kinds: tuple[Bifurcation, ...]
    label: str
    marker: str
    face: str
    size: float

    @property
    def look(self) -> dict[str, Any]:
        """What matplotlib is to be told."""
        shape = {"marker": self.marker, "ms": self.size}
        return {"ls": "", "mfc": self.face, "mec": BLACK, **shape}


_CROSSED = Bifurcation.PITCHFORK, Bifurcation.TRANSCRITICAL, Bifurcation.BRANCH_POINT

BIFURCATION_MARKS = (
    BifurcationMark((Bifurcation.FOLD,), "fold", "s", "white", 6),
    BifurcationMark(_CROSSED, "branch point", "*", BLACK, 11),
    BifurcationMark((Bifurcation.FLIP,), "flip", "D", ORANGE, 6),
    BifurcationMark((Bifurcation.NEIMARK_SACKER,), "Neimark–Sacker point", "o", GREEN, 7),
    BifurcationMark((Bifurcation.UNRESOLVED,), "unresolved crossing", "X", "white", 8),
)


class DrawnCurve(NamedTuple):
    """A curve as it is drawn: its parameter, its heights, and what is known of it.

    `place` gives the heights of states.
    """

    s: Vector
    height: Vector
    is_stable: NDArray[np.bool_]
    arclength: Vector
    bifurcations: Sequence[BifurcationPoint]
    place: Callable[[Matrix], Vector]


def input_branch(
    branches: InputBranch | Sequence[InputBranch],
    along: ArrayLike | None = None,
    *,
    name: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw a bifurcation diagram: branches of fixed points against the input.

    Solid where stable, dashed where not, with a mark at each fold, branch point, flip and
    Neimark-Sacker point (`InputBranch.bifurcations`, up to 4096 units).

    Parameters
    ----------
    branches
        What `follow_input` and `InputBranch.switch` returned: several in one picture. If the input
        is a single number, the axis shows it, otherwise s.
    along
        What to draw of a state: its product with this vector, (S,) or, of outputs, (H,), such as a
        readout; by default the first principal component of all branches.
    name
        What to call that.
    legend
        Whether to write a legend.
    ax
        Where to draw; None for a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape.
    """
    given = [branches] if isinstance(branches, InputBranch) else list(branches)
    if not given or not all(isinstance(branch, InputBranch) for branch in given):
        raise TypeError("branches must be what follow_input returns, or some of these")
    cell = given[0].cell
    axis = _height(cell, [branch.h for branch in given], along)
    ax = axes_or_new(ax, width=1.75)
    drawn = [drawn_branch(branch, _placing(axis, branch.cell)) for branch in given]
    for branch, one in zip(given, drawn, strict=True):
        _draw(ax, one, _input_at(branch))
    single = all(branch.inputs.shape[1] == 1 for branch in given)
    ax.set_xlabel("input" if single else "input, in multiples s of its direction")
    _name_height(ax, axis, along, name)
    add_title(ax, "Fixed points as the input moves")
    if legend:
        add_legend(ax, _handles(drawn))
    return ax


def training_path(
    path: TrainingPath,
    along: ArrayLike | None = None,
    *,
    name: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw fixed points as training goes on: where they are born, vanish and change stability.

    Solid where stable, dashed where not, with the number of each point where it is last, and the
    marks of `input_branch`.

    Parameters
    ----------
    path
        What `follow_training` returned.
    along
        What to draw of a state, as in `input_branch`: by default the first principal component.
    name
        What to call that.
    legend
        Whether to write a legend.
    ax
        Where to draw; None for a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape.
    """
    if not isinstance(path, TrainingPath):
        raise TypeError(
            f"path must be what follow_training returns, not {type(path).__name__}: of branches "
            "along an input, input_branch draws"
        )
    cell = path.cells[0]
    axis = _height(cell, [path.h[path.exists]], along)
    place = _placing(axis, cell)
    ax = axes_or_new(ax, width=1.75)
    drawn = [
        DrawnCurve(
            s=curve.time,
            height=place(curve.h),
            is_stable=curve.spectral_radius < 1,
            arclength=curve.arclength,
            bifurcations=curve.bifurcations,
            place=place,
        )
        for curve in path.curves
    ]
    for one in drawn:
        _draw(ax, one, lambda time: time)
    _mark_checkpoints(ax, path, place)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("checkpoint")
    _name_height(ax, axis, along, name)
    add_title(ax, "Fixed points as training goes on")
    if legend:
        add_legend(ax, [*_handles(drawn), Line2D([], [], **_CHECKPOINT)])
    return ax


def fold_curve(
    curves: FoldCurve | Sequence[FoldCurve],
    *,
    names: tuple[str, str] = ("s₁", "s₂"),
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw where folds are in the plane of two inputs, with the cusps in which they meet.

    Across a curve, two fixed points come or go.

    Parameters
    ----------
    curves
        What `nullcline.fold_curve` returned, once or more.
    names
        What to call the two directions of the input.
    legend
        Whether to write a legend.
    ax
        Where to draw; None for a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    """
    given = [curves] if isinstance(curves, FoldCurve) else list(curves)
    if not given or not all(isinstance(curve, FoldCurve) for curve in given):
        raise TypeError("curves must be what fold_curve returns, or some of these")
    ax = axes_or_new(ax)
    cusp: dict[str, Any] = {"ls": "", "marker": "P", "mfc": PINK, "mec": BLACK, "ms": 9}
    for curve in given:
        ax.plot(*curve.s.T, color=BLACK, label="folds")
        if len(curve.cusp_s):
            ax.plot(*curve.cusp_s.T, **cusp, zorder=4, label="cusps")
    ax.set_xlabel(names[0], parse_math=False)
    ax.set_ylabel(names[1], parse_math=False)
    add_title(ax, "Folds in the plane of two inputs")
    handles = [Line2D([], [], color=BLACK, label="fold")]
    if any(len(curve.cusp_s) for curve in given):
        handles.append(Line2D([], [], **cusp, label="cusp"))
    if legend:
        add_legend(ax, handles)
    return ax


def bifurcations_of(branch: InputBranch) -> tuple[BifurcationPoint, ...]:
    """Return the points that are marked on a branch: none where they are too dear to look for."""
    return branch.bifurcations if branch.cell.hidden_size <= LARGEST_WRITTEN_OUT else ()


def drawn_branch(branch: InputBranch, place: Callable[[Matrix], Vector]) -> DrawnCurve:
    """Return a branch as it is drawn."""
    return DrawnCurve(
        s=branch.s,
        height=place(branch.h),
        is_stable=branch.spectral_radius < 1,
        arclength=branch.arclength,
        bifurcations=bifurcations_of(branch),
        place=place,
    )


def stretches(curve: DrawnCurve) -> Iterator[tuple[bool, Vector, Vector]]:
    """Yield whether each stretch of a curve is stable, its parameter, and its heights.

    Stretches meet at the bifurcation between them, or half way.
    """
    cuts = np.flatnonzero(curve.is_stable[1:] != curve.is_stable[:-1])
    joints = [_joint(curve, int(i)) for i in cuts]
    edges = [0, *(cuts + 1).tolist(), len(curve.s)]
    for k, (first, last) in enumerate(pairwise(edges)):
        before = joints[k - 1 : k] if k else []
        after = joints[k : k + 1]
        s = [*(joint[0] for joint in before), *curve.s[first:last], *(j[0] for j in after)]
        y = [*(joint[1] for joint in before), *curve.height[first:last], *(j[1] for j in after)]
        yield bool(curve.is_stable[first]), np.array(s), np.array(y)


def _joint(curve: DrawnCurve, i: int) -> tuple[float, float]:
    """Return where stability changes between two points: at a bifurcation if one is there."""
    low, high = curve.arclength[i : i + 2]
    for point in curve.bifurcations:
        if low <= point.arclength <= high:
            return point.s, float(curve.place(point.h[None])[0])
    return float(curve.s[i : i + 2].mean()), float(curve.height[i : i + 2].mean())


def _draw(ax: Axes, curve: DrawnCurve, moved: Callable[[Vector], Vector]) -> None:
    """Draw a curve and the marks on it; `moved` gives the place of its parameter on the axis."""
    for is_stable, s, y in stretches(curve):
        look: dict[str, Any] = _STABLE if is_stable else _UNSTABLE
        ax.plot(moved(s), y, **look)
    for mark in BIFURCATION_MARKS:
        at = [point for point in curve.bifurcations if point.kind in mark.kinds]
        if at:
            s, y = np.array([point.s for point in at]), curve.place(np.stack([p.h for p in at]))
            ax.plot(moved(s), y, **mark.look, label=f"{mark.label}s", zorder=4)


def _mark_checkpoints(ax: Axes, path: TrainingPath, place: Callable[[Matrix], Vector]) -> None:
    """Draw a dot at each point of each checkpoint, and its number beside the last.

    Numbers of points that are at nearly one height share a line.
    """
    ends: dict[int, list[tuple[float, int]]] = {}
    for i in range(len(path)):
        at = np.flatnonzero(path.exists[i])
        heights = place(path.h[i, at])
        ax.plot(at, heights, **_CHECKPOINT, zorder=3)
        ends.setdefault(int(at[-1]), []).append((float(heights[-1]), i))
    low, high = ax.get_ylim()
    for k, last in ends.items():
        last.sort()
        rows = [[last[0]]]
        for one in last[1:]:
            if one[0] - rows[-1][-1][0] < NUMBER_ROOM * (high - low):
                rows[-1].append(one)
            else:
                rows.append([one])
        for row in rows:
            ax.annotate(
                ", ".join(str(i) for _, i in row),
                (k, float(np.mean([height for height, _ in row]))),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
            )


def _height(cell: Cell, states: Iterable[Matrix], along: ArrayLike | None) -> Projection:
    """Return the axis along which states of branches are drawn."""
    if along is None:
        return Projection.principal(np.concatenate(list(states)), 1)
    vector = validation.floats("along", along)
    if vector.shape not in {(cell.state_size,), (cell.hidden_size,)}:
        raise ValueError(f"along must have shape ({cell.hidden_size},), not {vector.shape}")
    return Projection.onto(vector[None])


def _placing(axis: Projection, cell: Cell) -> Callable[[Matrix], Vector]:
    """Return what gives the heights of states of a cell."""
    return lambda h: axis(in_space(h, axis.size, cell))[:, 0]


def _name_height(ax: Axes, axis: Projection, along: ArrayLike | None, name: str | None) -> None:
    called = f"{axis.names[0]} of the fixed point" if along is None else "readout"
    ax.set_ylabel(called if name is None else name, parse_math=False)


def _input_at(branch: InputBranch) -> Callable[[Vector], Vector]:
    """Return what gives the place of s on the axis: the input, if it is one number, or s."""
    if branch.inputs.shape[1] != 1:
        return lambda s: s
    slope = branch.direction[0]
    begin = branch.inputs[0, 0] - slope * branch.s[0]
    return lambda s: begin + slope * s


def _handles(curves: Sequence[DrawnCurve]) -> list[Line2D]:
    """Return a legend's entries for what is in the diagram."""
    kinds = {point.kind for curve in curves for point in curve.bifurcations}
    marks = [mark for mark in BIFURCATION_MARKS if kinds & set(mark.kinds)]
    looks: tuple[dict[str, Any], ...] = (_STABLE, _UNSTABLE)
    return [
        *(Line2D([], [], **look) for look in looks),
        *(Line2D([], [], **mark.look, label=mark.label) for mark in marks),
    ]
