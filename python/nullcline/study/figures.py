"""The paper's figures, named by its numbers, from the analyses of a network."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline._support.files import write_bytes
from nullcline.plotting.theme import DPI, style
from nullcline.study.class_figures import class_figures
from nullcline.study.context_figures import context_plans
from nullcline.study.explanation_figures import explanations
from nullcline.study.figure_plan import FigurePlan
from nullcline.study.point_figures import eigenvalues, fixed_points
from nullcline.study.state_figures import explained_variance, projections

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from nullcline.study.results import NetworkAnalysis


def plans(n_layers: int) -> tuple[FigurePlan, ...]:
    """Return the paper's figures of a network of that depth, in the paper's order."""
    names = _NUMBERS.get(
        n_layers,
        tuple(f"{n_layers}-layers-{what}" for what in ("variance", "states", "points", "spectra")),
    )
    return tuple(
        FigurePlan(name, draw, f"Figure {name}: {title}", caption)
        for name, (draw, title, caption) in zip(names, _DRAWINGS, strict=True)
    )


_DRAWINGS = (
    (
        explained_variance,
        "how many components the visited states fill",
        "How much of the variance of the visited states their first principal components have "
        "together, in the trained network (blue circles) and in the same network before training "
        "(orange squares); dotted, 80% and 90%. One panel per layer.",
    ),
    (
        projections,
        "where the visited states lie",
        "Visited states on their first two principal components, coloured by the class of their "
        "review, with the paths of the two example reviews: squares are the first word, stars the "
        "last, and the words that moved the state most are written beside it. The legend gives "
        "each example's class and what the network says of it. One panel per layer.",
    ),
    (
        fixed_points,
        "where fixed and slow points lie",
        "The distinct ends of a search from visited states, over the visited states (small grey "
        "dots). The shape says what a point is: a fixed point is zero to rounding, stable or a "
        "saddle; a slow point (diamond) is a local minimum of the speed q that is not zero. Size "
        "grows with the number of starts that ended there. One panel per layer.",
    ),
    (
        eigenvalues,
        "the eigenvalues at these points",
        "Eigenvalues of the recurrent Jacobian at up to three points of each layer, one row a "
        "layer. This is a map, so a mode decays inside the unit circle (blue) and grows outside "
        "(red triangles), whatever the sign of its real part; rings have the time constants that "
        "they are labelled with, and beside the circle what is close to it, and what is crowded, "
        "is magnified.",
    ),
)
"""What draws each of the paper's figures, what it is called, and its caption."""

_NUMBERS = {
    1: ("1a", "1b", "1c", "5"),
    2: ("7", "8", "9", "10"),
    3: ("2", "3", "4", "6"),
    4: ("11", "12", "13", "14"),
}


def all_plans(network: NetworkAnalysis) -> tuple[FigurePlan, ...]:
    """Return the paper's figures, those of the linearization, of classes, and of modifiers."""
    own = plans(network.n_layers) + explanations(network)
    return own + tuple(class_figures(network)) + context_plans(network)


def draw_figures(
    network: NetworkAnalysis,
    directory: str | os.PathLike[str],
    formats: Sequence[str] = ("png", "svg"),
) -> dict[str, list[Path]]:
    """Draw all figures of a network into a folder, each file whole or not at all.

    Parameters
    ----------
    network
        The network's analyses.
    directory
        The folder, made if need be.
    formats
        Endings of the files to write.

    Returns
    -------
    dict
        The files of each figure, by its name.
    """
    files: dict[str, list[Path]] = {}
    for plan in all_plans(network):
        with style():
            figure = plan.draw(network)
            _lay_out(figure)
            files[plan.name] = [
                save_figure(figure, Path(directory) / f"figure-{plan.name}.{ending}")
                for ending in formats
            ]
    return files


def _lay_out(figure: Figure) -> None:
    """Lay a figure out once for all formats: each save would do so anew, and draw it for that."""
    engine = figure.get_layout_engine()
    if engine is not None:
        figure.set_dpi(DPI)
        engine.execute(figure)
        figure.set_layout_engine(None)  # none, where a user's rcParams ask for no other


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to `path`, whole or not at all, in the format of its suffix."""
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    content = io.BytesIO()  # in memory first: what draws does not tell why a disk takes no more
    figure.savefig(content, format=path.suffix[1:], dpi=DPI, metadata=metadata)
    write_bytes(path, content.getvalue())
    return path
