"""The paper's figures, named by its numbers, from the analyses of a network."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from nullcline._support.files import write_bytes
from nullcline.plotting.theme import DPI, style
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
    drawings = (
        (
            explained_variance,
            "Cumulative explained variance of the visited states, for the "
            "trained network and for the same network before training.",
        ),
        (
            projections,
            "Visited states on their first two principal components, coloured by the label of "
            "their review, with the two example reviews walked through them.",
        ),
        (
            fixed_points,
            "The distinct ends of a search from visited states, over the visited states (grey): "
            "circles are fixed points (zero to rounding), diamonds slow points (local minima of "
            "the speed q, its value in colour); size grows with the number of starts that ended "
            "there.",
        ),
        (
            eigenvalues,
            "Eigenvalues of the recurrent Jacobian at up to three points of each layer, with the "
            "unit circle: this is a map, so a mode is stable inside the circle, whatever the sign "
            "of its real part.",
        ),
    )
    return tuple(
        FigurePlan(name, draw, caption)
        for name, (draw, caption) in zip(names, drawings, strict=True)
    )


_NUMBERS = {
    1: ("1a", "1b", "1c", "5"),
    2: ("7", "8", "9", "10"),
    3: ("2", "3", "4", "6"),
    4: ("11", "12", "13", "14"),
}


def all_plans(network: NetworkAnalysis) -> tuple[FigurePlan, ...]:
    """Return the paper's figures of a network, and those of what its linearization explains."""
    return plans(network.n_layers) + explanations(network)


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
            files[plan.name] = [
                save_figure(figure, Path(directory) / f"figure-{plan.name}.{ending}")
                for ending in formats
            ]
    return files


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to `path`, whole or not at all, in the format of its suffix."""
    metadata = {"Date": None} if path.suffix == ".svg" else {}
    content = io.BytesIO()  # in memory first: what draws does not tell why a disk takes no more
    figure.savefig(content, format=path.suffix[1:], dpi=DPI, metadata=metadata)
    write_bytes(path, content.getvalue())
    return path
