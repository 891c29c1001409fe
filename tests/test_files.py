"""Results appear whole under their name, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

import nullcline as nc
from nullcline._support.files import remove_abandoned, replacing, write_json, write_text
from nullcline._support.folder_lock import locked
from nullcline.compat.fpf import FixedPoints as FinderPoints
from nullcline.study.figures import save_figure
from nullcline.text import Vocabulary
from nullcline.training.checkpoint import save_weights
from nullcline.training.progress import Origin, Progress, save_progress
from nullcline.training.settings import TrainingSettings
from testing.full_disk import files_of_at_most
from testing.study_samples import layer, network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_replaces_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "new" / "result.txt"
    write_text(target, "old")
    write_text(target, "nouveau é")
    assert target.read_text(encoding="utf-8") == "nouveau é"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interruption_keeps_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "result.txt"
    write_text(target, "old")
    with pytest.raises(error), replacing(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def _points() -> nc.FixedPoints:
    cell = nc.RNN(np.eye(3), 0.5 * np.eye(3))
    return nc.find_fixed_points(cell, np.zeros((5, 3)), n_threads=1)


def _save_progress(path: Path) -> None:
    progress = Progress(Origin("any", TrainingSettings(), None), (), {})
    save_progress(path, progress, {"model": {"weight": torch.zeros(99)}})


WRITERS: dict[str, Callable[[Path], Any]] = {
    "result.txt": lambda path: write_text(path, "x" * 1000),
    "points.npz": lambda path: _points().save(path),
    "finder.npz": lambda path: FinderPoints(xstar=np.zeros((9, 9)), verbose=False).save(path),
    "analysis.npz": lambda path: network(layer(1)).save(path),
    "vocabulary.json": lambda path: Vocabulary(map(str, range(99))).save(path),
    "weights.safetensors": lambda path: save_weights({"weight": torch.zeros(99)}, path),
    "progress.safetensors": _save_progress,
    "figure.png": lambda path: save_figure(Figure(), path),
    "figure.svg": lambda path: save_figure(Figure(), path),
}
"""Whatever writes a result, by a name that it may have."""


@pytest.mark.parametrize("name", WRITERS)
def test_a_disk_that_takes_no_more_keeps_the_old_file(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("old")
    with files_of_at_most(100), pytest.raises(OSError, match="File too large") as caught:
        WRITERS[name](target)
    assert caught.value.filename == str(target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_replaces_what_was_there(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    target.write_text("old")
    WRITERS[name](target)
    assert target.stat().st_size > 100
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_no_ordinary_file_is_left_alone(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.npz"
    os.mkfifo(pipe)
    for target in (pipe, tmp_path, "/dev/full"):
        with pytest.raises(FileExistsError, match="no ordinary file"):
            write_text(target, "new")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_file_has_the_permissions_that_the_mask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "result.txt", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "result.txt").stat().st_mode) == 0o640


def test_a_killed_writer_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    write_text(target, "old")
    script = (
        "import os, signal, sys; from nullcline._support.files import replacing\n"
        "with replacing(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    write_text(target, "new")  # which removes what the other had no time to
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_temporary_files_of_the_living_are_left_alone(tmp_path: Path) -> None:
    target, other = tmp_path / "result.txt", tmp_path / "other.txt"
    dead = [tmp_path / f".{name}-0a1b2c3d.partial.txt" for name in ("result", "other")]
    foreign = [tmp_path / ".result.partial.txt", tmp_path / "result-0a1b2c3d.partial.txt"]
    for path in (*dead, *foreign):
        path.write_text("half")
    with replacing(target) as temporary:
        temporary.write_text("first")
        write_text(target, "second")
        assert [path.exists() for path in (temporary, *dead)] == [True, False, True]
        write_text(other, "third")
        remove_abandoned(tmp_path)
        assert [path.exists() for path in (temporary, *dead)] == [True, False, False]
    assert target.read_text() == "first"
    assert sorted(tmp_path.iterdir()) == sorted([target, other, *foreign])


def test_many_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    target = tmp_path / "result.txt"
    failures: list[OSError] = []

    def write(number: int) -> None:
        try:
            for _ in range(25):
                write_text(target, str(number) * 1000)
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(set(target.read_text())) == 1
    assert list(tmp_path.iterdir()) == [target]


# Folders


def test_without_locks_a_folder_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    abandoned = tmp_path / ".result-0a1b2c3d.partial.txt"
    abandoned.write_text("whose?")
    lock = locked(tmp_path, "out")
    with pytest.warns(RuntimeWarning, match="without locks"):
        lock.__enter__()
    write_text(tmp_path / "result.txt", "new")
    remove_abandoned(tmp_path)
    lock.__exit__(None, None, None)
    assert sorted(tmp_path.iterdir()) == [abandoned, tmp_path / "result.txt"]


def test_a_folder_is_one_process_alone_until_that_has_ended(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    script = (
        "import sys; from nullcline._support.folder_lock import locked\n"
        "with locked(sys.argv[1], 'out'):\n"
        "    print('held', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError, match=rf"\({process.pid}\) is writing") as caught:
            locked(folder, "out").__enter__()
        assert caught.value.filename == str(folder)
        process.kill()
    with locked(folder, "out"):
        assert [path.name for path in folder.iterdir()] == [".lock"]
    assert not list(folder.iterdir())


def test_no_two_hold_a_folder_at_once(tmp_path: Path) -> None:
    """Though each that ends removes the file that the others are locking."""
    folder, marker = tmp_path / "out", tmp_path / "held"
    failures: list[OSError] = []
    held = [0]

    def work() -> None:
        for _ in range(300):
            with contextlib.suppress(BlockingIOError), locked(folder, "out"):
                try:
                    os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
                    marker.unlink()
                    held[0] += 1
                except OSError as error:
                    failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert held[0]


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path: Path) -> None:
    with locked(tmp_path / "new", "out"):
        pass
    with locked(tmp_path / "used", "out"):
        (tmp_path / "used" / "result.txt").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["used"]
    with pytest.raises(NotADirectoryError, match="out must name a folder"):
        locked(tmp_path / "used" / "result.txt", "out").__enter__()


def test_json_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "result.json", {"q": float("nan")})
    assert not list(tmp_path.iterdir())
