"""Processes killed at any moment: what they leave, and what they are resumed to.

`python -m testing.kills --count 60` prints counts as JSON. Kills come by turns to a first training
run, to one that starts again over another's results, and to the saving of points over older ones;
with `--study`, all of them to a whole study. The moment is drawn from the calls that the package
makes and receives where it trains and writes; with `--timed`, from the time that an undisturbed
run takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc
from nullcline.study import reproduce
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.training import CheckpointError, load_checkpoint, train
from nullcline.training.fit import evaluate
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = tiny_corpus(n_train=40, n_test=20)
NEW = replace(SETTINGS, hidden_size=4, embedding_size=3, snapshot_steps=2)
OLD = replace(NEW, seed=1)

ANALYSIS = AnalysisSettings(n_starts=5, n_sample=20, n_reviews=5, n_words=5, n_threads=1)

COUNTED = (
    "_support/files.py",
    "_support/folder_lock.py",
    "_support/archive.py",
    "stores/zarr_arrays.py",
    "stores/tables.py",
    "stores/layout.py",
    "stores/copying.py",
    "stores/finding.py",
    "training/fit.py",
    "training/checkpoint.py",
    "training/progress.py",
    "training/snapshots.py",
    "sweeps/doing.py",
    "sweeps/running.py",
    "sweeps/store.py",
    "sweeps/sweeping.py",
    "sweeps/tables.py",
    "study/job_corpora.py",
    "study/network_training.py",
    "study/networks.py",
    "study/reproduce.py",
    "study/results.py",
    "study/figures.py",
    "study/report.py",
)
"""The package's files whose calls are moments to be killed at."""


@dataclass(frozen=True)
class Moments:
    """The moments at which work can be killed: calls or seconds, all of them in `whole`."""

    whole: float
    timed: bool

    @classmethod
    def of(cls, work: Callable[[], object], *, timed: bool) -> Moments:
        """Count the moments of undisturbed work."""
        with tempfile.TemporaryDirectory() as folder:
            note = Path(folder) / "calls"
            start = time.perf_counter()
            _in_child(lambda: note.write_text(str(_count_calls(work, np.inf))))
            seconds = time.perf_counter() - start
            return cls(seconds if timed else int(note.read_text()), timed)

    def kill(self, work: Callable[[], object], share: float) -> bool:
        """Kill work after a share of its moments; tell whether it was killed before its end."""
        moment = share * self.whole
        if self.timed:
            status = _in_child(work, kill_after=moment)
        else:
            status = _in_child(lambda: _count_calls(work, moment))
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _in_child(work: Callable[[], object], kill_after: float | None = None) -> int:
    """Do some work in a child process; return how that ended, as `os.waitpid` says it."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child may not go on as its parent would
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("work that was not killed has failed")
    return status


def _count_calls(work: Callable[[], object], last: float) -> int:
    """Do some work up to a call, at which the process is killed; return how many there were."""
    calls = 0

    def note(frame: Any, *_: object) -> None:
        nonlocal calls
        if frame.f_code.co_filename.endswith(COUNTED):
            calls += 1
            if calls > last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(note)
    work()
    sys.setprofile(None)
    return calls


def _train(folder: Path, settings: Any, **options: Any) -> None:
    train(CORPUS, settings, folder, device="cpu", progress=False, **options)


def _reproduce(folder: Path) -> None:
    reproduce.load_corpus = lambda *_, **__: CORPUS  # type: ignore[attr-defined] # of a child
    reproduce.reproduce(
        folder, layers=(1,), training=NEW, analysis=ANALYSIS, device="cpu", resume=True,
        progress=False,
    )  # fmt: skip


def _content(folder: Path) -> dict[str, Any]:
    """Return what a folder holds, by its files, without how long it took."""
    return {
        path.relative_to(folder).as_posix(): _without_times(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def _without_times(path: Path) -> Any:
    if ".partial" in path.name:
        return path.read_bytes()  # what a killed process was writing
    if path.suffix == ".html":
        return None  # results.json has what it says
    if path.name == "analysis.npz":
        return _drop(NetworkAnalysis.load(path).to_json())
    return _drop(json.loads(path.read_bytes())) if path.suffix == ".json" else path.read_bytes()


def _drop(record: Any) -> Any:
    """Return a record without seconds, and without the hashes of what has them."""
    if isinstance(record, dict):
        kept = record.keys() - {"seconds", "analysis_sha256", "files", "sha256"}
        return {name: _drop(record[name]) for name in kept}
    return [_drop(item) for item in record] if isinstance(record, list) else record


class Campaign:
    """Kills in a folder of their own, and the counts of what came of them."""

    def __init__(self, folder: Path, *, timed: bool, study: bool) -> None:
        self.folder = folder
        self.scenarios = (
            (self._study,) if study else (self._first_run, self._second_run, self._points)
        )
        self.counts = Counter(
            dict.fromkeys(
                (
                    "kills",
                    "before_the_end",
                    "left_temporary_files",
                    "resumed_to_the_same_bytes",
                    "mixed_two_runs",
                    "left_files_in_the_end",
                ),
                0,
            )
        )
        self.work = _reproduce if study else partial(_train, settings=NEW)
        self.moments = Moments.of(lambda: self.work(folder / "new"), timed=timed)
        _in_child(lambda: _train(folder / "old", OLD))
        self.whole = {name: _content(folder / name) for name in ("new", "old")}
        generator = np.random.default_rng(0)
        cell = nc.RNN(np.eye(3), 0.5 * np.eye(3))
        self.points = [
            nc.find_fixed_points(cell, generator.uniform(-1, 1, (n, 3)), n_threads=1)
            for n in (4, 2000)
        ]
        self.point_moments = Moments.of(
            lambda: self.points[1].save(folder / "counted.npz"), timed=timed
        )

    def kill(self, number: int) -> None:
        """Kill once; which scenario and when follows from the number."""
        scenario = self.scenarios[number % len(self.scenarios)]
        self.counts["kills"] += 1
        place = self.folder / f"trial-{number}"
        place.mkdir()
        scenario(place, float(np.random.default_rng(number).random()))
        shutil.rmtree(place)

    def _first_run(self, place: Path, share: float) -> None:
        self._note(place, self.moments.kill(lambda: self.work(place), share))
        if not self._is_whole(place, ("new",)):
            self.counts["mixed_two_runs"] += 1
        self._go_on(place)

    def _second_run(self, place: Path, share: float) -> None:
        shutil.copytree(self.folder / "old", place, dirs_exist_ok=True)
        killed = self.moments.kill(lambda: _train(place, NEW, resume=False), share)
        self._note(place, killed)
        if not self._is_whole(place, ("old", "new")):
            self.counts["mixed_two_runs"] += 1
        if _finished(place) and load_checkpoint(place).settings.seed == OLD.seed:
            shutil.rmtree(place)  # nothing of the new run was there yet
        self._go_on(place)

    def _study(self, place: Path, share: float) -> None:
        self._note(place, self.moments.kill(lambda: self.work(place), share))
        left = _content(place)
        for name in ("results.json", "index.html"):  # they stand for whole results
            if name in left and left[name] != self.whole["new"][name]:
                self.counts["mixed_two_runs"] += 1
        self._go_on(place)

    def _points(self, place: Path, share: float) -> None:
        path, few, many = place / "points.npz", *self.points
        few.save(path)
        self._note(place, self.point_moments.kill(lambda: many.save(path), share))
        if len(nc.FixedPoints.load(path)) not in {len(few), len(many)}:
            self.counts["mixed_two_runs"] += 1
        many.save(path)
        self.counts["resumed_to_the_same_bytes"] += path.read_bytes() == self._saved(many)
        self.counts["left_files_in_the_end"] += len(list(place.iterdir())) != 1

    def _note(self, place: Path, killed: bool) -> None:
        self.counts["before_the_end"] += killed
        self.counts["left_temporary_files"] += any(
            ".partial" in path.name for path in place.rglob("*")
        )

    def _is_whole(self, place: Path, names: tuple[str, ...]) -> bool:
        """Tell whether what looks finished is one run, with the accuracy that it claims."""
        if not _finished(place):
            return True
        found, content = load_checkpoint(place), _content(place)
        of_one = any(
            all(content[file] == whole for file, whole in self.whole[name].items())
            for name in names
        )
        return of_one and found.test_accuracy == evaluate(found.model(), found.reviews(CORPUS))[1]

    def _go_on(self, place: Path) -> None:
        _in_child(lambda: self.work(place))
        content = _content(place)
        same = all(content.get(name) == whole for name, whole in self.whole["new"].items())
        self.counts["resumed_to_the_same_bytes"] += same
        self.counts["left_files_in_the_end"] += content.keys() != self.whole["new"].keys()

    def _saved(self, points: nc.FixedPoints) -> bytes:
        path = self.folder / "undisturbed.npz"
        points.save(path)
        return path.read_bytes()


def _finished(place: Path) -> bool:
    try:
        load_checkpoint(place).model()
    except CheckpointError:
        return False
    return True


def main() -> None:
    """Kill as often as asked, and print the counts."""
    parser = argparse.ArgumentParser(description="Kill training runs, and count what is lost.")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--timed", action="store_true", help="kill after a time, not at a call")
    parser.add_argument("--study", action="store_true", help="kill whole studies")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])  # imports much, once for all children
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), timed=options.timed, study=options.study)
        for number in range(options.count):
            campaign.kill(number)
    sys.stdout.write(json.dumps(campaign.counts, indent=1) + "\n")


if __name__ == "__main__":
    main()
