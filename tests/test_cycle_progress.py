"""How far searches for cycles, attractors and exponents are: counted up to all, and ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc

if TYPE_CHECKING:
    from collections.abc import Callable

CELL = nc.RNN([[0.0]], [[-2.0]], [0.0], [0.0])
STARTS = np.random.default_rng(0).uniform(-1, 1, (150, 1))

SEARCHES: dict[str, tuple[Callable[..., Any], int]] = {
    "cycles of two periods": (partial(nc.find_cycles, CELL, STARTS, [1, 2], n_steps=10), 300),
    "recurring cycles": (partial(nc.find_cycles, CELL, STARTS, n_steps=10), 150),
    "attractors": (partial(nc.find_attractors, CELL, STARTS, transient=10, n_steps=40), 150),
    "exponents": (partial(nc.lyapunov_exponents, CELL, STARTS, 40, transient=10), 50),
}


@pytest.mark.parametrize(("search", "total"), SEARCHES.values(), ids=SEARCHES)
def test_progress_rises_to_all(search: Callable[..., Any], total: int) -> None:
    told: list[tuple[int, int]] = []
    search(progress=lambda done, of: told.append((done, of)))
    done = [n for n, _ in told]
    assert done == sorted(set(done))
    assert len(told) > 1
    assert told[-1] == (total, total)


@pytest.mark.parametrize(("search", "total"), SEARCHES.values(), ids=SEARCHES)
def test_progress_counts_what_an_executor_does_too(search: Callable[..., Any], total: int) -> None:
    told: list[tuple[int, int]] = []
    with ThreadPoolExecutor(2) as pool:
        search(executor=pool, chunk_size=64, progress=lambda done, of: told.append((done, of)))
    of_all = len(STARTS) if search.func is nc.lyapunov_exponents else total  # type: ignore[attr-defined]
    assert told[-1] == (of_all, of_all)


@pytest.mark.parametrize(("search", "total"), SEARCHES.values(), ids=SEARCHES)
def test_what_progress_raises_ends_the_search(search: Callable[..., Any], total: int) -> None:
    def give_up(done: int, of: int) -> None:
        assert 0 < done < of == total
        raise TimeoutError("long enough")

    with pytest.raises(TimeoutError, match="long enough"):
        search(progress=give_up)


def test_a_bar_names_what_is_sought(capfd: pytest.CaptureFixture[str]) -> None:
    nc.find_attractors(CELL, STARTS, transient=10, n_steps=40, progress=True)
    assert "attractors: 100%" in capfd.readouterr().err
