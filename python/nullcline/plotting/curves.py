"""Traced curves in the plane and along their length, and branches of fixed points."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from nullcline._support import validation
from nullcline.continuation import Curve, InputBranch, Trace
from nullcline.plotting.panels import add_legend, add_title, axes_or_new, panels_or_new
from nullcline.plotting.projection import Projection, in_space
from nullcline.plotting.scenes import Scene, dimensions_of
from nullcline.plotting.theme import BLACK, BLUE, GREEN, ORANGE, PINK, SKY, VERMILION, colours_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from nullcline.plotting.given_states import States
    from nullcline.plotting.panels import Panels
    from nullcline.search.fixed_points import FixedPoints

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

DEEPEST = 1e-10
"""Speeds along a curve are drawn down to this share of the largest: at a fixed point it is zero."""

SHADE = "#f0f0f0"
"""What is behind a profile where its curve is outside of the box."""

ZERO = 1e-12
"""A share of the largest |τ| below which it counts as zero, as where a curve begins."""

_OUTSIDE: dict[str, Any] = {"lw": 0.8, "ls": ":"}
_STABLE = {"color": BLUE, "ls": "-", "label": "stable"}
_UNSTABLE = {"color": VERMILION, "ls": "--", "label": "unstable"}


def curve(
    curves: Trace | Curve | Sequence[Curve],
    states: States | None = None,
    points: FixedPoints | None = None,
    *,
    projection: Projection | ArrayLike | None = None,
    dimensions: int | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw traced curves among states and points, in the plane or in space.

    Where a curve is outside of the cell's box it is dotted, and cut off far outside.

    Parameters
    ----------
    curves
        What `trace` found, or some of its curves, at least one.
    states
        Visited states, as in `fixed_points`.
    points
        Points to mark, as in `fixed_points`; by default those of the trace.
    projection
        The axes, as `Projection` or an array (k, S); by default the principal components of the
        states, or without them of the curves.
    dimensions
        2 or 3; by default as many as `ax` has, or 2.
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
        If an argument has the wrong type, shape or value.
    """
    drawn = _curves(curves)
    k = dimensions_of(dimensions, ax)
    every = np.concatenate([one.h[one.is_inside] for one in drawn])
    if points is None and isinstance(curves, Trace):
        points = curves.points
    if projection is None and states is None:
        projection = Projection.principal(every, k)
    scene = Scene(points, every[:0] if states is None else states, None, projection=projection)
    ax = axes_or_new(ax, dimensions=k, width=1.75)
    axes = scene.projection(k)
    scene.draw(ax, axes)
    handles = [*scene.handles()]
    for one, name, colour in zip(drawn, _names(drawn), _colours(len(drawn)), strict=True):
        way = axes(in_space(one.h, axes.size, one.cell))
        inside = np.where(one.is_inside[:, None], way, np.nan)
        ax.plot(*inside.T, color="white", lw=3.5, zorder=2.4)
        ax.plot(*inside.T, color=colour, lw=1.6, zorder=2.5, label=name)
        if not one.is_inside.all():
            outside = np.where(_near(way, one.is_inside)[:, None], way, np.nan)
            ax.plot(*outside.T, **_OUTSIDE, color=colour, zorder=2.3, label="outside of the box")
        handles.append(Line2D([], [], color=colour, lw=1.6, label=name))
        handles += _stars(ax, axes(in_space(one.branch_h, axes.size, one.cell)))
    if not all(one.is_inside.all() for one in drawn):
        handles.append(Line2D([], [], **_OUTSIDE, color=BLACK, label="outside of the box"))
    if legend:
        add_legend(ax, handles)
    return ax


def curve_profile(
    curves: Trace | Curve | Sequence[Curve], *, ax: Sequence[Axes] | Panels | None = None
) -> Panels:
    """Draw τ and the speed q along traced curves: zeros of τ are fixed points.

    Where |τ| has a minimum and is not zero, the curve passes by a ghost. Of a curve beyond the box
    the part is drawn from where it is first inside to where it is last, those outside shaded, with
    τ on a scale that is logarithmic where it is large.

    Parameters
    ----------
    curves
        What `trace` found, or some of its curves, at least one.
    ax
        Two axes, for τ and for q; None for a new figure of pyplot, one above the other.

    Returns
    -------
    numpy.ndarray
        The two axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or shape.
    """
    drawn = _curves(curves)
    axes = panels_or_new(ax, 2, columns=1, width=1.75, height=0.8, sharex=True)
    above, below = axes
    above.axhline(0, color=BLACK, lw=0.8)
    for one, name, colour in zip(drawn, _names(drawn), _colours(len(drawn)), strict=True):
        above.plot(one.arclength, one.tau, color=colour, label=name)
        q = np.asarray(one.q, np.float64)
        floor = max(np.nanmax(q, initial=0) * DEEPEST, np.finfo(float).tiny)
        below.plot(one.arclength, q.clip(min=floor), color=colour, label=name)
        zeros = zeros_of(one.arclength, one.tau)
        ghosts = _ghosts_on(one)
        above.plot(zeros, np.zeros(len(zeros)), "o", mfc=BLUE, mec=BLACK, ms=6, label="zeros")
        above.plot(one.arclength[ghosts], one.tau[ghosts], "D", mfc=ORANGE, mec=BLACK, ms=6,
                   label="minima")  # fmt: skip
        if len(drawn) == 1:
            for first, last in outside_of(one):
                for part in axes:
                    part.axvspan(first, last, color=SHADE, lw=0)
    _show_inside(axes, drawn)
    below.set_yscale("log")
    above.set_ylabel("τ")
    below.set_ylabel("speed q")
    below.set_xlabel("arclength along the curve")
    above.set_title("Along the curve" + "s" * (len(drawn) > 1))
    handles = [
        Line2D([], [], color=colour, lw=1.6, label=name)
        for name, colour in zip(_names(drawn), _colours(len(drawn)), strict=True)
    ]
    zero: dict[str, Any] = {"ls": "", "marker": "o", "mfc": BLUE, "mec": BLACK}
    least: dict[str, Any] = {"ls": "", "marker": "D", "mfc": ORANGE, "mec": BLACK}
    handles.append(Line2D([], [], **zero, label="τ = 0: a fixed point"))
    if any(len(_ghosts_on(one)) for one in drawn):
        handles.append(Line2D([], [], **least, label="minimum of |τ|: by a ghost"))
    if len(drawn) == 1 and not drawn[0].is_inside.all():
        handles.append(Line2D([], [], color=SHADE, lw=6, label="outside of the box"))
    add_legend(below, handles)
    return axes


def input_branch(
    branches: InputBranch | Sequence[InputBranch],
    along: ArrayLike | None = None,
    *,
    name: str | None = None,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw branches of fixed points against the input: where they are stable, and where they fold.

    Parameters
    ----------
    branches
        What `follow_input` returned, once or more: branches from several points in one picture. If
        the input is a single number, the axis shows it, otherwise s.
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
    drawn = [branches] if isinstance(branches, InputBranch) else list(branches)
    if not drawn or not all(isinstance(branch, InputBranch) for branch in drawn):
        raise TypeError("branches must be what follow_input returns, or some of these")
    axis = _height(drawn, along)
    ax = axes_or_new(ax, width=1.75)
    for branch in drawn:
        place, moved = _placing(axis, branch), _input_at(branch)
        for is_stable, s, y in stretches(branch, place(branch.h), place(branch.fold_h)):
            look: dict[str, Any] = _STABLE if is_stable else _UNSTABLE
            ax.plot(moved(s), y, **look)
        for s, h, marker, face, size, label in (
            (branch.fold_s, branch.fold_h, "s", "white", 6, "folds"),
            (branch.branch_s, branch.branch_h, "*", BLACK, 11, "branch points"),
        ):
            ax.plot(moved(s), place(h), marker, mfc=face, mec=BLACK, ms=size, label=label)
    called = f"{axis.names[0]} of the fixed point" if along is None else "readout"
    single = all(branch.inputs.shape[1] == 1 for branch in drawn)
    ax.set_xlabel("input" if single else "input, in multiples s of its direction")
    ax.set_ylabel(called if name is None else name, parse_math=False)
    add_title(ax, "Fixed points as the input moves")
    if legend:
        add_legend(ax, _branch_handles(drawn))
    return ax


# What is read off


def zeros_of(position: Vector, tau: Vector) -> Vector:
    """Return where τ is zero, between samples by a straight line, in order."""
    scale = np.abs(tau).max(initial=0)
    value = np.where(np.abs(tau) <= ZERO * scale, 0.0, tau)
    crossed = np.flatnonzero(value[:-1] * value[1:] < 0)
    share = value[crossed] / (value[crossed] - value[crossed + 1])
    between = position[crossed] + share * np.diff(position)[crossed]
    return np.sort(np.concatenate([position[value == 0], between]))


def minima_of(tau: Vector) -> NDArray[np.intp]:
    """Return the samples at which |τ| has a minimum without a zero beside it."""
    size = np.abs(tau)
    inner = size[1:-1]
    alike = (tau[:-2] * tau[1:-1] > 0) & (tau[1:-1] * tau[2:] > 0)
    least = (inner < size[:-2]) & (inner <= size[2:]) & (inner > ZERO * size.max(initial=0))
    return np.flatnonzero(alike & least) + 1


def outside_of(one: Curve) -> list[tuple[float, float]]:
    """Return from where to where, in arclength, a curve is outside of the box."""
    change = np.flatnonzero(np.diff(one.is_inside))
    borders = (one.arclength[change] + one.arclength[change + 1]) / 2
    ends = [one.arclength[0], *borders, one.arclength[-1]]
    first = int(one.is_inside[0])
    return [(float(a), float(b)) for a, b in list(pairwise(ends))[first::2]]


def stretches(
    branch: InputBranch, height: Vector, fold_height: Vector
) -> Iterator[tuple[bool, Vector, Vector]]:
    """Yield whether each stretch of a branch is stable, its s, and its heights.

    Stretches meet at the fold between them, or half way.
    """
    stable = branch.spectral_radius < 1
    cuts = np.flatnonzero(stable[1:] != stable[:-1])
    joints = [_joint(branch, int(i), height, fold_height) for i in cuts]
    edges = [0, *(cuts + 1).tolist(), len(branch)]
    for k, (first, last) in enumerate(pairwise(edges)):
        before = joints[k - 1 : k] if k else []
        after = joints[k : k + 1]
        s = [*(joint[0] for joint in before), *branch.s[first:last], *(j[0] for j in after)]
        y = [*(joint[1] for joint in before), *height[first:last], *(j[1] for j in after)]
        yield bool(stable[first]), np.array(s), np.array(y)


def _joint(branch: InputBranch, i: int, height: Vector, fold_height: Vector) -> tuple[float, float]:
    """Return where stability changes between two points: at a fold if one is there."""
    if len(branch.fold_s):
        distance = np.linalg.norm(branch.fold_h - branch.h[i], axis=1)
        nearest = int(distance.argmin())
        if distance[nearest] <= np.linalg.norm(branch.h[i + 1] - branch.h[i]):
            return float(branch.fold_s[nearest]), float(fold_height[nearest])
    return float(branch.s[i : i + 2].mean()), float(height[i : i + 2].mean())


def _ghosts_on(one: Curve) -> NDArray[np.intp]:
    """Return the samples in the box at which |τ| has a minimum without a zero beside it."""
    minima = minima_of(one.tau)
    inside: NDArray[np.intp] = minima[one.is_inside[minima]]
    return inside


def _near(way: Matrix, is_inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which places are near those inside: not beyond them by more than half their extent."""
    low, high = way[is_inside].min(axis=0), way[is_inside].max(axis=0)
    margin = (high - low) / 2
    near: NDArray[np.bool_] = ((way >= low - margin) & (way <= high + margin)).all(axis=1)
    return near


def _show_inside(axes: Panels, curves: Sequence[Curve]) -> None:
    """Let a profile of curves beyond the box end where they are last inside, or at rest."""
    if all(one.is_inside.all() for one in curves):
        return
    inside = np.concatenate(
        [place for one in curves for place in (one.arclength[one.is_inside], one.fixed_arclength)]
    )
    margin = 0.05 * np.ptp(inside)
    low, high = inside.min() - margin, inside.max() + margin
    seen = [one.tau[(one.arclength >= low) & (one.arclength <= high)] for one in curves]
    large = np.abs(np.concatenate(seen)).max()
    scale = np.median(np.abs(np.concatenate([one.tau[one.is_inside] for one in curves])))
    above, below = axes
    above.set_yscale("symlog", linthresh=max(float(scale), 1e-3 * large))
    above.set_ylim(-1.3 * large, 1.3 * large)
    below.set_xlim(low, high)


def _curves(given: Trace | Curve | Sequence[Curve]) -> list[Curve]:
    if isinstance(given, Curve):
        return [given]
    found = list(given.curves if isinstance(given, Trace) else given)
    if not found or not all(isinstance(one, Curve) for one in found):
        raise TypeError("curves must be what trace returns, or some of its curves")
    return found


def _names(curves: Sequence[Curve]) -> list[str]:
    if len(curves) == 1:
        return ["traced curve"]
    return [f"curve {i}" for i in range(len(curves))]


def _colours(count: int) -> list[str]:
    """Return a colour for each curve, as far as possible none of those that points have."""
    chosen = [BLACK, GREEN, SKY, PINK]
    return chosen[:count] if count <= len(chosen) else colours_of(count)


def _stars(ax: Axes, places: Matrix) -> list[Line2D]:
    """Mark where other curves cross, and return what the legend is to say of it."""
    if len(places) == 0:
        return []
    marks: dict[str, Any] = {"ls": "", "marker": "*", "mfc": BLACK, "mec": "white", "ms": 11}
    ax.plot(*places.T, **marks, zorder=5, label="branch points")
    return [Line2D([], [], **marks, label="another curve crosses")]


def _height(branches: Sequence[InputBranch], along: ArrayLike | None) -> Projection:
    """Return the axis along which states of branches are drawn."""
    if along is None:
        return Projection.principal(np.concatenate([branch.h for branch in branches]), 1)
    vector = validation.floats("along", along)
    cell = branches[0].cell
    if vector.shape not in {(cell.state_size,), (cell.hidden_size,)}:
        raise ValueError(f"along must have shape ({cell.hidden_size},), not {vector.shape}")
    return Projection.onto(vector[None])


def _placing(axis: Projection, branch: InputBranch) -> Any:
    """Return what gives the heights of states of a branch."""
    return lambda h: axis(in_space(h, axis.size, branch.cell))[:, 0]


def _input_at(branch: InputBranch) -> Callable[[Vector], Vector]:
    """Return what gives the place of s on the axis: the input, if it is one number, or s."""
    furthest = int(np.abs(branch.s).argmax())
    if branch.inputs.shape[1] != 1 or branch.s[furthest] == 0:
        return lambda s: s
    begin = branch.inputs[0, 0]
    slope = (branch.inputs[furthest, 0] - begin) / (branch.s[furthest] - branch.s[0])
    return lambda s: begin + slope * (s - branch.s[0])


def _branch_handles(branches: Sequence[InputBranch]) -> list[Line2D]:
    looks: tuple[dict[str, Any], ...] = (_STABLE, _UNSTABLE)
    entries = [Line2D([], [], **look) for look in looks]
    if any(len(branch.fold_s) for branch in branches):
        entries.append(Line2D([], [], ls="", marker="s", mfc="white", mec=BLACK, label="fold"))
    if any(len(branch.branch_s) for branch in branches):
        entries.append(
            Line2D([], [], ls="", marker="*", mfc=BLACK, mec=BLACK, ms=11, label="branch point")
        )
    return entries
