"""The study's networks searched from visited states: ours against every rival, in one run.

Every round runs every contestant once before the next round begins, so that a drift of the
machine's speed falls on all alike. Without `--benchmark-enable` everything runs for function: few
starts and iterations, and nothing is timed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.contestants import CONTESTANTS, known_points, places
from benchmarks.networks import NAMES, trained

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 3


@pytest.mark.parametrize("name", CONTESTANTS)
@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("network_name", NAMES)
@pytest.mark.filterwarnings("ignore")  # what other people's libraries say to each other
def test_every_end_is_counted_and_ours_are_at_the_points(
    benchmark: BenchmarkFixture, network_name: str, name: str, round_: int
) -> None:
    contestant = CONTESTANTS[name]
    if contestant.missing:
        pytest.skip(contestant.missing)
    quick = benchmark.disabled
    network = trained(network_name)
    network.cell.step(network.starts[:1])  # BLAS is loaded on first use
    starts = network.starts[: 3 if quick else contestant.n_starts]
    options = {"max_iterations": 2} if quick else {}
    if contestant.warms_up:
        contestant.run(network, starts, **options)
    h = benchmark.pedantic(  # type: ignore[no-untyped-call]
        contestant.run, args=(network, starts), kwargs=options, rounds=1
    )
    assert h.shape == starts.shape
    found = places(known_points(network_name), np.asarray(h, np.float64))
    assert sum(found.values()) == len(starts)
    benchmark.extra_info.update(
        network=network_name, contestant=name, round=round_, n_starts=len(starts), **found
    )
    if not quick and name in {"nullcline, auto", "nullcline, krylov", "nullcline, lm"}:
        assert found["fixed"] + found["ghost"] == len(starts)
