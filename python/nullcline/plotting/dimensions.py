"""How many dimensions visited states fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from nullcline.linearization.dimensionality import participation_ratio_of_variances
from nullcline.plotting.panels import COLOURS, SHAPES, panels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

COMPONENTS_SHOWN = 30


def dimensionality(variances: Mapping[str, NDArray[np.floating[Any]]]) -> Figure:
    """Draw the spectra of variances of visited states, each with its participation ratio.

    Parameters
    ----------
    variances
        By name, such as a layer's, at most six: variances along the principal components, or the
        shares that they have, falling.
    """
    figure, (axes,) = panels(1, width=1.6)
    for (name, values), colour, shape in zip(variances.items(), COLOURS, SHAPES, strict=False):
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
