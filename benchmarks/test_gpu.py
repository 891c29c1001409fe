"""The benchmark of GPUs runs through, on the emulated one and with little to do."""

from __future__ import annotations

from importlib import import_module

import pytest

from benchmarks import gpu


@pytest.mark.filterwarnings("ignore")  # what other people's libraries say to each other
def test_the_benchmark_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        emulated = import_module("nullcline._native._emulated_gpu")
    except ModuleNotFoundError:
        pytest.skip("nullcline was built without -C cmake.define.NULLCLINE_EMULATED_GPU=ON")
    monkeypatch.setattr("nullcline.gpu.availability.gpu_module", lambda: emulated)
    monkeypatch.setattr(gpu, "ROUNDS", 1)
    searches = [
        *gpu.study_network(3, 1, torch_device="cpu"),
        *gpu.many_starts(3),
        *gpu.large_network(128, 2),
    ]
    result = gpu.record() | {"searches": searches, "rates": [gpu.rates(64, 4, square=8)]}
    lines = gpu.table(result).splitlines()
    assert len(lines) == 1 + len(searches) + 1
    assert lines[0].startswith("emulated GPU")
    assert all(search["seconds"] > 0 for search in searches)
    assert result["rates"][0]["residual share"] > 0
