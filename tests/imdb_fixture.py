"""The networks trained on IMDB that tests and benchmarks search."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.numpy import load_file

import nullcline as nc

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "fixtures"


@dataclass(frozen=True)
class TrainedLayer:
    """One layer of a trained network, with test-set states to start from.

    Parameters
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh
        PyTorch's layout, float32.
    starts
        Visited states, shape (500, 256), float32.
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


def trained_layer(n_layers: int, layer: int) -> TrainedLayer:
    """Return layer `layer` (from 1) of the IMDB network with `n_layers` layers (1 or 3)."""
    arrays = load_file(FOLDER / f"imdb-{n_layers}-layer.safetensors")
    suffix = f"_l{layer - 1}"
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "starts")
    return TrainedLayer(**{name: arrays[name + suffix] for name in names})
