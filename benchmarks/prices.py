"""What the solvers' cost models rest on: prices of steps, directions and products on one core.

``python -m benchmarks.prices`` prints, for random GRUs of several sizes, how long a step by dense
factors takes (a search by `lm`, over its iterations), how long a direction of a subspace (one by
`krylov`, which multiplies twice for each), and how many directions one step buys; then the rates of
products of one tile of states with the weights. Times are the processor's, on one thread: set
OMP_NUM_THREADS=1 and leave the machine alone. `Tuning::affordable_share` (solvers/tuning.hpp) and
`Costs::host_multiplication` (gpu/problem.hpp) are these numbers, rounded.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.members import random_member

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.members import Member

SIZES = (32, 64, 128, 256)
GAIN = 3.0
"""Neither so small that little but the set-up is timed, nor so large that steps are rejected."""
ITERATIONS = 10
ROUNDS = 3
TILE = 128
"""States that are multiplied at once."""


def seconds(work: Callable[[], Any]) -> float:
    """Return the median of the processor's time that some work takes, after warming up."""
    work()
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


def searches(member: Member) -> tuple[float, float]:
    """Return the seconds of a step by factors and of a direction."""
    compiled, starts = member.cell().compiled, member.starts

    def search(method: str) -> Any:
        return compiled.search(starts, method=method, max_iterations=ITERATIONS, n_threads=1)

    steps = int(search("lm").iterations.sum())
    directions = search("krylov").n_products / 2
    step = seconds(lambda: search("lm")) / steps
    return step, seconds(lambda: search("krylov")) / directions


def rate(size: int, dtype: Any) -> float:
    """Return multiplications, each with its addition, a second of a tile's product with weights."""
    rng = np.random.default_rng(0)
    states = rng.normal(size=(TILE, size)).astype(dtype)
    weights = rng.normal(size=(size, 3 * size)).astype(dtype)
    return 20 * TILE * weights.size / seconds(lambda: [states @ weights for _ in range(20)])


def main() -> None:
    print("units   step, µs   direction, µs   directions a step   the same in units of H")
    for size in SIZES:
        step, direction = searches(random_member("gru", size, GAIN, visited=True))
        ratio = step / direction
        print(
            f"{size:5d} {1e6 * step:10.1f} {1e6 * direction:15.2f} {ratio:19.1f} "
            f"{ratio / size:24.3f}"
        )
    print("\nunits   float32, multiplications a second   float64")
    for size in SIZES:
        print(f"{size:5d} {rate(size, np.float32):35.2e} {rate(size, np.float64):9.2e}")


if __name__ == "__main__":
    main()
