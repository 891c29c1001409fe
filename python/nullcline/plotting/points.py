"""How points, states and trajectories are drawn: the parts that figures of points are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d.art3d import Line3DCollection  # type: ignore[import-untyped]

from nullcline.plotting.panels import is_3d
from nullcline.plotting.theme import BLACK, GREY, ORANGE, POINT_MARKS, VERMILION

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.linearization.linear_map import Linearization
    from nullcline.search.fixed_points import FixedPoints

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]
    Names = NDArray[np.str_]

REACH = 0.07
"""Half the length of the longest line along an unstable direction, in diagonals of the picture."""

SLOW_COLOURS = LinearSegmentedColormap.from_list("slow", ["#FFF0C2", ORANGE, "#5C3A00"])
"""From the slowest, light, to the fastest: no other kind of point is of these colours."""


def count_kinds(points: FixedPoints) -> str:
    """Return how many points there are of each kind, in words."""
    return count_marks(points.kind)


def count_marks(marks: Names) -> str:
    """Return how many points there are of each mark, in words."""
    counts = ((name, int(np.sum(marks == name))) for name in POINT_MARKS)
    words = (f"{n} {_PLURALS.get(name, name) if n > 1 else name}" for name, n in counts if n)
    return ", ".join(words) or "no point"


_PLURALS = {"saddle": "saddles", "repeller": "repellers", "minimum": "minima"}


def speed_colours(speeds: Vector) -> ScalarMappable:
    """Return colours for the speeds of slow points, which may be none."""
    moving = speeds[speeds > 0]
    norm = LogNorm(moving.min() / 2, moving.max() * 2) if len(moving) else None
    return ScalarMappable(norm, SLOW_COLOURS)


def draw_cloud(ax: Axes, places: Matrix, colour: str = GREY) -> None:
    """Draw visited states at their places, shape (n, 2) or (n, 3), as a cloud."""
    scatter: Any = ax.scatter  # of two dimensions or three
    scatter(*places.T, s=3, color=colour, alpha=0.25, lw=0, rasterized=True)


def draw_trajectories(ax: Axes, paths: Sequence[Matrix], colour: str = GREY) -> None:
    """Draw paths of shape (T, 2) or (T, 3) as one line, broken between them and at NaN."""
    if not paths:
        return
    gap = np.full((1, paths[0].shape[1]), np.nan)
    line = np.concatenate([part for path in paths for part in (path, gap)])[:-1]
    line[~np.isfinite(line).all(axis=1)] = np.nan
    thin = 0.9 if len(paths) < 20 else 0.5
    ax.plot(*line.T, color=colour, lw=thin, alpha=0.8, zorder=2)


def draw_points(
    ax: Axes,
    places: Matrix,
    points: FixedPoints,
    n_starts: int,
    colours: ScalarMappable,
    stability: Names | None = None,
) -> list[Line2D]:
    """Draw points at their places, shape (n, 2) or (n, 3), and return what the legend is to say.

    Parameters
    ----------
    ax, places
        Where to draw them.
    points
        The points.
    n_starts
        How many starts there were: size grows with a point's share of them.
    colours
        Of the slow ones, as `speed_colours` returns them.
    stability
        Of the points, as in `Linearization.stability`; None where it was not asked for.
    """
    marks = point_kinds(points.kind, stability)
    faces = [
        colours.to_rgba(q) if mark == "slow" else POINT_MARKS[mark].face
        for mark, q in zip(marks.tolist(), points.q, strict=True)
    ]
    draw_marks(ax, places, marks, 40 + 160 * np.sqrt(points.count / n_starts), faces)
    return mark_handles(set(marks.tolist()), directions=False)


def point_kinds(
    kind: Names, stability: Names | None = None, eigenvalues: NDArray[Any] | None = None
) -> Names:
    """Return the name in `POINT_MARKS` of each point.

    Parameters
    ----------
    kind
        The kinds, as a search says them, shape (n,).
    stability
        "stable", "unstable" or "undecided", shape (n,); None where it was not asked for.
    eigenvalues
        All of them, shape (n, S), to tell a repeller, where none decays, from a saddle.
    """
    marks = kind.astype("U11")
    if stability is None:
        return marks
    fixed = kind == "fixed"
    marks[fixed] = np.where(stability[fixed] == "unstable", "saddle", stability[fixed])
    if eigenvalues is not None and eigenvalues.shape[1]:
        marks[fixed & (marks == "saddle") & (np.abs(eigenvalues).min(axis=1) > 1)] = "repeller"
    return marks


def draw_marks(
    ax: Axes, places: Matrix, marks: Names, sizes: Vector, faces: Sequence[Any] | None = None
) -> None:
    """Draw points at their places, with the shapes of their marks; `faces` are other colours."""
    if faces is None:
        faces = [POINT_MARKS[mark].face for mark in marks.tolist()]
    scatter: Any = ax.scatter
    for name, mark in POINT_MARKS.items():
        rows = np.flatnonzero(marks == name)
        if len(rows) == 0:
            continue
        options: dict[str, Any] = {"depthshade": False} if is_3d(ax) else {}
        scatter(
            *places[rows].T,
            s=sizes[rows],
            c=[faces[i] for i in rows.tolist()],
            marker=mark.marker,
            edgecolors=BLACK,
            linewidths=0.8,
            zorder=4,
            label=name,
            **options,
        )


def unstable_directions(
    linearization: Linearization, most: int = 3
) -> tuple[NDArray[np.intp], Matrix]:
    """Return the directions that grow: the row of the point of each, and the unit vectors (m, S).

    Of a conjugate pair they are two, its real and its imaginary part, which span its plane.

    Parameters
    ----------
    linearization
        The modes.
    most
        The most eigenvalues of a point that are taken, those of largest modulus.
    """
    owners: list[int] = []
    vectors: list[Vector] = []
    for i in np.flatnonzero(linearization.stability == "unstable"):
        values = linearization.eigenvalues[i]
        growing = np.flatnonzero((np.abs(values) > 1) & (values.imag >= 0))
        for j in growing[np.argsort(-np.abs(values[growing]), kind="stable")][:most]:
            vector = linearization.right[i, :, j]
            parts = [vector.real] if values[j].imag == 0 else [vector.real, vector.imag]
            vectors += [part / np.linalg.norm(part) for part in parts]
            owners += [int(i)] * len(parts)
    size = linearization.h.shape[1]
    return np.array(owners, np.intp), np.array(vectors).reshape(-1, size)


def draw_directions(ax: Axes, places: Matrix, directions: Matrix, colour: str = VERMILION) -> None:
    """Draw a line through each place along its direction, both of shape (m, 2) or (m, 3).

    The longest has a half of `REACH` diagonals of the picture; the others are as much shorter as
    their direction is.
    """
    longest = np.linalg.norm(directions, axis=1).max(initial=0)
    if longest == 0:
        return
    limits = [ax.get_xlim(), ax.get_ylim()]
    if is_3d(ax):
        limits.append(ax.get_zlim())  # type: ignore[attr-defined]
    extents = [*np.ptp(limits, axis=1)]
    diagonal = float(np.linalg.norm(extents))
    half = directions * (REACH * diagonal / longest)
    add_lines(
        ax,
        np.stack([places - half, places + half], axis=1),
        colors=colour,
        linewidths=1.6,
        zorder=3,
        label="unstable direction",
    )


def mark_handles(
    marks: Collection[str], face: str | None = None, *, directions: bool = True
) -> list[Line2D]:
    """Return what stands in a legend for points of these marks, and for directions that grow.

    `face` is their colour, where it is not that of their marks; directions are then black.
    """
    entries = [
        Line2D(
            [], [], ls="", marker=mark.marker, mfc=face or mark.face, mec=BLACK, label=mark.label
        )
        for name, mark in POINT_MARKS.items()
        if name in marks
    ]
    if directions and {"saddle", "repeller"} & set(marks):
        line = VERMILION if face is None else BLACK
        entries.append(Line2D([], [], color=line, lw=1.6, label="direction that grows"))
    return entries


def add_lines(ax: Axes, segments: NDArray[np.float64], **options: Any) -> None:
    """Add lines, shape (m, 2, 2) or (m, 2, 3), and make room for them."""
    if len(segments) == 0:  # which a collection in space cannot be of
        return
    if is_3d(ax):
        space: Any = ax
        had_data = space.has_data()
        space.add_collection3d(Line3DCollection(segments, **options))
        space.auto_scale_xyz(*segments.reshape(-1, 3).T, had_data)
        return
    ax.add_collection(LineCollection(list(segments), **options))
    ax.autoscale_view()


def dot(colour: str, label: str) -> Line2D:
    """Return what stands in a legend for a cloud of states."""
    return Line2D([], [], ls="", marker=".", color=colour, label=label)
