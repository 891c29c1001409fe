"""Figures of learning: what a layer becomes step by step, where its points go, what comes first."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from nullcline.continuation.training_path import BORN
from nullcline.linearization.resolution import GROWTH, known_time_constants, side_of_circle
from nullcline.plotting.panels import COLOURS, SHAPES, legend_below, panels
from nullcline.plotting.points import draw_cloud
from nullcline.plotting.theme import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PANEL,
    PINK,
    SKY,
    VERMILION,
    class_colours,
    style,
)
from nullcline.search.kinds import FIXED, MINIMUM, SLOW
from nullcline.study.appearances import HALF, accuracy_appears, appears
from nullcline.study.cell_names import name_of_network
from nullcline.study.figures import save_figure
from nullcline.study.line_attractor_claims import LONG, LONG_LASTING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline.study.appearances import Appearance
    from nullcline.study.learning_results import Course, LayerAtStep, Learning
    from nullcline.study.learning_rows import Row

N_MODES = 5
"""Time constants that are drawn at each snapshot."""

ABOVE = 1.6
"""Where infinite time constants are drawn, in units of the longest that is not."""

FORMATS = ("png", "svg")


class _Landmark(NamedTuple):
    """A snapshot that is marked in every panel, and since when what it marks may be there."""

    name: str
    step: int
    since: int
    colour: str
    place: int

    @property
    def look(self) -> dict[str, Any]:
        """How its line is drawn: dashes of several at one snapshot lie between each other."""
        return {"color": self.colour, "lw": 1.1, "ls": (4 * self.place, (4, 8))}


def draw_learning(learning: Learning, folder: Path) -> list[Path]:
    """Draw for each layer what it becomes and where its points go, each file whole or not at all.

    Parameters
    ----------
    learning
        The run.
    folder
        Where files go: `layer-1-course.png`, `layer-1-points.png`, the same in SVG, and so on.

    Returns
    -------
    list of pathlib.Path
        The files.
    """
    files = []
    for course in learning.courses:
        for name, draw in (("course", course_figure), ("points", points_figure)):
            with style():
                figure = draw(learning, course.layer)
                files += [
                    save_figure(figure, folder / f"layer-{course.layer}-{name}.{ending}")
                    for ending in FORMATS
                ]
    return files


def course_figure(learning: Learning, number: int) -> Figure:
    """Draw accuracy, loss, points, time constants and line of a layer against steps."""
    layer, steps = learning.layer(number), learning.steps
    figure = Figure(figsize=(PANEL * 2.4, PANEL * 2.3), layout="constrained")
    axes = figure.subplots(3, 2, sharex=True).ravel()
    _draw_noted(axes[0], learning, "accuracy")
    bar = learning.chance + HALF * (_accuracy_kept(learning) - learning.chance)
    for height in (learning.chance, bar):
        axes[0].axhline(height, color=GREY, lw=0.8, ls=":")
    _draw_noted(axes[1], learning, "loss")
    _draw_counts(axes[2], layer, learning.courses[number - 1])
    _draw_time_constants(axes[3], layer, steps)
    aspects = [_number(one.numbers["line_aspect"]) for one in layer]
    axes[4].plot(steps, aspects, color=GREEN, marker=".", ms=3)
    axes[4].axhline(LONG, color=GREY, lw=0.8, ls=":")
    axes[4].set_ylabel("line: length / width")
    _draw_shares(axes[5], layer, steps)
    landmarks = _landmarks(learning, layer)
    for panel in axes:
        for mark in landmarks:
            panel.axvline(mark.step, **mark.look)
            panel.axvspan(mark.since, mark.step, color=mark.colour, alpha=0.12, lw=0)
        if panel.get_legend_handles_labels()[0]:
            panel.legend(fontsize=7, frameon=True, framealpha=0.8, edgecolor="none")
    for panel in axes[4:]:
        panel.set_xlabel("steps of Adam")
    figure.suptitle(_title(learning, number), fontsize=9.5)
    legend_below(figure, [Line2D([], [], label=mark.name, **mark.look) for mark in landmarks])
    return figure


def points_figure(learning: Learning, number: int) -> Figure:
    """Draw where the fixed points of a layer go, in the kept network's plane and step by step."""
    layer, course = learning.layer(number), learning.courses[number - 1]
    kept = layer[learning.steps.index(learning.kept)]
    figure, (plane, along) = panels(2, width=1.25, height=1.15)
    for label, colour in enumerate(class_colours(len(learning.classes))):
        draw_cloud(plane, kept.cloud[kept.labels == label], colour)
    for stretch in _stretches(course):
        places = (stretch.h - kept.mean) @ kept.components.T
        look: dict[str, Any] = (
            {"color": BLUE} if stretch.is_stable else {"color": VERMILION, "ls": "--"}
        )
        plane.plot(*places.T, lw=1.1, **look)
        along.plot(stretch.steps, places[:, 0], lw=1.1, **look)
    for one, step in zip(layer, learning.steps, strict=True):
        ghosts = np.isin(one.unique.kind, (SLOW, MINIMUM))
        places = (one.unique.h[ghosts] - kept.mean) @ kept.components.T
        along.plot(np.full(len(places), step), places[:, 0], ls="", marker="D", ms=3, color=ORANGE)
        if one is kept:
            _mark(plane, places, "D", ORANGE)
            fixed = one.unique.kind == FIXED
            for is_stable, marker, face in ((True, "o", BLUE), (False, "^", VERMILION)):
                chosen = fixed & ((one.stability == "stable") == is_stable)
                _mark(plane, (one.unique.h[chosen] - kept.mean) @ kept.components.T, marker, face)
    for event in course.events:
        place = (event.h - kept.mean) @ kept.components.T
        look = {"marker": "^" if event.what == BORN else "v", "mfc": "white", "mec": BLACK}
        along.plot(event.step, place[0], ls="", ms=4.5, **look)
    along.axvline(learning.kept, color=GREY, lw=0.9, ls="--")
    plane.set_xlabel("component 1 of the kept network")
    plane.set_ylabel("component 2")
    along.set_xlabel("steps of Adam")
    along.set_ylabel("component 1 of the kept network")
    figure.suptitle(_title(learning, number), fontsize=9.5)
    legend_below(figure, _point_handles())
    return figure


def draw_leads(rows: Sequence[Row], folder: Path) -> Path:
    """Draw when lines appear against when accuracy does, a mark for each network; return the file.

    Parameters
    ----------
    rows
        Of `nullcline.study.learning_rows.learning_rows`.
    folder
        Where `leads.png` goes, and the same in SVG.
    """
    with style():
        figure = leads_figure(rows)
        files = [save_figure(figure, folder / f"leads.{ending}") for ending in FORMATS]
    return files[0]


def leads_figure(rows: Sequence[Row]) -> Figure:
    """Draw in a panel each when the curve, the long mode and words appear against accuracy.

    Of the last layer of each network, and of words the first. Bars go to the snapshot before.
    """
    rules = {"curve": "states lie along a line", "long_mode": "one mode outlasts the others",
             "words": "words move it as they count"}  # fmt: skip
    figure, axes = panels(len(rules), width=1.0, height=1.05)
    networks = [row for row in rows if row["is_last"]]
    names = sorted({_name(row) for row in networks})
    for panel, (rule, title) in zip(axes, rules.items(), strict=True):
        own = [row for row in networks
               if row["layer"] == (1 if rule == "words" else row["n_layers"])]  # fmt: skip
        for at, name in enumerate(names):
            group = [row for row in own if _name(row) == name]
            _draw_appearances(panel, group, rule, COLOURS[at % 6], SHAPES[at % 6])
        _draw_diagonal(panel)
        panel.set_title(title)
        panel.set_xlabel("accuracy appears (step)")
    axes[0].set_ylabel("it appears (step)")
    handles = [
        Line2D([], [], ls="", marker=SHAPES[i % 6], color=COLOURS[i % 6], label=name)
        for i, name in enumerate(names)
    ]
    if handles:
        legend_below(figure, handles)
    return figure


def _draw_appearances(axes: Axes, rows: Sequence[Row], rule: str, colour: str, marker: str) -> None:
    both = [row for row in rows if None not in {row["accuracy_step"], row[f"{rule}_step"]}]
    for row in both:
        ends = [(row[f"{what}_after"] or 0, row[f"{what}_step"]) for what in ("accuracy", rule)]
        (x0, x), (y0, y) = ends
        axes.errorbar(
            x, y, xerr=[[x - x0], [0]], yerr=[[y - y0], [0]], color=colour, marker=marker, ms=4.5,
            elinewidth=0.6, ls="",
        )  # fmt: skip


def _draw_diagonal(axes: Axes) -> None:
    end = max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.plot([0, end], [0, end], color=GREY, lw=0.8, ls=":")
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)


def _name(row: Row) -> str:
    layers = "" if row["n_layers"] == 1 else f", {row['n_layers']} layers"
    return f"{name_of_network(row['cell'])} on {row['corpus']}{layers}"


def _title(learning: Learning, number: int) -> str:
    where = f", layer {number} of {learning.n_layers}" if learning.n_layers > 1 else ""
    return f"{name_of_network(learning.cell)} on {learning.corpus}{where}, seed {learning.seed}"


def _accuracy_kept(learning: Learning) -> float:
    return learning.snapshots[learning.steps.index(learning.kept)].validation_accuracy


def _landmarks(learning: Learning, layer: Sequence[LayerAtStep]) -> list[_Landmark]:
    found: list[tuple[str, Appearance, str]] = [
        ("accuracy appears", accuracy_appears(learning), BLACK),
        ("states lie along a line", appears("curve", layer, learning.steps), GREEN),
        ("one mode outlasts the others", appears("long_mode", layer, learning.steps), PINK),
    ]
    marks = [
        _Landmark(name, one.step, one.after or 0, colour, place)
        for place, (name, one, colour) in enumerate(found)
        if one.step is not None
    ]
    return [*marks, _Landmark("kept epoch", learning.kept, learning.kept, GREY, 0)]


def _draw_noted(axes: Axes, learning: Learning, what: str) -> None:
    for split, colour in (("validation", BLUE), ("training", ORANGE)):
        values = [getattr(one, f"{split}_{what}") for one in learning.snapshots]
        axes.plot(learning.steps, values, color=colour, marker=".", ms=3, label=split)
    axes.set_ylabel(what)


def _draw_counts(axes: Axes, layer: Sequence[LayerAtStep], course: Course) -> None:
    for name, label, colour in (
        ("fixed", "fixed points", BLUE), ("unstable", "of them unstable", VERMILION),
        ("slow", "slow points", ORANGE), ("minima", "other minima", SKY),
    ):  # fmt: skip
        counts = [one.numbers[name] for one in layer]
        if any(counts):
            axes.step(course.steps, counts, where="post", color=colour, label=label)
    top = axes.get_ylim()[1]
    for event in course.events:
        axes.plot(
            event.step, top, marker="^" if event.what == BORN else "v", mfc="white", mec=BLACK,
            ms=4, clip_on=False,
        )  # fmt: skip
    axes.set_ylabel("points")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_time_constants(axes: Axes, layer: Sequence[LayerAtStep], steps: Sequence[int]) -> None:
    """Draw the longest time constants, those that are infinite as far as is known at the top."""
    known = [known_time_constants(one.eigenvalues, one.errors) for one in layer]
    longest = max((tau for all_of in known for tau in all_of if np.isfinite(tau)), default=1.0)
    places: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    for one, tau, step in zip(layer, known, steps, strict=True):
        order = np.argsort(-tau, kind="stable")[:N_MODES]
        sides = side_of_circle(one.eigenvalues, one.errors)[order]
        for value, side in zip(tau[order], sides, strict=True):
            places[int(side)].append((step, value if np.isfinite(value) else ABOVE * longest))
    for side, (label, colour, marker) in _MODES.items():
        if places[side]:
            x, y = np.array(places[side]).T
            axes.plot(x, y, ls="", color=colour, marker=marker, ms=3, label=label)
    axes.axhline(LONG_LASTING, color=GREY, lw=0.8, ls=":")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_ylabel("time constants (steps)")


def _draw_shares(axes: Axes, layer: Sequence[LayerAtStep], steps: Sequence[int]) -> None:
    """Draw what lies between 0 and 1: the line's variance, words' ρ, and a cosine."""
    numbers = [one.numbers for one in layer]
    cosines = [np.cos(np.radians(_number(own["readout_to_left"]))) for own in numbers]
    for label, values, colour in (
        ("variance along the line", [_number(own["line_variance"]) for own in numbers], GREEN),
        ("words: |ρ|", [abs(_number(own["words_rho"])) for own in numbers], ORANGE),
        ("cos of readout and left mode", cosines, PINK),
    ):
        if np.isfinite(values).any():
            axes.plot(steps, values, color=colour, marker=".", ms=3, label=label)
    axes.set_ylim(0, 1)


def _number(value: float | None) -> float:
    return np.nan if value is None else value


class _Stretch(NamedTuple):
    """A point from one snapshot to the next, or from and to where it is born or ends."""

    steps: list[float]
    h: NDArray[np.float64]
    is_stable: bool


def _stretches(course: Course) -> list[_Stretch]:
    """Return what is drawn of points: as stable as they are at the later snapshot."""
    steps = course.steps.tolist()
    found = [
        _Stretch(steps[k : k + 2], course.h[i, k : k + 2], bool(course.n_unstable[i, k + 1] == 0))
        for i, there in enumerate(course.exists)
        for k in np.flatnonzero(there[:-1] & there[1:])
    ]
    for event in course.events:
        for point in event.points:
            is_birth = event.what == BORN
            at = np.flatnonzero(course.exists[point])
            k = at[0] if is_birth else at[-1]
            h = np.stack([event.h, course.h[point, k]])
            stable = bool(course.n_unstable[point, k] == 0)
            found.append(_Stretch([event.step, steps[k]], h, stable))
    return found


def _mark(axes: Axes, places: NDArray[np.float64], marker: str, face: str) -> None:
    axes.plot(*places.T, ls="", marker=marker, ms=7, mfc=face, mec=BLACK, mew=0.8, zorder=5)


def _point_handles() -> list[Line2D]:
    return [
        Line2D([], [], color=BLUE, marker="o", mec=BLACK, label="stable fixed point"),
        Line2D([], [], color=VERMILION, ls="--", marker="^", mec=BLACK, label="unstable"),
        Line2D([], [], ls="", color=ORANGE, marker="D", label="ghost (slow point or minimum)"),
        Line2D([], [], ls="", mfc="white", mec=BLACK, marker="^", label="two are born"),
        Line2D([], [], ls="", mfc="white", mec=BLACK, marker="v", label="two vanish"),
        Line2D([], [], color=GREY, ls="--", lw=0.9, label="kept epoch"),
    ]


_MODES = {
    -1: ("decays", BLUE, "."),
    0: ("as long as can be told", ORANGE, "D"),
    GROWTH: ("grows", VERMILION, "^"),
}
