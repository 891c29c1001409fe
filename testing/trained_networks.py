"""The trained networks that tests and benchmarks search (`cut_fixture` made them)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.numpy import load_file

import nullcline as nc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent.parent / "tests" / "fixtures"

LAYERS = [
    ("imdb-1-layer", 1),
    ("imdb-3-layer", 1),
    ("imdb-3-layer", 2),
    ("imdb-3-layer", 3),
    ("imdb-64-units", 1),
    ("synthetic-1-layer", 1),
]
"""Every layer that there is: the fixture's name and its number."""


@dataclass(frozen=True)
class TrainedLayer:
    """One layer of a trained network, with test-set states to start from.

    Parameters
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh
        PyTorch's layout, float32.
    starts
        Visited states, shape (500, H), float32.
    """

    weight_ih: NDArray[np.float32]
    weight_hh: NDArray[np.float32]
    bias_ih: NDArray[np.float32]
    bias_hh: NDArray[np.float32]
    starts: NDArray[np.float32]

    def cell(self) -> nc.GRU:
        """Return the layer as a float64 cell."""
        arrays = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return nc.GRU(*(array.astype("float64") for array in arrays))


def trained_layer(name: str, layer: int = 1) -> TrainedLayer:
    """Return layer `layer` (from 1) of the network in the fixture of this name.

    "imdb-1-layer", "imdb-3-layer" and "synthetic-1-layer" have 256 units a layer, "imdb-64-units"
    has one layer of 64.
    """
    arrays = load_file(FOLDER / f"{name}.safetensors")
    suffix = f"_l{layer - 1}"
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "starts")
    return TrainedLayer(**{name: arrays[name + suffix] for name in names})
