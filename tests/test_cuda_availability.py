"""Whether a search can run on a GPU is told in a sentence, and cuBLAS is looked for in order."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from nullcline.gpu import cublas
from nullcline.gpu.availability import require_supported
from nullcline.gpu.device import chosen_gpu, first_gpu

if TYPE_CHECKING:
    from pathlib import Path

CELL = nc.GRU(np.zeros((6, 1)), np.eye(6, 2))


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullcline.gpu.availability._ready", None)


def build(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    """Make the compiled module one of these functions; by default all is well."""
    module = SimpleNamespace(
        **{
            "device_count": lambda: 1,
            "device_name": "GPU {}".format,
            "compute_capability": lambda device: (9, device),
            "least_compute_capability": lambda: (8, 0),
            "load_cublas": lambda _: None,
            **functions,
        }
    )
    monkeypatch.setitem(sys.modules, "nullcline._native._cuda", module)


def check_refusal(reason: str) -> None:
    """Check that all who ask are told the reason."""
    available = nc.cuda.is_available()
    assert not available
    assert reason in available.reason
    assert repr(available) == f"Availability(False, {available.reason!r})"
    assert nc.cuda.devices() == []
    with pytest.raises(RuntimeError) as refused:
        nc.find_fixed_points(CELL, np.zeros((1, 2)), device="cuda")
    assert isinstance(refused.value, nc.cuda.CudaUnavailableError)
    assert str(refused.value) == available.reason


def test_a_gpu_is_available_without_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, device_count=lambda: 2)
    available = nc.cuda.is_available()
    assert available
    assert not available.reason
    assert repr(available) == "Availability(True)"
    assert nc.cuda.devices() == [
        nc.cuda.Device(0, "GPU 0", (9, 0)),
        nc.cuda.Device(1, "GPU 1", (9, 1)),
    ]


def test_a_build_without_cuda_is_the_reason_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nullcline._native._cuda", None)
    check_refusal("nullcline was built without CUDA: reinstall with `pip install .")


def test_a_module_that_cannot_be_loaded_is_the_reason_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "nullcline._native._cuda", raising=False)

    def fail(name: str) -> None:
        raise ImportError("libstdc++.so.6: version `GLIBCXX_9' not found")

    monkeypatch.setattr("nullcline.gpu.availability.import_module", fail)
    check_refusal("nullcline's CUDA module cannot be loaded: libstdc++.so.6: version")


def test_no_driver_is_the_reason_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise RuntimeError("no NVIDIA driver was found")

    build(monkeypatch, device_count=fail)
    check_refusal("no NVIDIA driver was found")


def test_no_gpu_is_the_reason_given(monkeypatch: pytest.MonkeyPatch) -> None:
    build(monkeypatch, device_count=lambda: 0)
    check_refusal("no NVIDIA GPU is visible; CUDA_VISIBLE_DEVICES may hide it")


def test_a_gpu_that_is_too_old_for_the_build_is_the_reason_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build(monkeypatch, compute_capability=lambda _: (7, 5))
    check_refusal(
        "this build of nullcline needs a GPU of compute capability 8.0 or more, and GPU 0 (cuda:0) "
        "has 7.5: reinstall with"
    )
    check_refusal("CMAKE_CUDA_ARCHITECTURES=75")


def test_of_several_gpus_those_that_are_too_old_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build(monkeypatch, device_count=lambda: 2, compute_capability=lambda index: (7 + index, 0))
    assert nc.cuda.devices() == [nc.cuda.Device(1, "GPU 1", (8, 0))]
    assert first_gpu() == 1
    require_supported(1)
    with pytest.raises(nc.cuda.CudaUnavailableError, match=r"GPU 0 \(cuda:0\) has 7.0"):
        nc.find_fixed_points(CELL, np.zeros((1, 2)), device="cuda:0")


def test_after_a_fork_the_reason_given_is_the_fork() -> None:
    script = """
import os, sys, threading
from types import SimpleNamespace
import nullcline as nc
from nullcline.gpu import availability, cublas
cublas.candidates = lambda: iter(["good"])
sys.modules["nullcline._native._cuda"] = SimpleNamespace(
    device_count=lambda: 1,
    device_name=str,
    compute_capability=lambda _: (9, 0),
    least_compute_capability=lambda: (8, 0),
    load_cublas=lambda _: None,
)
assert nc.cuda.is_available()
with availability._lock:  # as if another thread held it
    child = os.fork()
    if child == 0:
        print(nc.cuda.is_available().reason, flush=True)
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert nc.cuda.is_available()
"""
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.startswith("this process was forked from one that had used the GPU")


def test_no_cublas_is_the_reason_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise OSError(f"{path}: cannot open shared object file")

    build(monkeypatch, load_cublas=fail)
    check_refusal("cuBLAS was not found: pip install nvidia-cublas (tried: ")
    check_refusal("libcublas.so.12: cannot open")


def test_cublas_is_loaded_once_from_the_first_place_that_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def load(path: str) -> None:
        tried.append(path)
        if path != "good":
            raise RuntimeError("too old")

    build(monkeypatch, load_cublas=load)
    monkeypatch.setattr(
        "nullcline.gpu.cublas.candidates", lambda: iter(["bad", "good", "unneeded"])
    )
    assert nc.cuda.is_available()
    assert nc.cuda.is_available()
    assert tried == ["bad", "good"]


# Where cuBLAS is looked for


def test_a_loaded_cublas_comes_first_then_the_wheels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "nvidia"
    wheels = [package / "cu13" / "lib" / "libcublas.so.13", package / "cublas/lib/libcublas.so.12"]
    for path in wheels:
        path.parent.mkdir(parents=True)
        path.touch()
        path.with_name("libcublasLt.so.13").touch()
    monkeypatch.syspath_prepend(tmp_path)
    loaded = tmp_path / "with a space" / "libcublas.so.13.0.0.19"
    monkeypatch.setattr(cublas, "_MAPS", tmp_path / "maps")
    (tmp_path / "maps").write_text(
        f"7f00-7f01 r--p 00000000 08:01 42                  {loaded}\n"
        f"7f01-7f02 r-xp 00001000 08:01 42                  {loaded}\n"
        f"7f02-7f03 r--p 00000000 08:01 43                  {tmp_path}/libcublasLt.so.13\n"
        "7f03-7f04 rw-p 00000000 00:00 0                   [heap]\n"
    )
    for name in ("CONDA_PREFIX", "CUDA_PATH", "CUDA_HOME"):
        monkeypatch.delenv(name, raising=False)
    expected = [str(loaded), *map(str, wheels), "libcublas.so.13", "libcublas.so.12"]
    assert list(cublas.candidates()) == expected


def test_without_wheels_the_system_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cublas, "_MAPS", tmp_path / "no such file")
    monkeypatch.setattr(cublas, "find_spec", lambda _: None)
    for name in ("CONDA_PREFIX", "CUDA_PATH", "CUDA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert list(cublas.candidates()) == ["libcublas.so.13", "libcublas.so.12"]


def test_a_toolkit_that_the_environment_names_comes_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cublas, "_MAPS", tmp_path / "no such file")
    monkeypatch.setattr(cublas, "find_spec", lambda _: None)
    monkeypatch.setenv("CONDA_PREFIX", "")
    monkeypatch.delenv("CUDA_PATH", raising=False)
    monkeypatch.setenv("CUDA_HOME", str(tmp_path))
    library = tmp_path / "lib64" / "libcublas.so.13"
    library.parent.mkdir()
    library.touch()
    names = ["libcublas.so.13", "libcublas.so.12"]
    assert list(cublas.candidates()) == [*names, str(library)]


# What `device` may be


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_processor_needs_no_gpu_module(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nullcline._native._cuda", None)
    assert chosen_gpu(device) is None
    points = nc.find_fixed_points(CELL, np.zeros((1, 2)), device=device)
    assert points.kind.tolist() == ["fixed"]


@pytest.mark.parametrize(
    ("device", "index"),
    [
        ("cuda", None),
        ("cuda:0", 0),
        ("cuda:1", 1),
        (torch.device("cuda"), None),
        (torch.device("cuda", 1), 1),
    ],
)
def test_a_gpu_is_chosen_by_its_number(
    device: Any, index: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(monkeypatch, device_count=lambda: 2)
    gpu = chosen_gpu(device)
    assert gpu is not None
    assert gpu.index == index


@pytest.mark.parametrize(
    ("device", "count", "message"),
    [
        ("cuda:1", 1, "device must be a GPU that there is, cuda:0, not cuda:1"),
        ("cuda:2", 2, "device must be a GPU that there is, cuda:0 to cuda:1, not cuda:2"),
        ("cuda:-1", 1, "device must be cpu, cuda or cuda:N, not 'cuda:-1'"),
        ("cuda: 0", 1, "device must be cpu, cuda or cuda:N"),
        ("CUDA", 1, "device must be cpu, cuda or cuda:N"),
        (0, 1, "device must be cpu, cuda or cuda:N, not 0"),
    ],
)
def test_other_devices_are_refused(
    device: Any, count: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(monkeypatch, device_count=lambda: count)
    with pytest.raises(ValueError, match=message):
        chosen_gpu(device)
