"""What a table of networks says of where the classes lie in a layer: its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nullcline.study.layer_results import LayerAnalysis

GEOMETRY = "geometry: "
"""What the columns begin with."""


def geometry_of(layer: LayerAnalysis) -> dict[str, Any]:
    """Return a layer's columns; all None where nothing was measured.

    "final", "settled" and "points" are dimensions of the states after whole reviews, of these after
    ten more steps without a word, and of the fixed and slow points, each by several estimators
    (`nullcline.intrinsic_dimension`). "unstable modes" says how many fixed points have none that
    grows, one, two, and so on.
    """
    found = layer.classes
    numbers: dict[str, Any] = dict.fromkeys(_COLUMNS)
    if found is not None:
        geometry, decay = found.geometry, found.decay
        for name in ("final", "settled", "points"):
            dimension = getattr(found, name)
            if dimension is not None:
                numbers |= {f"{name} {what}": getattr(dimension, what) for what in _ESTIMATORS}
        numbers |= {
            "slow modes": found.slow,
            "modes before the gap": found.gap,
            "time constants": found.time_constants.tolist(),
            "left along": decay and decay.along[-1],
            "left across": decay and decay.across[-1],
            "regularity": geometry.regularity,
            "separation": geometry.separation,
            "vertex dimension": geometry.dimension(),
            "ordering": geometry.ordering,
            "ring ordering": geometry.ring_ordering,
            "straightness": geometry.straightness,
            "turns": geometry.turns.tolist(),
            "readout angles": None
            if found.readout_angles is None
            else found.readout_angles.tolist(),
            "unstable modes": found.unstable_counts(layer.unique.kind == "fixed"),
        }
    return {f"{GEOMETRY}{name}": value for name, value in numbers.items()}


_ESTIMATORS = ("components", "participation_ratio", "local", "two_nn")
_COLUMNS = (
    *(f"{name} {what}" for name in ("final", "settled", "points") for what in _ESTIMATORS),
    "slow modes", "modes before the gap", "time constants", "left along", "left across",
    "regularity", "separation", "vertex dimension", "ordering", "ring ordering", "straightness",
    "turns", "readout angles", "unstable modes",
)  # fmt: skip
