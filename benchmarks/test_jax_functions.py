"""The benchmark of functions of JAX runs through, with little to do."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("jax")

from benchmarks import jax_functions
from benchmarks.functions import KINDS, Written

if TYPE_CHECKING:
    from pathlib import Path


def test_the_benchmark_runs(tmp_path: Path) -> None:
    path = tmp_path / "jax_functions.json"
    measured = jax_functions.run(path, [5], 4, 1)
    assert json.loads(path.read_text("utf-8")) == measured
    assert [row["kind"] for row in measured["networks"]] == list(KINDS)
    for row in measured["networks"]:
        assert ("optimistix" in row) == bool(importlib.util.find_spec("optimistix"))
        assert row["JAX"]["fixed"] == row["PyTorch"]["fixed"]
        assert row["JAX"]["warm_up_seconds"] < row["JAX"]["first_seconds"]
    assert jax_functions.table(measured["networks"]).count("| 5 |") == 3


@pytest.mark.parametrize("kind", KINDS)
def test_its_networks_are_those_of_pytorch(kind: str) -> None:
    import jax
    import torch

    network = Written(kind, 5, "hard")
    h, x = network.visited(3), np.random.default_rng(0).normal(size=(3, 4))
    with jax.enable_x64(True), torch.no_grad():
        found = jax_functions.step(kind, jax_functions._weights(network), x, h)
        right = network.step(torch.from_numpy(x), torch.from_numpy(h)).numpy()
        np.testing.assert_allclose(np.asarray(found), right, rtol=0, atol=1e-14)
