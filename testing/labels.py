"""How often a label is wrong: a campaign over random networks of every kind, size and gain.

``python -m testing.labels --networks 200 --seed 1`` prints counts as JSON. What judges is not what
labels: equations as PyTorch computes them, derivatives by its autograd, Newton's method from every
fixed end and L-BFGS-B (SciPy) from every minimum. In double precision every end is judged. In
single precision a fixed end counts as wrong where even double precision sees q above `tol_slow`.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.optimize import Bounds, minimize

import nullcline as nc
from testing.adversarial import cases
from testing.every_cell import KINDS, random_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from testing.every_cell import Network

    Array = NDArray[np.float64]

GAINS = (0.5, 1.0, 2.0, 4.0, 8.0)
METHODS = ("auto", "lm", "krylov", "newton")
NEAR = 1e-3
"""How far from a zero a fixed end may be, as points merge by default."""

ZERO = 1e-9
"""A residual that counts as zero: the sums of an LSTM whose c is in the hundreds round as much."""


def is_near_zero(network: Network, h: Array, x: Array) -> bool:
    """Whether Newton's method from outputs h stays near and ends in a zero to rounding."""
    at, inputs = torch.from_numpy(h.copy()), torch.from_numpy(x)
    for _ in range(8):
        f = network.reduced(at, inputs)
        if float(f.abs().max()) <= ZERO * max(1.0, float(at.abs().max())):
            return bool((at - torch.from_numpy(h)).abs().max() <= NEAR)
        jacobian = torch.func.jacrev(network.reduced)(at, inputs)
        step = torch.linalg.lstsq(jacobian, -f[:, None], driver="gelsd").solution[:, 0]
        at = at + step
    return False


def is_at_rest(network: Network, s: Array, x: Array) -> bool:
    """Whether an LSTM's c is what it is at rest, given h; other cells have none."""
    rest = network.equilibrium(torch.from_numpy(s[: network.size].copy()), torch.from_numpy(x))
    return bool(np.allclose(s, rest.numpy(), rtol=1e-2, atol=1e-2))


def falls_on(network: Network, cell: nc.cells.Cell, s: Array, x: Array) -> bool:
    """Whether L-BFGS-B takes q from a state to less than nine tenths of it."""
    inputs = torch.from_numpy(x)

    def q(state: torch.Tensor) -> torch.Tensor:
        return torch.mean((network.step(state, inputs) - state) ** 2)

    start = float(q(torch.from_numpy(s)))
    if start < 1e-28:  # rounding: L-BFGS-B would make nothing of it
        return False
    slope = torch.func.grad_and_value(lambda state: q(state) / start)

    def value_and_slope(state: Array) -> tuple[float, Array]:
        gradient, value = slope(torch.from_numpy(state))
        return float(value), gradient.numpy()

    box, infinite = cell.box_at(x), np.full(len(s) - network.size, np.inf)
    found: Any = minimize(
        value_and_slope,
        s,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(np.append(box.low, -infinite), np.append(box.high, infinite)),
        options={"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-12},
    )
    return bool(found.fun < 0.9)


def judge_network(network: Network, method: str, n_starts: int, seed: int) -> Counter[str]:
    """Count labels of a network's ends, and wrong ones."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-1, 1, (n_starts, network.state_size))
    x = rng.normal(size=network.input_size)
    cell = network.cell()
    points = nc.find_fixed_points(cell, starts, x, method=method, n_threads=1)
    counts = Counter(f"float64 {kind}" for kind in points.kind.tolist())
    for s, kind in zip(points.h, points.kind, strict=True):
        if kind == "fixed":
            right = is_near_zero(network, s[: network.size], x) and is_at_rest(network, s, x)
            counts["float64 false fixed"] += not right
        elif kind in {"slow", "minimum"}:
            counts["float64 false minimum"] += falls_on(network, cell, s, x)
    single = network.cell(np.float32)
    found = nc.find_fixed_points(
        single, starts.astype(np.float32), x.astype(np.float32), method=method, n_threads=1
    )
    counts.update(f"float32 {kind}" for kind in found.kind.tolist())
    fixed = found.select("fixed").h.astype(np.float64)
    counts["float32 false fixed"] += int(np.sum(cell.speed(fixed, x) > 1e-6))
    return counts


def judge_cases() -> Counter[str]:
    """Count labels, and wrong ones, of the networks whose points are known."""
    counts: Counter[str] = Counter()
    for case in cases():
        for method in METHODS:
            points = nc.find_fixed_points(case.cell, case.starts, method=method)
            counts.update(f"known {kind}" for kind in points.kind.tolist())
            far = case.distance(case.cell.outputs_of(points.h)) > NEAR
            counts["known false fixed"] += int(np.sum(far & (points.kind == "fixed")))
            counts["known false minimum"] += int(np.isin(points.kind, ("slow", "minimum")).sum())
    return counts


def campaign(n_networks: int, seed: int, n_starts: int = 6) -> dict[str, int]:
    """Return how many ends have which label, and how many of them are wrong."""
    rng = np.random.default_rng(seed)
    counts = judge_cases()
    for i in range(n_networks):
        kind, size = KINDS[i % len(KINDS)], int(rng.integers(1, 17))
        network = random_network(kind, size, 2, float(rng.choice(GAINS)), int(rng.integers(2**31)))
        method = METHODS[int(rng.integers(len(METHODS)))]
        counts.update(judge_network(network, method, n_starts, int(rng.integers(2**31))))
        counts["networks"] += 1
    return dict(sorted(counts.items()))


def main() -> None:
    """Run the campaign that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(campaign(options.networks, options.seed), indent=1))  # noqa: T201


if __name__ == "__main__":
    main()
