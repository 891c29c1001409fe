"""`explore`: what it is given, sorted by layer, becomes a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nullcline._support import validation
from nullcline.interactive.layer import read_layer
from nullcline.interactive.page import plotly_script, write_page
from nullcline.interactive.record import layer_record

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike

    from nullcline.cells import Cell
    from nullcline.continuation import Curve, Trace
    from nullcline.linearization.input_effects import WordEffects
    from nullcline.linearization.linear_map import Linearization
    from nullcline.plotting.projection import Projection
    from nullcline.search.fixed_points import FixedPoints


def explore(
    points: FixedPoints | Mapping[str, FixedPoints],
    *,
    states: ArrayLike | Mapping[str, ArrayLike] | None = None,
    texts: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    labels: Sequence[object] | ArrayLike | Mapping[str, Any] | None = None,
    trajectories: ArrayLike | Sequence[ArrayLike] | Mapping[str, Any] | None = None,
    trajectory_words: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    trajectory_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    curves: Trace | Curve | ArrayLike | Sequence[Any] | Mapping[str, Any] | None = None,
    cell: Cell | Mapping[str, Cell] | None = None,
    linearization: Linearization | Mapping[str, Linearization] | None = None,
    words: (
        Mapping[str, Any]
        | tuple[Sequence[str], ArrayLike | WordEffects | Sequence[WordEffects]]
        | None
    ) = None,
    readout: ArrayLike | Mapping[str, ArrayLike] | None = None,
    projection: str | ArrayLike | Projection | Mapping[str, Any] | None = None,
    dt: float | None = None,
    unit: str | None = None,
    title: str = "Fixed points",
    path: str | os.PathLike[str] = "explore.html",
    max_states: int = 50_000,
    max_spectra: int = 100,
    self_contained: bool = True,
) -> Path:
    """Write a page in which to turn the state space, click points and walk along trajectories.

    The page is one file of HTML that needs no server and no network; its script is plotly's (the
    `explore` extra). A click on a point, or the keys N and P, show its spectrum, its modes of the
    longest time constants and the words that move it most. Filters hide points by kind and by
    condition. A slider walks along a trajectory, word by word.

    Parameters
    ----------
    points
        Distinct points, or the ends of a search, of which the distinct ones are shown. Several
        layers, to switch between, are a mapping from their names. Then every other argument that
        is of states is a mapping too, from the names of those layers that have it.
    states
        Visited states, shape (n, S), or outputs alone, (n, H): an LSTM's h without c. As soon as
        one argument has outputs alone, the page shows the outputs of all.
    texts
        A text for each of the n states, such as the review up to there, that is read beside it.
    labels
        A label for each of the n states, such as the class of its review, by which it is coloured.
    trajectories
        One, shape (T, S); several of one length, (m, T, S); or a list of them. NaN breaks the line.
    trajectory_words
        For each trajectory a list with one word per state, the word that led there, or None.
    trajectory_names
        What each trajectory is called.
    curves
        A `Curve`, a `Trace`, arrays of states (m, S), or a list of curves.
    cell
        What the points are linearized with; by default the cell that was searched. Without either
        (points from a file) there are no spectra.
    linearization
        The linear maps at the points (`nullcline.linearize`), if they are known already; `points`
        must then be distinct, and in the same order.
    words
        Words that the layer reads: a mapping from each to its vector, (D,), or a pair: W words and
        their vectors, (W, D). With a pair of words and a `WordEffects` for each point, these are
        shown, and no cell is needed.
    readout
        Weights of the outputs, shape (H,), or of the whole state, (S,). Words are then ranked by
        their lasting effect on it (`nullcline.word_effects`), else by how far they move the slowest
        mode.
    projection
        What to look along: None for the first three principal components of the states (of all else
        that is drawn, without states), "readout" for the readout and two components beside it, one
        to three directions, shape (k, S), or a `nullcline.plotting.Projection` on so many axes,
        with components beside them.
    dt
        Duration of one step in the user's unit of time; by default the cell's `dt`, else 1.
    unit
        Name of that unit, such as "ms"; by default "steps" where a step lasts 1.
    title
        Title of the page.
    path
        Where to write it. A file that is there is replaced; at every moment it is the old one or
        the new one.
    max_states
        The most states that are drawn, and the most states that trajectories have together. Of more
        states so many are drawn at random, always the same ones; of trajectories the first ones.
        The page says so.
    max_spectra
        The most points with a spectrum: the best kinds and the ends of most starts first. An
        eigenvalue problem each.
    self_contained
        Whether plotly's script, 4.5 MB, is in the page, or else in a file ``plotly.min.js`` beside
        it that pages of one folder share.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    ModuleNotFoundError
        If plotly is not installed.
    TypeError, ValueError
        If an argument has the wrong type, shape or value; the message names it.
    OSError
        If the page cannot be written; what stood under `path` is then unchanged.

    Examples
    --------
    >>> points = nc.find_fixed_points(cell, states[:500])
    >>> nc.explore(points, states=states, trajectories=states.reshape(-1, 50, 256))
    PosixPath('explore.html')
    """
    plotly_script()  # missed now, not after hours of eigenvalues
    max_states = validation.whole_number("max_states", max_states, 1)
    max_spectra = validation.whole_number("max_spectra", max_spectra, 0)
    given = {
        "states": states, "texts": texts, "labels": labels, "trajectories": trajectories,
        "trajectory_words": trajectory_words, "trajectory_names": trajectory_names,
        "curves": curves, "cell": cell, "linearization": linearization, "words": words,
        "readout": readout, "projection": projection,
    }  # fmt: skip
    by_layer = _by_layer(
        points, {name: value for name, value in given.items() if value is not None}
    )
    layers = {
        name: read_layer(of_layer, its, max_states) for name, (of_layer, its) in by_layer.items()
    }
    dt, unit = _time(dt, unit, [layer.cell for layer in layers.values()])
    records = [
        layer_record(layer, name, dt=dt, max_spectra=max_spectra) for name, layer in layers.items()
    ]
    return write_page(path, records, title=title, unit=unit, dt=dt, self_contained=self_contained)


_OF_CONDITIONS = {
    "states": "give one array, and the condition of each state as labels",
    "trajectories": "give one list, and what each is called as trajectory_names",
}
"""How to give what plots take as a mapping by condition."""


def _by_layer(points: Any, given: dict[str, Any]) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return for each layer's name its points and what else is given of it."""
    if not isinstance(points, Mapping):
        for name, value in given.items():
            if isinstance(value, Mapping) and name != "words":
                raise TypeError(
                    f"{name} must not be a mapping where points is none, which maps layers: of "
                    f"several conditions {_OF_CONDITIONS.get(name, 'give them as one')}"
                )
        return {"": (points, given)}
    if not points:
        raise ValueError("points must name at least one layer")
    for name, value in given.items():
        if not isinstance(value, Mapping):
            raise TypeError(
                f"{name} must map names of layers, as points does, not be {type(value).__name__}"
            )
        if unknown := [key for key in value if key not in points]:
            raise ValueError(
                f"{name} must map names of layers of points, {list(points)}, not {unknown[:3]}"
            )
    return {
        str(layer): (
            of_layer,
            {
                name: value[layer]
                for name, value in given.items()
                if layer in value and value[layer] is not None
            },
        )
        for layer, of_layer in points.items()
    }


def _time(dt: float | None, unit: str | None, cells: Sequence[Cell | None]) -> tuple[float, str]:
    """Return how long a step is, and in what."""
    own = {float(cell_dt) for cell in cells if (cell_dt := getattr(cell, "dt", None)) is not None}
    if dt is None and not own:
        return 1.0, "steps" if unit is None else unit
    if dt is None and len(own) > 1:
        raise ValueError("dt must be given: the layers' cells have different ones")
    step = own.pop() if dt is None else validation.tolerance("dt", dt)
    if step == 0:
        raise ValueError("dt must be above 0")
    return step, "units of time" if unit is None else unit
