"""SciPy's `root` on F(h) - h with our Jacobian, one start at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import root

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.networks import Network


def hybrid(
    network: Network, starts: NDArray[np.float64], max_iterations: int = 1000
) -> NDArray[np.float64]:
    """Powell's hybrid method (MINPACK's hybrj); an iteration is an evaluation of F here."""
    cell, identity = network.cell, np.eye(network.hidden_size)

    def residual(h: NDArray[np.float64]) -> Any:
        return (cell.step(h[None]) - h)[0]

    def jacobian(h: NDArray[np.float64]) -> Any:
        return cell.jacobian(h[None])[0] - identity

    solve: Any = root  # its stubs list a type for every method
    options = {"maxfev": max_iterations}
    ends = [
        solve(residual, start, jac=jacobian, method="hybr", options=options).x for start in starts
    ]
    return np.array(ends)
