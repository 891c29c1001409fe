"""Adam on the speed, by PyTorch's autograd or by FixedPointFinder."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.networks import Network

TOLERANCE = 1e-12
"""FixedPointFinder's default `tol_q`, on half the *sum* of squares."""

MAX_ITERATIONS = 5000
"""FixedPointFinder's default `max_iters`."""

FIXED_POINT_FINDER = os.environ.get("FIXED_POINT_FINDER")
"""Folder of a clone of github.com/mattgolub/fixed-point-finder, which is on no registry."""


def adam(
    network: Network,
    starts: NDArray[np.float64],
    max_iterations: int = MAX_ITERATIONS,
    learning_rate: float = 1e-2,
) -> NDArray[np.float32]:
    """Descend all starts together until every one is below the tolerance.

    The learning rate falls by a cosine to a hundredth over the allowed iterations: a constant one
    keeps Adam rattling around the minimum in float32, far above the tolerance.
    """
    cell = network.torch_cell(torch.float32)
    h = torch.tensor(starts, dtype=torch.float32, requires_grad=True)
    inputs = torch.zeros(len(starts), cell.input_size)
    optimizer = torch.optim.Adam([h], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, max_iterations, eta_min=learning_rate / 100
    )
    for _ in range(max_iterations):
        sums = ((cell(inputs, h) - h) ** 2).sum(dim=1)
        if float(sums.detach().max()) / 2 < TOLERANCE:
            break
        optimizer.zero_grad()
        (sums / cell.hidden_size).sum().backward()
        optimizer.step()
        schedule.step()
    return h.detach().numpy()


def adam_one_by_one(
    network: Network, starts: NDArray[np.float64], max_iterations: int = MAX_ITERATIONS
) -> NDArray[np.float32]:
    """Descend the starts one after the other, each to its own end, as the paper did."""
    return np.concatenate([adam(network, start[None], max_iterations) for start in starts])


def fixed_point_finder(
    network: Network,
    starts: NDArray[np.float64],
    max_iterations: int = MAX_ITERATIONS,
    learning_rate: float = 1.0,
) -> NDArray[np.float32]:
    """Run FixedPointFinder's joint search as it comes, without the Jacobians at the ends."""
    cell = network.torch_cell(torch.float32)
    rnn = torch.nn.GRU(network.input_size, network.hidden_size, batch_first=True)
    rnn.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    ends = find_with_finder(rnn, starts, network.input_size, max_iterations, learning_rate)
    return np.asarray(ends.xstar)


def find_with_finder(
    rnn: torch.nn.Module,
    starts: NDArray[np.float64],
    input_size: int,
    max_iterations: int = MAX_ITERATIONS,
    learning_rate: float = 1.0,
) -> Any:
    """Run FixedPointFinder on any module that it takes, and return its ends."""
    if FIXED_POINT_FINDER not in sys.path:
        sys.path.insert(0, str(FIXED_POINT_FINDER))
    finder = importlib.import_module("FixedPointFinderTorch").FixedPointFinderTorch
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of torch's later versions
        _, ends = finder(
            rnn,
            lr_init=learning_rate,
            max_iters=max_iterations,
            do_compute_jacobians=False,
            do_decompose_jacobians=False,
            verbose=False,
            super_verbose=False,
        ).find_fixed_points(  # which descends in the memory of what it is given
            starts.astype(np.float32), np.zeros((1, input_size), np.float32)
        )
    return ends
