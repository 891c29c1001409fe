"""What the paper's figures of layers share: one panel per layer, its title, its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.plotting.panels import panels
from nullcline.plotting.projection import Projection

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from nullcline.study.layer_results import LayerAnalysis
    from nullcline.study.results import NetworkAnalysis


def panel_per_layer(network: NetworkAnalysis, height: float = 1.0) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel per layer, side by side; a single one is wide."""
    columns = len(network.layers)
    return panels(columns, width=1.0 if columns > 1 else 1.75, height=height)


def layer_title(network: NetworkAnalysis, layer: LayerAnalysis) -> str:
    """Return what stands above a layer's panel."""
    if network.n_layers == 1:
        return "1-layer network"
    return f"layer {layer.layer} of {network.n_layers}"


def layer_projection(layer: LayerAnalysis) -> Projection:
    """Return the layer's first two components, of all states, as a plane to draw in."""
    return Projection(
        axes=layer.components,
        centre=layer.mean,
        names=("component 1", "component 2"),
        shares=np.pad(layer.explained_variance_ratio[:2], (0, max(0, 2 - layer.mean.size))),
        basis=layer.components,
    )


def label_components(axes: Axes, projection: Projection) -> None:
    """Say how much of the variance each component has."""
    first, second = projection.labels
    axes.set_xlabel(first)
    axes.set_ylabel(second)


def named_lines(axes: Axes) -> list[Line2D]:
    """Return the lines of a panel that a legend is to name."""
    return [line for line in axes.lines if not str(line.get_label()).startswith("_")]
