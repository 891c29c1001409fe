"""Short searches through every solver, on the processor's threads and on the emulated GPU.

`python -m benchmarks.short_searches` runs them, for sanitizers to watch.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

import nullcline as nc
from nullcline._native import _emulated_gpu
from nullcline.gpu import availability
from nullcline.search.problem import METHODS


def cells(dtype: Any, size: int = 12, n_inputs: int = 3) -> list[Any]:
    """Return a cell with a gated block, one with two parts, one of rates and a plain one."""
    rng = np.random.default_rng(0)

    def weights(blocks: int) -> list[Any]:
        shapes = (blocks * size, n_inputs), (blocks * size, size)
        return [rng.normal(size=shape).astype(dtype) / 2 for shape in shapes]

    leaky = nc.LeakyRNN(*weights(1), alpha=0.4)
    return [nc.GRU(*weights(3)), nc.OriginalGRU(*weights(3)), nc.LSTM(*weights(4)), leaky]


if __name__ == "__main__":
    availability.gpu_module = lambda: _emulated_gpu
    for dtype, method, device in product((np.float64, np.float32), METHODS, ("cpu", "cuda")):
        for cell in cells(dtype):
            starts = np.random.default_rng(1).uniform(-1, 1, (100, cell.state_size)).astype(dtype)
            points = nc.find_fixed_points(
                cell, starts, method=method, max_iterations=15, device=device, n_threads=3
            )
            print(type(cell).__name__, method, device, points)
