"""Whether a homotopy of full rank would gain by products alone: GMRES against the bordered LU.

`OPENBLAS_NUM_THREADS=1 python -m benchmarks.homotopy_products` follows the path of one start of a
random tanh network, and solves the bordered equations of every tenth point both ways, without a
preconditioner, to 1e-8. It prints products with the weights, and how many of them an LU is worth in
the processor's time; what GMRES takes beside its products is not counted.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import LinearOperator, gmres

import nullcline as nc
from testing.homotopy_reference import Path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

NETWORKS = ((256, 2.0), (512, 2.0), (1024, 2.0), (2048, 2.0))
"""Units, and the gain of the recurrent weights."""

EVERY = 10
TOLERANCE = 1e-8
REPEATS = 20
MOST = 400
"""Vectors that GMRES keeps."""


def measure(size: int, gain: float) -> str:
    """Return what both take at the points of one path."""
    rng = np.random.default_rng(0)
    weights = gain * rng.normal(size=(size, size)) / np.sqrt(size)
    cell = nc.RNN(np.zeros((size, 1)), weights)
    path = Path(cell, rng.uniform(-0.9, 0.9, size))
    points = list(path.points(longest=2.0, turn=0.9))
    dense, single, counts = [], [], []
    for point in points[::EVERY]:
        derivative = path.equations(point)[1]
        border = rng.normal(size=size + 1)
        matrix = np.vstack([derivative, border / np.linalg.norm(border)])
        right = np.append(np.zeros(size), 1.0)
        begin = time.process_time()
        scipy.linalg.lu_solve(scipy.linalg.lu_factor(matrix), right)
        middle = time.process_time()
        for _ in range(REPEATS):
            weights @ right[:-1]
        dense.append(middle - begin)
        single.append((time.process_time() - middle) / REPEATS)
        counts.append(_products(weights, matrix, point, right))
    lu, product = np.median(dense), np.median(single)
    return (
        f"H = {size}, gain {gain}: {len(points)} points; an LU takes {1e3 * lu:.1f} ms, which is "
        f"{lu / product:.0f} products; GMRES takes {min(counts)} to {max(counts)} products, "
        f"median {np.median(counts):.0f}"
    )


def _products(weights: Array, matrix: Array, point: Array, right: Array) -> int:
    """Solve by products with the weights, and return how many it took."""
    h, share = point[:-1], point[-1]
    slope = 1 - np.tanh(weights @ h) ** 2
    column, border = matrix[:-1, -1].copy(), matrix[-1].copy()
    count = 0

    def times(v: Array) -> Array:
        nonlocal count
        count += 1
        top = v[:-1] - share * slope * (weights @ v[:-1]) + column * v[-1]
        return np.append(top, border @ v)

    operator = LinearOperator(matrix.shape, matvec=times, dtype=np.float64)
    gmres(operator, right, rtol=TOLERANCE, restart=MOST, maxiter=1)
    return count


def main() -> None:
    """Measure every network."""
    for size, gain in NETWORKS:
        print(measure(size, gain), flush=True)


if __name__ == "__main__":
    main()
