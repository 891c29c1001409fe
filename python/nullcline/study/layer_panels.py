"""What the paper's figures of layers share: one panel per layer, its title, its axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.plotting.panels import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def label_components(axes: Axes, layer: LayerAnalysis) -> None:
    """Say how much of the variance each of the first two components has."""
    first, second = 100 * layer.explained_variance_ratio[[0, min(1, layer.mean.size - 1)]]
    axes.set_xlabel(f"component 1 ({first:.0f}% of variance)")
    axes.set_ylabel(f"component 2 ({second:.0f}%)")
