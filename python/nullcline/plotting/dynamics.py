"""Figures of the linearized dynamics: time constants, predictions, the line attractor, words.

Each function draws the result of one analysis; call it, and save the figure, inside `style()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from nullcline.linearization.dimensionality import participation_ratio_of_variances
from nullcline.plotting.style import (
    BLACK,
    BLUE,
    GREY,
    MARKERS,
    ORANGE,
    PANEL,
    VERMILION,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from nullcline import (
        FixedPoints,
        Linearization,
        LinearPrediction,
        LineAttractor,
        WordEffects,
    )

    Vector = NDArray[np.float64]

MODES_SHOWN = 30
COMPONENTS_SHOWN = 30
WIDTH_BINS = 15

LONGEST = 1e4
"""Time constants beyond are drawn here: a ghost's is infinite but for rounding."""

LOWEST_R2 = -1.0
"""An R² below says no more than that the prediction is worse than none."""

WORDS_WRITTEN = 16
WORD_ROOM = (0.13, 0.05)
"""Room that a word keeps free of others, in units of the axes."""

_COLOURS = (BLUE, VERMILION, ORANGE, "#009E73", "#CC79A7", "#56B4E9")
_SHAPES = ("o", "s", "^", "D", "v", "P")


def time_constants(linearization: Linearization, names: Sequence[str] | None = None) -> Figure:
    """Draw the longest time constants at each point, slowest first.

    Parameters
    ----------
    linearization
        The modes; its first six points are drawn.
    names
        What to call them; "point 0" and so on by default.
    """
    figure, (axes,) = _panels(1, width=1.6)
    modes = linearization.by_time_constant()
    for i, (colour, shape) in enumerate(zip(_COLOURS, _SHAPES, strict=True)):
        if i == len(modes):
            break
        shown = modes.time_constants[i, :MODES_SHOWN]
        rank = np.arange(1, len(shown) + 1)
        name = f"point {i}" if names is None else names[i]
        axes.plot(rank, shown.clip(max=LONGEST), marker=shape, ms=4, color=colour, label=name)
        beyond = shown > LONGEST
        axes.plot(rank[beyond], np.full(beyond.sum(), LONGEST), "^", ms=9, color=colour, mec=BLACK)
    axes.set_yscale("log")
    top = modes.time_constants[: len(_COLOURS), :MODES_SHOWN]
    if (top > LONGEST).any():
        axes.axhline(LONGEST, color=GREY, lw=0.8, ls=":")
        axes.annotate(
            f"τ > {LONGEST:g} (▲)", (1, LONGEST), (0, -12), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", fontsize=7, color=GREY,
        )  # fmt: skip
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("mode, by time constant")
    axes.set_ylabel("time constant τ (steps)")
    axes.set_title("Modes of the linearization")
    axes.legend()
    return figure


def prediction(
    next_states: LinearPrediction, sequences: LinearPrediction | None = None, n_bins: int = 10
) -> Figure:
    """Draw R² against distance from the point, of next states and of whole sequences.

    Parameters
    ----------
    next_states
        From `predict_next_states`.
    sequences
        From `predict_sequences`, for a second panel.
    n_bins
        Bins of distance.
    """
    shown = [("next state", next_states), ("whole sequence", sequences)]
    given = [(title, found) for title, found in shown if found is not None]
    figure, panels = _panels(len(given), width=1.25)
    for axes, (title, found) in zip(panels, given, strict=True):
        bins = found.by_distance(min(n_bins, len(found)))
        origin = "state before" if title == "next state" else "first state"
        for values, colour, shape, name in (
            (bins.r2, BLUE, "o", "state"),
            (bins.r2_of_change, ORANGE, "s", f"change from the {origin}"),
        ):
            _draw_r2(axes, bins.distance, values, colour, shape, name)
        axes.axhline(0, color=BLACK, lw=0.8)
        axes.set_ylim(LOWEST_R2 - 0.1, 1.05)
        axes.set_xlabel("distance from the point linearized around")
        axes.set_title(f"{title}: R² = {found.r2:.3f}\n(of the change {found.r2_of_change:.3f})")
        axes.legend(loc="lower left")
    panels[0].set_ylabel("R² of the linear prediction")
    return figure


def line_attractor(
    measured: LineAttractor,
    states: NDArray[np.floating[Any]],
    points: FixedPoints | None = None,
) -> Figure:
    """Draw a line attractor: on two components, its width along it, and its angles.

    Parameters
    ----------
    measured
        From `measure_line_attractor`.
    states
        The visited states that it was measured against, shape (n, S).
    points
        Fixed and slow points to mark.
    """
    figure, (plane, width, angles) = _panels(3, width=1.25)
    _draw_plane(plane, measured, states.astype(np.float64), points)
    _draw_width(width, measured)
    _draw_angles(angles, measured)
    return figure


def word_projections(
    effects: WordEffects, weights: NDArray[np.floating[Any]], words: Sequence[str] | None = None
) -> Figure:
    """Draw the words' projections on the slowest mode against their bag-of-words weights.

    Parameters
    ----------
    effects
        From `word_effects`.
    weights
        The words' weights in the other model, shape (W,).
    words
        The words, to write those that stand out.
    """
    figure, (axes,) = _panels(1, width=1.6, height=1.3)
    projection = effects.projections[:, 0].real
    correlation = effects.rank_correlations(weights)["mode 1"]
    axes.axhline(0, color=GREY, lw=0.8)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.scatter(weights, projection, s=8, color=BLUE, alpha=0.4, lw=0, rasterized=True)
    axes.set_xlabel("weight in the bag-of-words regression")
    axes.set_ylabel(r"projection $\ell_1 \cdot J_{inp}\,(x - x^*)$")
    axes.set_title(
        f"Words on the slowest mode (τ = {effects.time_constants[0]:.3g} steps): "
        f"Spearman's ρ = {correlation.rho:.2f}"
    )
    _write_words(axes, np.asarray(weights, np.float64), projection, words)
    return figure


def instantaneous_and_steady(effects: WordEffects, words: Sequence[str] | None = None) -> Figure:
    """Draw what each word does to the readout at once against what lasts of it.

    Parameters
    ----------
    effects
        From `word_effects` with a readout.
    words
        The words, to write those that stand out.

    Raises
    ------
    ValueError
        If the effects were computed without a readout.
    """
    if effects.instantaneous is None or effects.steady is None:
        raise ValueError("effects must be computed with a readout: pass it to word_effects")
    figure, (axes,) = _panels(1, width=1.6, height=1.3)
    axes.axline((0, 0), slope=1, color=GREY, lw=0.8, ls=":", label="all of it lasts")
    axes.axhline(0, color=GREY, lw=0.8)
    axes.axvline(0, color=GREY, lw=0.8)
    axes.scatter(
        effects.instantaneous, effects.steady, s=8, color=BLUE, alpha=0.4, lw=0, rasterized=True
    )
    axes.set_xlabel("instantaneous effect on the readout")
    slow = len(effects.eigenvalues)
    axes.set_ylabel("steady effect, on " + (f"{slow} slow modes" if slow > 1 else "the slow mode"))
    axes.set_title("What a word does at once, and what of it lasts")
    axes.legend()
    _write_words(axes, effects.instantaneous, effects.steady, words)
    return figure


def word_responses(response: Vector, words: Sequence[str], steady: Vector | None = None) -> Figure:
    """Draw what some words do to the readout, step after step.

    Parameters
    ----------
    response
        From `impulse_response`, shape (n_steps + 1, W), of six words at most.
    words
        The words.
    steady
        Their steady effects, shape (W,), for a dotted line each.

    Raises
    ------
    ValueError
        If there are more than six words.
    """
    if len(words) > len(_COLOURS):
        raise ValueError(f"words must be {len(_COLOURS)} at most, not {len(words)}")
    figure, (axes,) = _panels(1, width=1.6)
    for i, word in enumerate(words):
        axes.plot(response[:, i], color=_COLOURS[i], label=word)
        if steady is not None:
            axes.axhline(steady[i], color=_COLOURS[i], lw=0.8, ls=":")
    axes.axhline(0, color=BLACK, lw=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("steps after the word")
    axes.set_ylabel("effect on the readout")
    axes.set_title("The linear response" + (" (dotted: steady)" if steady is not None else ""))
    axes.legend(loc="upper right")
    return figure


def dimensionality(variances: Mapping[str, NDArray[np.floating[Any]]]) -> Figure:
    """Draw the spectra of variances of visited states, each with its participation ratio.

    Parameters
    ----------
    variances
        By name, such as a layer's, at most six: variances along the principal components, or the
        shares that they have, falling.
    """
    figure, (axes,) = _panels(1, width=1.6)
    for (name, values), colour, shape in zip(variances.items(), _COLOURS, _SHAPES, strict=False):
        ratio = participation_ratio_of_variances(values)
        shown = (values / np.sum(values))[:COMPONENTS_SHOWN]
        label = f"{name}: participation ratio {ratio:.2f}"
        rank = np.arange(1, len(shown) + 1)
        axes.plot(rank, np.where(shown > 0, shown, np.nan), marker=shape, ms=4, color=colour,
                  label=label)  # fmt: skip
        axes.axvline(ratio, color=colour, lw=1, ls="--")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("principal component (dashed: participation ratio)")
    axes.set_ylabel("share of the visited variance")
    axes.set_title("How many dimensions the states fill")
    axes.legend()
    return figure


def _panels(columns: int, *, width: float, height: float = 1.0) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(PANEL * width * columns, 0.4 + PANEL * height), layout="constrained")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def _draw_r2(
    axes: Axes, distance: Vector, values: Vector, colour: str, shape: str, name: str
) -> None:
    axes.plot(distance, values.clip(min=LOWEST_R2), marker=shape, ms=4, color=colour, label=name)
    below = values < LOWEST_R2
    axes.plot(distance[below], np.full(below.sum(), LOWEST_R2), "v", ms=8, color=colour, mec=BLACK)


def _draw_plane(
    axes: Axes, measured: LineAttractor, states: Vector, points: FixedPoints | None
) -> None:
    """Draw states, line and points on the states' first two components."""
    mean = states.mean(axis=0)
    _, spread, components = np.linalg.svd(states - mean, full_matrices=False)
    shares = 100 * spread**2 / np.sum(spread**2)
    # The second component, which one-dimensional states lack, is then nothing.
    plane = np.zeros((2, states.shape[1]))
    plane[: len(components[:2])] = components[:2]
    x, y = plane @ (states - mean).T
    cloud = axes.scatter(
        x, y, s=6, c=measured.state_positions, cmap="cividis", lw=0, alpha=0.6, rasterized=True
    )
    line = plane @ (measured.h - mean).T
    axes.plot(*line, color="white", lw=4)
    axes.plot(*line, color=BLACK, lw=1.8)
    handles = [Line2D([], [], color=BLACK, lw=1.8, label="line attractor, visited part")]
    marked = [] if points is None else [points.select(kind) for kind in MARKERS]
    for of_kind, (kind, marker) in zip(marked, MARKERS.items(), strict=False):
        if len(of_kind) == 0:
            continue
        face = VERMILION if kind == "fixed" else "white"
        x, y = plane @ (of_kind.h - mean).T
        axes.scatter(x, y, s=60, marker=marker, c=face, ec=BLACK, zorder=3)
        handles.append(
            Line2D([], [], ls="", marker=marker, mfc=face, mec=BLACK, label=f"{kind} point")
        )
    axes.figure.colorbar(cloud, ax=axes, label="position along the line", pad=0.02)
    axes.set_xlabel(f"component 1 ({shares[0]:.0f}% of variance)")
    second = shares[1] if len(shares) > 1 else 0.0
    axes.set_ylabel(f"component 2 ({second:.0f}%)")
    axes.set_title(
        f"The line has {100 * measured.explained_variance:.0f}% of the variance,\n"
        f"its chord {100 * measured.explained_by_chord:.0f}%"
    )
    axes.legend(handles=handles, loc="best")


def _draw_width(axes: Axes, measured: LineAttractor) -> None:
    """Draw the states' distances from the line, and their root mean square along it."""
    low, high = measured.visited
    along, distance = measured.state_positions, measured.state_distances
    axes.scatter(along, distance, s=6, color=GREY, alpha=0.5, lw=0, rasterized=True)
    edges = np.linspace(low, high, WIDTH_BINS + 1)
    bin_of = np.searchsorted(edges, along, side="right") - 1
    middle = (edges[:-1] + edges[1:]) / 2
    inside = [distance[bin_of == i] for i in range(WIDTH_BINS)]
    rms = np.array([np.sqrt(np.mean(part**2)) if len(part) else np.nan for part in inside])
    axes.plot(middle, rms, marker="o", ms=4, color=BLUE, label="root mean square")
    axes.axvspan(low, high, color=BLUE, alpha=0.06, lw=0, label="visited part")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("position along the line")
    axes.set_ylabel("distance from the line")
    axes.set_title(
        f"length {measured.length:.2f}, width {measured.width:.2f},\naspect {measured.aspect:.1f}"
    )
    axes.legend(loc="best")


def _draw_angles(axes: Axes, measured: LineAttractor) -> None:
    """Draw the angles between tangent, slowest mode and readout, and what random ones have."""
    random = np.degrees(1 / np.sqrt(measured.h.shape[1]))
    axes.axhspan(90 - random, 90, color=GREY, alpha=0.3, lw=0, label="random directions")
    for values, colour, shape, name in (
        (measured.tangent_to_mode, BLUE, "o", "tangent – slowest right eigenvector"),
        (measured.tangent_to_readout, ORANGE, "s", "tangent – readout"),
        (measured.mode_to_readout, VERMILION, "^", "slowest right eigenvector – readout"),
    ):
        if values is not None:
            axes.plot(measured.positions, values, marker=shape, ms=4, color=colour, label=name)
    axes.set_ylim(0, 92)
    axes.set_yticks(range(0, 91, 15))
    axes.set_xlabel("position along the line")
    axes.set_ylabel("angle (degrees)")
    shortest, longest = measured.time_constants.min(), measured.time_constants.max()
    axes.set_title(f"directions along the line\n(slowest τ from {shortest:.3g} to {longest:.3g})")
    axes.legend(loc="center right", fontsize=7)


def _write_words(axes: Axes, x: Vector, y: Vector, words: Sequence[str] | None) -> None:
    """Write the words furthest from the middle, where none written so far is close."""
    if words is None:
        return
    places = np.column_stack([x, y])
    spread = np.ptp(places, axis=0)
    places /= np.where(spread > 0, spread, 1)
    written: list[Vector] = []
    for i in np.argsort(-np.linalg.norm(places - np.median(places, axis=0), axis=1)):
        crowded = any((np.abs(places[i] - other) < WORD_ROOM).all() for other in written)
        if crowded or len(written) == WORDS_WRITTEN:
            continue
        written.append(places[i])
        axes.annotate(
            words[i],
            (x[i], y[i]),
            xytext=(3, 3),
            textcoords="offset points",
            fontsize=7,
            parse_math=False,
        )
