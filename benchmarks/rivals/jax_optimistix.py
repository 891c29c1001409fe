"""Optimistix's solvers on F(h) - h under jit(vmap), float64; compiled ahead of any timing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import optimistix as optx
from jax import numpy as jnp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.networks import Network

jax.config.update("jax_enable_x64", True)


@cache
def _compiled(solver_name: str, max_iterations: int) -> Callable[..., Any]:
    def residual(h: Any, weights: Any) -> Any:
        weight_hh, inner, outer = weights
        recurrent = weight_hh @ h + inner
        in_r, in_z, in_n = jnp.split(outer, 3)
        re_r, re_z, re_n = jnp.split(recurrent, 3)
        n = jnp.tanh(in_n + jax.nn.sigmoid(in_r + re_r) * re_n)
        return (1 - jax.nn.sigmoid(in_z + re_z)) * (n - h)

    tolerances = {"rtol": 1e-10, "atol": 1e-12}
    find, solver = {
        "newton": (optx.root_find, optx.Newton(**tolerances)),
        "lm": (optx.least_squares, optx.LevenbergMarquardt(**tolerances)),
    }[solver_name]

    def solve(start: Any, weights: Any) -> Any:
        options = {"args": weights, "max_steps": max_iterations, "throw": False}
        return find(residual, solver, start, **options).value

    compiled: Callable[..., Any] = jax.jit(jax.vmap(solve, in_axes=(0, None)))
    return compiled


def _solve(
    solver: str, network: Network, starts: NDArray[np.float64], max_iterations: int
) -> NDArray[np.float64]:
    weights = (network.weight_hh, network.bias_hh, network.bias_ih)
    return np.asarray(_compiled(solver, max_iterations)(starts, weights))


def levenberg_marquardt(
    network: Network, starts: NDArray[np.float64], max_iterations: int = 256
) -> NDArray[np.float64]:
    return _solve("lm", network, starts, max_iterations)


def newton(
    network: Network, starts: NDArray[np.float64], max_iterations: int = 256
) -> NDArray[np.float64]:
    return _solve("newton", network, starts, max_iterations)
