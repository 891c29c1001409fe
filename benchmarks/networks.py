"""The networks that are measured: trained ones, and trained ones made wider."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

import nullcline as nc
from testing.trained_networks import trained_layer

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

NAMES = ("imdb-1-layer", "synthetic-1-layer")
"""The networks of the study: one with a line attractor's ghost, and an easy one."""

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True)
class Network:
    """A network as every contestant may want it, and where searches start.

    Parameters
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh
        PyTorch's layout, float64.
    starts
        Visited states, shape (n, H), float64.
    """

    weight_ih: NDArray[np.float64]
    weight_hh: NDArray[np.float64]
    bias_ih: NDArray[np.float64]
    bias_hh: NDArray[np.float64]
    starts: NDArray[np.float64]

    @property
    def hidden_size(self) -> int:
        return int(self.weight_hh.shape[1])

    @property
    def input_size(self) -> int:
        return int(self.weight_ih.shape[1])

    @cached_property
    def cell(self) -> nc.GRU:
        """The network as we take it."""
        return nc.GRU(*(getattr(self, name) for name in WEIGHTS))

    def torch_cell(self, dtype: torch.dtype) -> torch.nn.GRUCell:
        """Return the network as PyTorch holds it."""
        import torch

        cell = torch.nn.GRUCell(self.input_size, self.hidden_size, dtype=dtype)
        cell.load_state_dict(
            {name: torch.from_numpy(getattr(self, name)).to(dtype) for name in WEIGHTS}
        )
        return cell.requires_grad_(requires_grad=False)


def trained(name: str) -> Network:
    """Return a network of the fixtures with its 500 starts."""
    layer = trained_layer(name)
    arrays = {key: getattr(layer, key).astype(np.float64) for key in (*WEIGHTS, "starts")}
    arrays["starts"].flags.writeable = False  # all contestants start alike
    return Network(**arrays)


def widened(name: str, hidden_size: int, n_starts: int, seed: int = 0) -> Network:
    """Return a network like a trained one, with more units.

    Every unit is replaced by copies, which share its incoming weights between them, so that what
    the network has learned, its slow modes among them, is there at every size. The copies are then
    set apart by weights as PyTorch draws them at first, uniform in ±1/√H: trained weights are what
    was learned plus what was there before.

    Parameters
    ----------
    name
        The fixture.
    hidden_size
        A multiple of the fixture's; equal to it, nothing is added.
    n_starts
        How many of the fixture's starts to keep.
    seed
        Of the weights that set the copies apart.
    """
    base = trained(name)
    copies, rest = divmod(hidden_size, base.hidden_size)
    if rest or copies < 1:
        raise ValueError(f"hidden_size must be a multiple of {base.hidden_size}, not {hidden_size}")

    def repeated(array: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(array, copies, axis=0)  # by rows: gates stay blocks of H

    weight_hh = repeated(np.repeat(base.weight_hh / copies, copies, axis=1))
    if copies > 1:
        bound = 1 / np.sqrt(hidden_size)
        weight_hh += np.random.default_rng(seed).uniform(-bound, bound, weight_hh.shape)
    return Network(
        repeated(base.weight_ih),
        weight_hh,
        repeated(base.bias_ih),
        repeated(base.bias_hh),
        np.repeat(base.starts[:n_starts], copies, axis=1),
    )
