"""What researchers run today: Adam on the speed, by PyTorch's autograd or FixedPointFinder."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE_FPF = 1e-12
"""FixedPointFinder's default `tol_q`, on half the *sum* of squares."""

MAX_ITERATIONS = 5000
"""FixedPointFinder's default `max_iters`."""


def tolerance(hidden_size: int) -> float:
    """Return `TOLERANCE_FPF` as a bound on the mean of squares, the paper's `q`."""
    return 2 * TOLERANCE_FPF / hidden_size


@dataclass(frozen=True)
class Descent:
    """Where a descent of the speed ended: states (n, H), their `q` (n,), and the iterations."""

    h: NDArray[np.float32]
    q: NDArray[np.float64]
    iterations: int


def adam_batched(
    cell: torch.nn.GRUCell, starts: NDArray[np.float32], learning_rate: float = 1e-2
) -> Descent:
    """Descend all starts together until every one is below the tolerance, as a batch.

    The learning rate falls by a cosine to a hundredth over the allowed iterations: a constant one
    keeps Adam rattling around the minimum in float32, far above the tolerance.
    """
    h = torch.tensor(starts, requires_grad=True)
    inputs = torch.zeros(len(starts), cell.input_size)
    optimizer = torch.optim.Adam([h], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, MAX_ITERATIONS, eta_min=learning_rate / 100
    )
    bound = tolerance(cell.hidden_size)
    for parameter in cell.parameters():
        parameter.requires_grad_(False)
    for iteration in range(MAX_ITERATIONS + 1):
        q = ((cell(inputs, h) - h) ** 2).mean(dim=1)
        if iteration == MAX_ITERATIONS or float(q.detach().max()) < bound:
            break
        optimizer.zero_grad()
        q.sum().backward()
        optimizer.step()
        schedule.step()
    return Descent(h.detach().numpy(), q.detach().double().numpy(), iteration)


def adam_one_by_one(cell: torch.nn.GRUCell, starts: NDArray[np.float32]) -> Descent:
    """Descend the starts one after the other, each to its own end, as the paper did."""
    ends = [adam_batched(cell, start[None]) for start in starts]
    return Descent(
        np.concatenate([end.h for end in ends]),
        np.concatenate([end.q for end in ends]),
        max(end.iterations for end in ends),
    )


FIXED_POINT_FINDER = os.environ.get("FIXED_POINT_FINDER")
"""Folder of a clone of github.com/mattgolub/fixed-point-finder, which is on no registry."""


def fixed_point_finder(
    cell: torch.nn.GRUCell, starts: NDArray[np.float32], learning_rate: float = 1.0
) -> Descent:
    """Run FixedPointFinder's joint search as it comes, without the Jacobians at the ends."""
    if FIXED_POINT_FINDER not in sys.path:
        sys.path.insert(0, str(FIXED_POINT_FINDER))
    finder = importlib.import_module("FixedPointFinderTorch").FixedPointFinderTorch
    rnn = torch.nn.GRU(cell.input_size, cell.hidden_size, batch_first=True)
    rnn.load_state_dict({f"{name}_l0": value for name, value in cell.state_dict().items()})
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, of torch's later versions
        _, ends = finder(
            rnn,
            lr_init=learning_rate,
            do_compute_jacobians=False,
            do_decompose_jacobians=False,
            verbose=False,
            super_verbose=False,
        ).find_fixed_points(  # which descends in the memory of what it is given
            starts.copy(), np.zeros((1, cell.input_size), np.float32)
        )
    q = 2 * ends.qstar.astype(np.float64) / cell.hidden_size
    return Descent(ends.xstar, q, int(ends.n_iters.max()))
