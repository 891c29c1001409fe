"""Settings that all tests and benchmarks share."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from nullcline._support.versions import versions
from testing.made_once import WORKER, made_once
from testing.site import build

if TYPE_CHECKING:
    from pathlib import Path

# Of several processes each has a core. Threads of PyTorch and of BLAS would wait for each other
# there, which takes up to ten times as long. Both are imported later, and count them then.
if WORKER in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell has jobs in the background ignore Ctrl-C: so would these processes, where tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, and no deadline: a test fails for what it proves, not for load.
settings.register_profile("nullcline", derandomize=True, deadline=None)
settings.load_profile("nullcline")


def pytest_benchmark_update_machine_info(config: object, machine_info: dict[str, Any]) -> None:
    """Keep what explains a time, not whose machine it was."""
    del config
    for name in ("node", "release", "processor", "python_build"):
        machine_info.pop(name, None)
    machine_info["packages"] = versions()
    cpu = machine_info.get("cpu", {})
    machine_info["cpu"] = {key: cpu.get(key) for key in ("brand_raw", "arch", "count")}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the documentation's site, which is built once for all processes."""
    return made_once(tmp_path_factory, "site", build)
