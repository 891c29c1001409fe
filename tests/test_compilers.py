"""A compiler that the core is not for is named at once, with one that it is for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CMAKE = shutil.which("cmake", path=Path(sys.executable).parent) or shutil.which("cmake") or ""
MODULE = Path(__file__).parents[1] / "cmake" / "Compilers.cmake"

pytestmark = pytest.mark.skipif(not CMAKE, reason="cmake is not installed")


def complaint(kind: str, version: str, folder: Path) -> str:
    """Return what is said of a compiler; nothing, if it is taken."""
    script = folder / "script.cmake"
    script.write_text(f'include("{MODULE}")\nnullcline_check_compiler("{kind}" "{version}")\n')
    ended = subprocess.run([CMAKE, "-P", script], capture_output=True, text=True, check=False)
    assert (ended.returncode == 0) == (ended.stderr == "")
    return " ".join(ended.stderr.split())


@pytest.mark.parametrize(
    ("kind", "version"), [("GNU", "12.2.0"), ("Clang", "17.0.6"), ("AppleClang", "16.0.0.16000026")]
)
def test_a_compiler_that_is_new_enough_is_taken(kind: str, version: str, tmp_path: Path) -> None:
    assert complaint(kind, version, tmp_path) == ""


@pytest.mark.parametrize(
    ("kind", "version"), [("GNU", "11.4.0"), ("Clang", "16.0.6"), ("AppleClang", "15.0.0")]
)
def test_one_that_is_too_old_is_named_with_those_that_are_not(
    kind: str, version: str, tmp_path: Path
) -> None:
    said = complaint(kind, version, tmp_path)
    assert f"{kind} {version} lacks parts of C++20: use g++ 12, clang 17" in said


def test_windows_is_led_to_its_linux(tmp_path: Path) -> None:
    said = complaint("MSVC", "19.44", tmp_path)
    assert "not compiled by MSVC" in said
    assert "Windows Subsystem for Linux" in said
