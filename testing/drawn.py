"""What pictures hold, read from their axes, and networks whose picture is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def two_bits(dt: float | None = None) -> nc.LeakyRNN:
    """Return two units that do not see each other, with three rests each.

    Of their nine fixed points four are stable, four are saddles, each unstable along one unit, and
    one, at zero, is a repeller.
    """
    leak: dict[str, Any] = {"alpha": 0.5} if dt is None else {"dt": dt, "tau": 2 * dt}
    return nc.LeakyRNN(np.eye(2), np.diag([2.0, 3.0]), np.zeros(2), **leak)


def points_of(cell: nc.LeakyRNN) -> nc.FixedPoints:
    """Return the nine points of `two_bits`."""
    grid = np.stack(np.meshgrid([-0.9, 0.0, 0.9], [-0.9, 0.0, 0.9]), axis=-1).reshape(-1, 2)
    return nc.find_fixed_points(cell, grid).unique()


def some_points(h: Array, kinds: list[str], **columns: Any) -> nc.FixedPoints:
    """Return points of these kinds, made by hand."""
    n = len(h)
    return nc.FixedPoints(
        **{
            "h": h,
            "q": np.geomspace(1e-9, 1e-7, n) if n else np.zeros(0),
            "kind": np.array(kinds, "U11"),
            "reason": np.full(n, "made by hand"),
            "iterations": np.ones(n, np.int32),
            "starts": h,
            "inputs": None,
            "tol_unique": 1e-3,
            "count": np.ones(n, np.int64),
            **columns,
        }
    )


def places(ax: Axes, label: str) -> Array:
    """Return where marks of a label are, (n, 2) or (n, 3)."""
    found = [artist for artist in ax.collections if artist.get_label() == label]
    if not found:
        return np.zeros((0, 3 if ax.name == "3d" else 2))
    (marks,) = found
    if ax.name == "3d":
        return np.column_stack([np.asarray(part) for part in marks._offsets3d])  # type: ignore[attr-defined]
    return np.asarray(marks.get_offsets())


def faces(ax: Axes, label: str) -> Array:
    """Return the colours of marks of a label, (n, 4) or (1, 4)."""
    (marks,) = [artist for artist in ax.collections if artist.get_label() == label]
    return np.asarray(marks.get_facecolor())


def segments(ax: Axes, label: str) -> Array:
    """Return the straight lines of a label, (m, 2, 2) or (m, 2, 3)."""
    (lines,) = [artist for artist in ax.collections if artist.get_label() == label]
    if ax.name == "3d":
        return np.array(lines._segments3d)  # type: ignore[attr-defined]
    return np.array(lines.get_segments())  # type: ignore[attr-defined]


def legend(ax: Axes) -> list[str]:
    """Return what the legend says."""
    found = ax.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def cloud(ax: Axes) -> Array:
    """Return the first cloud of states that was drawn."""
    return np.asarray(ax.collections[0].get_offsets())


def rendered(ax: Axes) -> Figure:
    """Render the whole figure, as saving it would, and return it."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    return figure
