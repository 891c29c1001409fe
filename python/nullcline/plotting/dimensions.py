"""How many dimensions visited states fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nullcline.linearization.dimensionality import participation_ratio_of_variances
from nullcline.plotting.panels import COLOURS, SHAPES, axes_or_new

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

COMPONENTS_SHOWN = 30


def dimensionality(
    variances: Mapping[str, NDArray[np.floating[Any]]], *, ax: Axes | None = None
) -> Axes:
    """Draw how much of the variance of visited states their first components have together.

    Parameters
    ----------
    variances
        By name, such as a layer's, at most six: variances along the principal components, or the
        shares that they have, falling.
    ax
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = axes_or_new(ax)
    for (name, values), colour, shape in zip(variances.items(), COLOURS, SHAPES, strict=False):
        ratio = participation_ratio_of_variances(values)
        draw_cumulative(
            ax, values / np.sum(values), f"{name}: participation ratio {ratio:.2f}", colour, shape
        )
        ax.axvline(ratio, color=colour, lw=1, ls="--")
    ax.set_xlabel("number of principal components (dashed: participation ratio)")
    ax.set_title("How many dimensions the states fill")
    ax.legend(loc="lower right")
    return ax


def draw_cumulative(
    ax: Axes, shares: NDArray[np.floating[Any]], name: str, colour: str, shape: str
) -> None:
    """Draw the share of the variance that the first components have together, from 0 to 100%."""
    shown = np.cumsum(shares)[:COMPONENTS_SHOWN]
    ax.plot(np.arange(1, len(shown) + 1), shown, marker=shape, ms=3, color=colour, label=name)
    ax.set_ylim(0, 1.02)
    ax.set_xlim(left=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel("cumulative share of the variance")
