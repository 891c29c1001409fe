"""Fixed points among the states that a network visits: in a plane, in space, by condition."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from nullcline._support import validation
from nullcline.plotting.given_states import clouds_of, no_points, paths_of
from nullcline.plotting.growth import Growth
from nullcline.plotting.panels import (
    add_legend,
    add_title,
    axes_or_new,
    is_3d,
    legend_below,
    panels_or_new,
    time_unit,
)
from nullcline.plotting.points import (
    add_lines,
    count_kinds,
    count_marks,
    dot,
    draw_cloud,
    draw_directions,
    draw_marks,
    draw_trajectories,
    mark_handles,
    speed_colours,
)
from nullcline.plotting.projection import Projection, in_space
from nullcline.plotting.theme import BLACK, GREY, POINT_MARKS, VERMILION, colours_of
from nullcline.search.fixed_points import FixedPoints, distinct_points
from nullcline.search.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from nullcline.cells.protocol import Cell
    from nullcline.linearization.linear_map import Linearization
    from nullcline.plotting.given_states import States, Trajectories
    from nullcline.plotting.panels import Panels

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]
    Label: TypeAlias = str | float

SPACES: dict[str, Any] = {
    "width": 1.5,
    "height": 1.4,
    "subplot_kw": {"projection": "3d"},
}
"""Panels of three dimensions have room for their labels, which are beside the space."""

EDGE = 0.03
"""Room at the limits that panels share, as a share of these: half a mark."""

MANY = 200
"""More points than these are drawn smaller."""


def fixed_points(
    points: FixedPoints | None,
    states: States | None = None,
    trajectories: Trajectories | None = None,
    *,
    linearization: Linearization | None = None,
    projection: Projection | ArrayLike | None = None,
    dimensions: int | None = None,
    kinds: Collection[str] = ("fixed", "slow"),
    colour: str | None = None,
    n_directions: int = 3,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw points among states and trajectories, in the plane or the space of their components.

    Stable fixed points, saddles, repellers, slow points and others differ in shape and in colour.
    The darker a slow point, the faster; size grows with the number of starts that a point stands
    for. A line through an unstable point runs along each direction that grows there: the longer the
    line, the more of the direction lies in the picture.

    Parameters
    ----------
    points
        The points, or the ends of a search, of which the distinct ones are drawn
        (`FixedPoints.unique`); None for states and trajectories alone.
    states
        Visited states, shape (n, S) or (n, T, S), drawn as a cloud; or a dictionary of them by
        condition. Rows with NaN are left out. Of a cell whose states are [h, c], the outputs h
        alone will do, shape (n, H): everything is then drawn in h.
    trajectories
        Shape (n, T, S) or (T, S), or a list of (T_i, S); or a dictionary of these by condition. A
        row with NaN breaks the line.
    linearization
        Of these points, row by row, all of which are then drawn, to tell stable from unstable. By
        default, fixed points are linearized here if they know their cell and that takes some
        seconds at most; where it would take longer, they are drawn as fixed points, neither stable
        nor not.
    projection
        The axes, as `Projection` or an array (k, S); by default the principal components of the
        states, without them of the trajectories, without these of the points.
    dimensions
        2 or 3; by default as many as `ax` has, or 2.
    kinds
        Which kinds of points to draw: "fixed", "slow", "minimum", "unconverged".
    colour
        Of states and trajectories: "condition" (by default if they are dictionaries), where points
        have the colour of their condition too; "time", which colours trajectories along their way,
        in the unit of the cell's `dt` if it has one; "kind", which leaves them grey.
    n_directions
        The most unstable directions to draw at a point, those that grow fastest; 0 for none.
    legend
        Whether to write a legend.
    ax
        Where to draw, axes of two or three dimensions; None for a new figure of pyplot.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value.
    """
    scene = Scene(
        points,
        states,
        trajectories,
        linearization=linearization,
        projection=projection,
        kinds=kinds,
        colour=colour,
        n_directions=n_directions,
    )
    k = dimensions_of(dimensions, ax)
    ax = axes_or_new(ax, dimensions=k, width=1.75)
    scene.draw(ax, scene.projection(k))
    if legend:
        add_legend(ax, scene.handles())
    return ax


def panels_by_condition(
    points: FixedPoints,
    states: States | None = None,
    trajectories: Trajectories | None = None,
    *,
    linearization: Linearization | None = None,
    projection: Projection | ArrayLike | None = None,
    dimensions: int | None = None,
    kinds: Collection[str] = ("fixed", "slow"),
    n_directions: int = 3,
    columns: int = 3,
    ax: Sequence[Axes] | Panels | None = None,
) -> Panels:
    """Draw each condition's points, states and trajectories in a panel of its own.

    All panels have the same axes and limits. States and trajectories that are given without a
    condition are in all of them.

    Parameters
    ----------
    points
        Points with labelled conditions, as `find_fixed_points` finds them for labelled inputs.
    states, trajectories, linearization, projection, dimensions, kinds, n_directions
        As in `fixed_points`.
    columns
        The most panels in a row of a new figure.
    ax
        As many axes as there are conditions; None for a new figure of pyplot.

    Returns
    -------
    numpy.ndarray
        The axes, one per condition.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type, shape or value, or there is no condition.
    """
    scene = Scene(
        points,
        states,
        trajectories,
        linearization=linearization,
        projection=projection,
        kinds=kinds,
        colour="condition",
        n_directions=n_directions,
    )
    if not scene.conditions:
        raise ValueError(
            "there is no condition: pass states or trajectories as a dictionary by condition, or "
            "points that were found for labelled inputs"
        )
    given = None if ax is None else np.asarray(ax, dtype=object).ravel()
    k = dimensions_of(dimensions, None if given is None or len(given) == 0 else given[0])
    options: dict[str, Any] = {} if k == 2 else SPACES
    axes = panels_or_new(given, len(scene.conditions), columns=columns, **options)
    axis = scene.projection(k)
    for panel, condition in zip(axes, scene.conditions, strict=True):
        part = scene.of(condition)
        add_title(panel, str(condition))
        part.draw(panel, axis, apart="\n")  # a panel is narrow
    _share_limits(axes)
    if given is None:
        legend_below(axes[0].figure, scene.handles())
    else:
        add_legend(axes[-1], scene.handles())
    return axes


class Scene:
    """All that is drawn in one space: points with their marks, states, trajectories."""

    def __init__(
        self,
        points: FixedPoints | None,
        states: States | None,
        trajectories: Trajectories | None,
        *,
        linearization: Linearization | None = None,
        projection: Projection | ArrayLike | None = None,
        kinds: Collection[str] = KINDS,
        colour: str | None = None,
        n_directions: int = 3,
    ) -> None:
        self.states = list(clouds_of(states))
        self.trajectories = list(paths_of(trajectories))
        if points is None:
            points = no_points(self._widths())
        if not isinstance(points, FixedPoints):
            raise TypeError(
                f"points must be what find_fixed_points returns, not {type(points).__name__}"
            )
        if isinstance(kinds, str) or set(kinds) - set(KINDS):
            raise ValueError(f"kinds must hold some of {', '.join(KINDS)}, not {kinds!r}")
        most = validation.whole_number("n_directions", n_directions, 0)
        given = points.numpy() if linearization is not None else distinct_points(points)
        chosen = np.isin(given.kind, list(kinds))
        self.points = given.select(chosen)
        self.growth = (
            Growth.of(self.points, None, most)
            if linearization is None
            else Growth.of(given, linearization, most).select(chosen)
        )
        self._hidden = given.select(~chosen)
        self._colour = _colour_of(colour, states, trajectories)
        self._given = _as_projection(projection)
        self._size = self._size_of_states()
        self.conditions = self._conditions()

    @property
    def _by_condition(self) -> bool:
        """Whether the colour of points is that of their condition."""
        return self._colour == "condition" and self.points.condition is not None

    @property
    def _cell(self) -> Cell | None:
        return self.points.cell

    def of(self, condition: Label) -> Scene:
        """Return the part of a scene that belongs to a condition, or to none."""
        part = copy(self)
        part.states = [(label, rows) for label, rows in self.states if label in {None, condition}]
        part.trajectories = [
            (label, paths) for label, paths in self.trajectories if label in {None, condition}
        ]
        if self.points.condition is not None:
            mask = self.points.condition == condition
            part.points, part.growth = self.points.select(mask), self.growth.select(mask)
            part._hidden = self._hidden.select(self._hidden.condition == condition)
        return part

    def counts(self, apart: str = " ") -> str:
        """Return how many points there are of each kind, in words, and which are not drawn.

        `apart` stands between the two.
        """
        shown = count_marks(self.growth.marks)
        if len(self._hidden) == 0:
            return shown
        return f"{shown}{apart}(not drawn: {count_kinds(self._hidden)})"

    def projection(self, k: int) -> Projection:
        """Return the axes of a picture of k dimensions."""
        if self._given is not None:
            return self._given.first(k)
        clouds = [rows for _, rows in self.states if len(rows)]
        if not clouds:
            clouds = [path[np.isfinite(path).all(axis=1)] for path in self._all_paths()]
        if not sum(map(len, clouds)):
            clouds = [self.points.h] if len(self.points) else [np.zeros((1, self._size))]
        placed = [self._placed(rows) for rows in clouds]
        rows = placed[0] if len(placed) == 1 else np.concatenate(placed)
        return Projection.principal(rows, k)

    def draw(self, ax: Axes, projection: Projection, apart: str = " ") -> None:
        """Draw all of it, and say what the axes are; `apart` as in `counts`."""
        k = len(projection)
        for label, rows in self.states:
            draw_cloud(ax, projection(self._placed(rows)), self._tint(label))
        if self._colour == "time":
            self._draw_times(ax, projection)
        else:
            for label, paths in self.trajectories:
                ways = [projection(self._placed(path)) for path in paths]
                draw_trajectories(ax, ways, self._tint(label))
        places = projection(self._placed(self.points.h))
        turned = projection.directions(self._placed(self.growth.vectors))
        slow = self.points.q[self.points.kind == "slow"]
        colours = speed_colours(slow)
        draw_marks(ax, places, self.growth.marks, self._sizes(), self._faces(colours))
        line = BLACK if self._by_condition else VERMILION
        draw_directions(ax, places[self.growth.owners], turned, line)
        for name, label in zip("xyz"[:k], projection.labels, strict=True):
            getattr(ax, f"set_{name}label")(label, parse_math=False)
        add_title(ax, self.counts(apart))
        if self._colour != "condition" and len(np.unique(slow)) > 1:
            bar = ax.figure.colorbar(colours, ax=ax, shrink=0.8, pad=0.1 if k == 3 else 0.02)
            bar.set_label("speed q of slow points")

    def handles(self) -> list[Line2D]:
        """Return what stands in the legend."""
        face = "white" if self._by_condition else None
        entries = mark_handles(
            set(self.growth.marks.tolist()), face, directions=len(self.growth.owners) > 0
        )
        if any(len(rows) for label, rows in self.states if label is None):
            entries.append(dot(GREY, "visited state"))
        if self._colour == "kind" and self.trajectories:
            entries.append(Line2D([], [], color=GREY, lw=1, label="trajectory"))
        if self._colour == "condition":
            entries += [
                Line2D([], [], color=colour, marker="o", ms=4, lw=1, label=str(condition))
                for condition, colour in self._tints().items()
            ]
        return entries

    def _draw_times(self, ax: Axes, projection: Projection) -> None:
        """Draw trajectories in the colours of their times."""
        length, unit = time_unit(self._cell)
        paths = [projection(self._placed(path)) for path in self._all_paths()]
        steps = max((len(path) for path in paths), default=1) - 1
        colours = ScalarMappable(Normalize(0, max(steps, 1) * length), "cividis")
        for path in paths:
            segments = np.stack([path[:-1], path[1:]], axis=1)
            whole = np.isfinite(segments).all(axis=(1, 2))
            times = length * (np.arange(len(segments)) + 0.5)
            add_lines(ax, segments[whole], colors=colours.to_rgba(times[whole]), linewidths=1.0)
        if steps > 0:
            pad = 0.1 if is_3d(ax) else 0.02
            ax.figure.colorbar(colours, ax=ax, shrink=0.8, pad=pad, label=f"time ({unit})")

    def _all_paths(self) -> list[Matrix]:
        return [path for _, paths in self.trajectories for path in paths]

    def _size_of_states(self) -> int:
        """Return the length of states in the space that is drawn."""
        if self._given is not None:
            return self._given.size
        return min([*self._widths(), int(self.points.h.shape[1])])

    def _widths(self) -> list[int]:
        clouds = [rows for _, rows in self.states]
        return [int(rows.shape[1]) for rows in [*clouds, *self._all_paths()]]

    def _placed(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return states as they are in the space that is drawn: an LSTM's [h, c], or h alone."""
        return in_space(rows, self._size, self._cell)

    def _conditions(self) -> list[Label]:
        labels = [label for label, _ in [*self.states, *self.trajectories] if label is not None]
        if self.points.condition is not None:
            labels += np.unique(self.points.condition).tolist()  # by size or in alphabetical order
        return list(dict.fromkeys(labels))

    def _tints(self) -> dict[Label, str]:
        return dict(zip(self.conditions, colours_of(len(self.conditions)), strict=True))

    def _tint(self, label: Label | None) -> str:
        return GREY if label is None or self._colour != "condition" else self._tints()[label]

    def _sizes(self) -> Vector:
        count = self.points.count
        share = count / max(int(count.sum()), 1)
        many = min(1.0, np.sqrt(MANY / max(len(count), 1)))
        return np.asarray(many * (45 + 120 * np.sqrt(share)))

    def _faces(self, colours: ScalarMappable) -> list[Any]:
        if self._by_condition:
            labels: Any = self.points.condition
            return [self._tints()[label] for label in labels.tolist()]
        several = len(np.unique(self.points.q[self.points.kind == "slow"])) > 1
        return [
            colours.to_rgba(q) if mark == "slow" and several else POINT_MARKS[mark].face
            for mark, q in zip(self.growth.marks.tolist(), self.points.q, strict=True)
        ]


def _share_limits(axes: Panels) -> None:
    """Give all panels the limits in which each has room, marks at the edge too."""
    names = ["xlim", "ylim"] + ["zlim"] * (len(axes) > 0 and is_3d(axes[0]))
    for name in names:
        limits = np.array([getattr(panel, f"get_{name}")() for panel in axes])
        low, high = limits[:, 0].min(), limits[:, 1].max()
        room = EDGE * (high - low)
        for panel in axes:
            getattr(panel, f"set_{name}")(low - room, high + room)


# How arguments are read


def dimensions_of(dimensions: int | None, ax: Axes | None) -> int:
    """Return 2 or 3, which the axes must have if there are any."""
    own = None if ax is None else 2 + is_3d(ax)
    if dimensions is None:
        return own or 2
    if dimensions not in {2, 3} or isinstance(dimensions, bool):
        raise ValueError(f"dimensions must be 2 or 3, not {dimensions!r}")
    if own not in {None, dimensions}:
        raise ValueError(
            f"ax must have {dimensions} dimensions, as dimensions says, not {own}: make it with "
            "figure.add_subplot(projection='3d') for 3"
        )
    return 3 if dimensions == 3 else 2


def _colour_of(colour: str | None, states: object, trajectories: object) -> str:
    if colour is None:
        by_condition = any(hasattr(given, "items") for given in (states, trajectories))
        return "condition" if by_condition else "kind"
    if colour not in {"kind", "condition", "time"}:
        raise ValueError(f"colour must be 'kind', 'condition' or 'time', not {colour!r}")
    return colour


def _as_projection(projection: Projection | ArrayLike | None) -> Projection | None:
    if projection is None or isinstance(projection, Projection):
        return projection
    axes = validation.floats("projection", projection)
    return Projection.onto(axes)
