"""`nullcline plot`: pictures of one's own network, by `nullcline.plotting`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nullcline._support.files import replacing
from nullcline.cli.arrays import FILE_OF_ARRAYS, read_states, read_trajectories
from nullcline.cli.networks import is_points, read_points_of
from nullcline.cli.options import command, require_left_out
from nullcline.cli.outputs import add_output, require_suffix, require_writable
from nullcline.cli.running import say
from nullcline.cli.subject import add_subject, read_points, require_one_condition
from nullcline.continuation.fibers import trace
from nullcline.linearization.linear_map import linearize

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from nullcline._support.validation import Floats
    from nullcline.cli.options import Commands
    from nullcline.cli.subject import Subject

_EXAMPLES = (
    "nullcline plot points points/layer-1.npz --states states.npy --dimensions 3",
    "nullcline plot eigenvalues points/layer-1.npz --point 0 1 --out spectrum.svg",
    "nullcline plot landscape points/layer-1.npz --axes modes --out landscape.pdf",
    "nullcline plot basins points/layer-1.npz --condition left",
)

_SUFFIXES = (".png", ".svg", ".pdf")

_IN_SPACE = ("points", "landscape", "flow", "basins", "curve")

_DRAWN_WITH = {
    "states": _IN_SPACE,
    "trajectories": ("points",),
    "axes": _IN_SPACE,
    "dimensions": ("points", "landscape", "curve"),
    "resolution": ("landscape", "flow", "basins"),
}
"""The pictures that each option is of; it is refused with the others."""

_AT_ONE_INPUT = ("landscape", "flow", "basins")

_UNDATED = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""The same picture is the same file."""


class _Shown(NamedTuple):
    """What a picture shows."""

    subject: Subject
    states: Floats
    trajectories: Floats | None
    options: argparse.Namespace


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "plot",
        _plot,
        "draw points, modes, the speed, the flow, curves or basins",
        examples=_EXAMPLES,
    )
    parser.add_argument("what", choices=list(_DRAWN), help="what to draw")
    add_subject(parser)
    group = parser.add_argument_group("the picture")
    add_output(group, "a picture, .png, .svg or .pdf (WHAT.png, named for what is drawn)")
    group.add_argument(
        "--states",
        metavar="FILE",
        help=f"states that the network visits, as a cloud (the starts of the search): "
        f"{FILE_OF_ARRAYS}",
    )
    group.add_argument(
        "--trajectories", metavar="FILE", help="trajectories, (trials, time, S), as lines"
    )
    group.add_argument(
        "--axes",
        choices=("components", "modes"),
        default="components",
        help="principal components of the states, or the slowest modes at the first point",
    )
    group.add_argument(
        "--dimensions", type=int, choices=(2, 3), default=2, help="of points, landscape and curve"
    )
    group.add_argument(
        "--resolution", type=int, metavar="N", help="states along each side of a plane"
    )


def _plot(options: argparse.Namespace) -> None:
    for name, pictures in _DRAWN_WITH.items():
        if options.what not in pictures:
            *others, last = pictures
            of = f"{', '.join(others)} and {last}" if others else last
            why = f"it is of {of}, not of {options.what}"
            require_left_out(options, (name,), why)
    path = Path(f"{options.what}.png") if options.out is None else options.out
    require_suffix(path, _SUFFIXES)
    require_writable(path, options)
    shown = _read(options)
    import matplotlib as mpl

    mpl.use("agg")  # there need be no screen
    from matplotlib import pyplot as plt

    from nullcline import plotting

    with plotting.style():
        figure = _figure(_DRAWN[options.what](shown))
        try:
            _save(figure, path)
        finally:
            plt.close(figure)
    say(path)


def _save(figure: Any, path: Path) -> None:
    suffix = path.suffix.lower()
    with replacing(path) as temporary:
        figure.savefig(
            temporary, format=suffix[1:], bbox_inches="tight", metadata=_UNDATED.get(suffix)
        )


def _read(options: argparse.Namespace) -> _Shown:
    if not is_points(options.source):
        raise ValueError(
            f"{options.source} holds no points: find them first (nullcline find), which writes "
            "points/layer-1.npz, say"
        )
    subject = read_points(options)
    if options.what in _AT_ONE_INPUT:
        require_one_condition(subject, f"the {options.what}")
    if options.states is None:
        states = read_points_of(options.source).starts
    else:
        states = read_states(options.states, subject.cell)
    trajectories = None
    if options.trajectories is not None:
        trajectories = read_trajectories(options.trajectories, subject.cell)
    return _Shown(subject, states, trajectories, options)


def _figure(drawn: Any) -> Any:
    """Return the figure that axes, or the first of several, are on."""
    first = np.ravel(drawn)[0] if isinstance(drawn, np.ndarray) else drawn
    return getattr(first, "figure", None) or first


# What can be drawn


def _axes(shown: _Shown, k: int) -> Any:
    """Return the axes to draw along, a `Projection`."""
    from nullcline.plotting import Projection

    if shown.options.axes == "components":
        return Projection.principal(shown.states, k)
    at = shown.subject.select(np.arange(1))
    modes = linearize(at.cell, at.points, n_threads=shown.options.n_threads).by_time_constant()
    return Projection.of_modes(modes, range(min(k, modes.eigenvalues.shape[1]))).first(k)


def _over(shown: _Shown, axes: Any, ax: Any) -> Any:
    """Draw points over what is drawn in a plane, which keeps its title."""
    from nullcline import plotting

    title = ax.get_title()
    ax = plotting.fixed_points(shown.subject.points, projection=axes, ax=ax, n_directions=0)
    ax.set_title(title)
    return ax


def _points(shown: _Shown) -> Any:
    from nullcline import plotting

    return plotting.fixed_points(
        shown.subject.points,
        shown.states,
        shown.trajectories,
        projection=_axes(shown, shown.options.dimensions),
        dimensions=shown.options.dimensions,
        kinds=shown.options.kinds or ("fixed", "slow", "minimum"),
    )


def _eigenvalues(shown: _Shown) -> Any:
    from nullcline import plotting

    return plotting.eigenvalues(*_linearized(shown))


def _time_constants(shown: _Shown) -> Any:
    from nullcline import plotting

    return plotting.time_constants(*_linearized(shown))


def _linearized(shown: _Shown) -> tuple[Any, list[str]]:
    subject = shown.subject
    found = linearize(subject.cell, subject.points, n_threads=shown.options.n_threads)
    return found, [f"point {number}" for number in subject.numbers]


def _landscape(shown: _Shown) -> Any:
    from nullcline import plotting

    axes = _axes(shown, 2)
    surface = shown.options.dimensions == 3
    ax = plotting.speed_landscape(
        shown.subject.cell,
        axes,
        shown.subject.points,
        surface=surface,
        **_resolution(shown),
    )
    return ax if surface else _over(shown, axes, ax)


def _flow(shown: _Shown) -> Any:
    from nullcline import plotting

    axes = _axes(shown, 2)
    ax = plotting.flow(shown.subject.cell, axes, shown.subject.points, **_resolution(shown))
    return _over(shown, axes, ax)


def _basins(shown: _Shown) -> Any:
    from nullcline import plotting

    return plotting.basins(
        shown.subject.cell,
        _axes(shown, 2),
        shown.subject.points,
        progress=not shown.options.quiet,
        **_resolution(shown),
    )


def _resolution(shown: _Shown) -> dict[str, Any]:
    n = shown.options.resolution
    return {} if n is None else {"resolution": n}


def _curve(shown: _Shown) -> Any:
    from nullcline import plotting

    k = shown.options.dimensions
    return plotting.curve(_traced(shown), shown.states, projection=_axes(shown, k), dimensions=k)


def _profile(shown: _Shown) -> Any:
    from nullcline import plotting

    return plotting.curve_profile(_traced(shown))


def _traced(shown: _Shown) -> Any:
    """Return the curves through the points that were chosen, or else through the first."""
    options = shown.options
    subject = shown.subject if options.point else shown.subject.select(np.arange(1))
    require_one_condition(subject, "a curve")
    return trace(subject.cell, subject.points, n_threads=options.n_threads)


_DRAWN: dict[str, Callable[[_Shown], Any]] = {
    "points": _points,
    "eigenvalues": _eigenvalues,
    "time-constants": _time_constants,
    "landscape": _landscape,
    "flow": _flow,
    "basins": _basins,
    "curve": _curve,
    "profile": _profile,
}
