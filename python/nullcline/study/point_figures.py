"""The paper's figures of points: where they lie, and the eigenvalues at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from nullcline.plotting.modes import draw_eigenvalues, eigenvalue_marks
from nullcline.plotting.panels import legend_below
from nullcline.plotting.points import count_kinds, dot, draw_cloud, draw_points, speed_colours
from nullcline.plotting.theme import GREY, PANEL
from nullcline.study.layer_panels import (
    label_components,
    layer_projection,
    layer_title,
    panel_per_layer,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nullcline.study.results import NetworkAnalysis
    from nullcline.study.spectrum import Spectrum

SPECTRUM_WIDTH, SPECTRUM_HEIGHT = 1.5, 0.95
"""Of a panel with a spectrum and what is magnified beside it, in units of `PANEL`."""


def fixed_points(network: NetworkAnalysis) -> Figure:
    """Draw the distinct ends of the search over the visited states, one panel per layer."""
    figure, axes_of = panel_per_layer(network, height=1.1)
    slow = np.concatenate([layer.unique.q[layer.unique.kind == "slow"] for layer in network.layers])
    colours = speed_colours(slow)
    handles = {}
    for layer, axes in zip(network.layers, axes_of, strict=True):
        draw_cloud(axes, layer.sample_projection)
        for handle in draw_points(
            axes, layer.unique_projection, layer.unique, len(layer.points), colours, layer.stability
        ):
            handles[handle.get_label()] = handle
        label_components(axes, layer_projection(layer))
        axes.set_title(f"{layer_title(network, layer)}\n{count_kinds(layer.unique)}")
    if len(np.unique(slow)) > 1:
        bar = figure.colorbar(colours, ax=axes_of, shrink=0.85, pad=0.02)
        bar.set_label("speed q of slow points")
    marks = [handle for handle in handles.values() if handle.get_linestyle() == "None"]
    legend_below(figure, [*marks, dot(GREY, "visited state")])
    return figure


def eigenvalues(network: NetworkAnalysis) -> Figure:
    """Draw the spectra at up to three points of each layer, one row a layer."""
    rows = len(network.layers)
    columns = max([1, *(len(layer.spectra) for layer in network.layers)])
    figure = Figure(
        figsize=(
            PANEL * SPECTRUM_WIDTH * max(columns, 1.3), 0.5 + PANEL * SPECTRUM_HEIGHT * rows
        ),
        layout="constrained",
    )  # fmt: skip
    panels = figure.subplots(rows, columns, squeeze=False)
    for layer, row in zip(network.layers, panels, strict=True):
        for axes, spectrum in zip(row, layer.spectra, strict=False):
            _draw_spectrum(axes, spectrum, layer.layer)
        for axes in row[len(layer.spectra) :]:
            axes.set_axis_off()
        if not layer.spectra:
            row[0].set_title(f"layer {layer.layer}: no point")
    shown = [spectrum for layer in network.layers for spectrum in layer.spectra]
    legend_below(
        figure, eigenvalue_marks([s.eigenvalues for s in shown], [s.errors for s in shown])
    )
    return figure


def _draw_spectrum(axes: Axes, spectrum: Spectrum, layer: int) -> None:
    draw_eigenvalues(axes, spectrum.eigenvalues, spectrum.errors)
    speed = f", q = {spectrum.q:.1e}" if spectrum.kind == "slow" else ""
    axes.set_title(
        f"layer {layer}: {spectrum.kind} point, ‖h‖ = {spectrum.norm:.2f}{speed}\n"
        f"largest |λ| = {spectrum.spectral_radius:.4f}, τ = {spectrum.say_time_constant('steps')}; "
        f"{spectrum.n_unstable} outside the circle",
        fontsize=8,
    )
