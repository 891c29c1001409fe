"""What tests only read is made once, however many processes run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing.made_once import WORKER, made_once

ROOT = Path(__file__).parents[1]

_MAKE = """
from pathlib import Path
import pytest
from testing.made_once import made_once

def make(folder):
    with Path({log!r}).open("a") as log:
        log.write("made\\n")
    (folder / "result").write_text("42")
    return folder / "result"

@pytest.fixture(scope="session")
def result(tmp_path_factory):
    return made_once(tmp_path_factory, "result", make)

@pytest.mark.parametrize("i", range(8))
def test_reads(result, i):
    assert result.read_text() == "42"
"""


def test_processes_make_it_once(tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    log = tmp_path / "log"
    (tmp_path / "test_readers.py").write_text(_MAKE.format(log=str(log)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n2", "-q", f"--rootdir={tmp_path}", tmp_path],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "8 passed" in done.stdout, done.stdout + done.stderr
    assert log.read_text("utf-8") == "made\n"


def test_what_fails_is_tried_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WORKER, raising=False)

    def fail(folder: Path) -> Path:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        made_once(tmp_path_factory, "fails once", fail)
    folder = made_once(tmp_path_factory, "fails once", lambda folder: folder)
    assert folder.is_dir()
    assert made_once(tmp_path_factory, "fails once", fail) == folder
