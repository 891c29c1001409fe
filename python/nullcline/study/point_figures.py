"""The paper's figures of points: where they lie, and the eigenvalues at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nullcline.plotting.modes import draw_eigenvalues, eigenvalue_marks
from nullcline.plotting.panels import legend_below
from nullcline.plotting.points import (
    count_kinds,
    draw_cloud,
    draw_points,
    point_marks,
    speed_colours,
)
from nullcline.plotting.theme import PANEL
from nullcline.study.layer_panels import label_components, layer_title, panel_per_layer

if TYPE_CHECKING:
    from nullcline.study.results import NetworkAnalysis

SPECTRA_PER_ROW = 3


def fixed_points(network: NetworkAnalysis) -> Figure:
    """Draw the distinct ends of the search over the visited states, one panel per layer."""
    figure, axes_of = panel_per_layer(network, height=1.1)
    slow = np.concatenate([layer.unique.q[layer.unique.kind == "slow"] for layer in network.layers])
    colours = speed_colours(slow)
    for layer, axes in zip(network.layers, axes_of, strict=True):
        draw_cloud(axes, layer.sample_projection)
        draw_points(axes, layer.unique_projection, layer.unique, len(layer.points), colours)
        label_components(axes, layer)
        axes.set_title(f"{layer_title(network, layer)}\n{count_kinds(layer.unique)}")
    if len(slow):
        bar = figure.colorbar(colours, ax=axes_of, shrink=0.85, pad=0.02)
        bar.set_label("speed q of slow points")
    found = {kind for layer in network.layers for kind in layer.unique.kind.tolist()}
    legend_below(figure, point_marks(found))
    return figure


def eigenvalues(network: NetworkAnalysis) -> Figure:
    """Draw the spectra at up to three points of each layer, layer after layer, in rows of three."""
    shown = [(layer, spectrum) for layer in network.layers for spectrum in layer.spectra]
    columns = min(max(len(shown), 1), SPECTRA_PER_ROW)
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(
        figsize=(PANEL * max(columns, 1.5), 0.4 + PANEL * 1.15 * rows), layout="constrained"
    )
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (layer, spectrum) in zip(panels, shown, strict=False):
        draw_eigenvalues(axes, spectrum.eigenvalues)
        axes.set_title(
            f"layer {layer.layer}: {spectrum.kind}, q = {spectrum.q:.1e}, "
            f"‖h‖ = {spectrum.norm:.2f}\n"
            f"slowest |λ| = {spectrum.spectral_radius:.4f}, "
            f"{spectrum.n_unstable} outside the circle",
            fontsize=8,
        )
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    legend_below(figure, eigenvalue_marks())
    return figure
