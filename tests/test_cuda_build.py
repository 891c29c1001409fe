"""The build of the CUDA module finds a host compiler that nvcc takes, and compiles for its GPUs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CMAKE = shutil.which("cmake", path=Path(sys.executable).parent) or shutil.which("cmake") or ""
MODULE = Path(__file__).parents[1] / "cmake" / "Cuda.cmake"

pytestmark = pytest.mark.skipif(not CMAKE, reason="cmake is not installed")


def run_cmake(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of CMake's after the module; programs are looked for in `folder` first."""
    path = folder / "script.cmake"
    path.write_text(
        f'include("{MODULE}")\nset(CMAKE_PROGRAM_PATH "{folder}")\n{script}\n', encoding="utf-8"
    )
    command = [CMAKE, "-P", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def nvcc_that_takes(newest: int, folder: Path) -> Path:
    """Return an nvcc to which g++-N is version N, and what has no number too new."""
    complaint = (
        "#error -- unsupported GNU version! gcc versions later than "
        f"{newest} are not supported! The nvcc flag can be used to override this"
    )
    path = folder / "nvcc"
    program(path, f'case "$2" in *-{newest}) exit 0;; esac\necho "{complaint}" >&2\nexit 1')
    return path


def choose(folder: Path, nvcc: Path, cxx: str) -> subprocess.CompletedProcess[str]:
    script = f'nullcline_cuda_host_compiler("{nvcc}" "{cxx}" chosen)\nmessage("<${{chosen}}>")'
    return run_cmake(folder, script)


def test_nvcc_is_given_the_compiler_of_all_else_where_it_takes_it(tmp_path: Path) -> None:
    ran = choose(tmp_path, nvcc_that_takes(98, tmp_path), "/somewhere/g++-98")
    assert "</somewhere/g++-98>" in ran.stderr
    assert "host compiler of nvcc is /somewhere/g++-98" in ran.stdout


def test_nvcc_is_given_an_older_compiler_where_all_else_has_one_too_new(tmp_path: Path) -> None:
    program(tmp_path / "g++-98", "exit 0")
    program(tmp_path / "g++-99", "exit 0")
    ran = choose(tmp_path, nvcc_that_takes(98, tmp_path), "/somewhere/g++")
    assert f"<{tmp_path}/g++-98>" in ran.stderr


def test_that_there_is_no_compiler_for_nvcc_is_said_in_a_sentence(tmp_path: Path) -> None:
    ran = choose(tmp_path, nvcc_that_takes(10, tmp_path), "/somewhere/g++")
    said = " ".join(ran.stderr.split())
    assert ran.returncode != 0
    assert "nvcc takes g++ up to version 10, and /somewhere/g++ is newer: install g++-10" in said
    program(tmp_path / "broken", "echo no such compiler >&2; exit 1")
    ran = choose(tmp_path, tmp_path / "broken", "/somewhere/g++")
    said = " ".join(ran.stderr.split())
    assert "nvcc does not work with /somewhere/g++ as its host compiler" in said
    assert "no such compiler" in said


@pytest.mark.parametrize(
    ("version", "architectures"),
    [
        ("12.0.140", "80-real;90-real;90-virtual"),
        ("12.8.61", "80-real;90-real;100-real;120-real;100-virtual"),
        ("13.0.88", "80-real;90-real;100-real;120-real;100-virtual"),
    ],
)
def test_an_nvcc_compiles_for_the_gpus_that_it_knows(
    version: str, architectures: str, tmp_path: Path
) -> None:
    script = f'nullcline_cuda_architectures({version} found)\nmessage("<${{found}}>")'
    assert f"<{architectures}>" in run_cmake(tmp_path, script).stderr
